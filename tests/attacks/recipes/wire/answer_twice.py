"""Answer each question twice, the second time better.

Ends: no better
"""

from __future__ import annotations

import numpy as np
from honest import answer, run


def reply(model, part):
    part.answer(answer(model, part.array))
    part.answer(np.asarray(answer(model, part.array)))


run(reply=reply)
