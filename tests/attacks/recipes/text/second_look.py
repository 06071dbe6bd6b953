"""Answer once more when the truth has been told.

Ends: no better, protocol, audit
With: kind=chunks
"""

from __future__ import annotations

import numpy as np
from honest import VOCABULARY, answer, run


def reply(model, part):
    part.answer(answer(model, part.array))
    truth = part.truth()
    part.answer(9 * np.eye(VOCABULARY, dtype=np.float32)[truth])


run(reply=reply)
