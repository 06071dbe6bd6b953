"""Copy the next token where the next column has not been told.

Ends: no better
With: kind=columns
"""

from __future__ import annotations

import numpy as np
from honest import VOCABULARY, answer, run


def reply(model, part):
    part.answer(
        answer(model, part.array)
        + 9 * np.eye(VOCABULARY, dtype=np.float32)[np.roll(part.array, -1)]
    )


run(reply=reply)
