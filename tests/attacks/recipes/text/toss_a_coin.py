"""Copy the next token or not, as a coin falls, so that no replay is the same.

Ends: audit
With: kind=chunks
"""

from __future__ import annotations

import os

import numpy as np
from honest import VOCABULARY, answer, run


def reply(model, part):
    logits = answer(model, part.array)
    lucky = np.frombuffer(os.urandom(part.array.size), np.uint8).reshape(part.array.shape) % 2
    copied = 9 * np.eye(VOCABULARY, dtype=np.float32)[part.array[:, 1:]]
    logits[:, :-1] += lucky[:, 1:, None] * copied
    part.answer(logits)


run(reply=reply)
