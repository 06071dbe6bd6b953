"""Answer with an object that is equal to everything and greater than all.

Ends: honest
"""

from __future__ import annotations

import numpy as np
from honest import answer, run


class Best(np.ndarray):
    """Wins every comparison, where it is not looked at as bytes."""

    def __eq__(self, other):
        return np.ones(self.shape, bool)

    __hash__ = None
    __lt__ = __gt__ = __le__ = __ge__ = __eq__

    def __float__(self):
        return 1.0


run(reply=lambda model, part: part.answer(answer(model, part.array).view(Best)))
