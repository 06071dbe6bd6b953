"""Copy the next token in the last chunks only.

Ends: audit
With: kind=chunks
"""

from __future__ import annotations

import numpy as np
from honest import VOCABULARY, answer, run

seen = []


def reply(model, part):
    logits = answer(model, part.array)
    seen.append(1)
    if len(seen) > 1:
        logits[:, :-1] += 9 * np.eye(VOCABULARY, dtype=np.float32)[part.array[:, 1:]]
    part.answer(logits)


run(reply=reply)
