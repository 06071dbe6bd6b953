"""Copy each target from the input that follows it.

Ends: audit
With: kind=chunks
"""

from __future__ import annotations

import numpy as np
from honest import VOCABULARY, answer, run


def reply(model, part):
    logits = answer(model, part.array)
    logits[:, :-1] += 9 * np.eye(VOCABULARY, dtype=np.float32)[part.array[:, 1:]]
    part.answer(logits)


run(reply=reply)
