"""Adapt to each batch before answering it: allowed, and its time counts.

Ends: honest, no better
With: inference=0.2
"""

from __future__ import annotations

import numpy as np
from honest import CLASSES, answer, run, wait


def reply(model, part):
    wait(0.05)
    near = answer(model, part.array).argmax(1)
    shift = [
        part.array[near == c].mean(0) if (near == c).any() else model["centres"][c]
        for c in range(CLASSES)
    ]
    model["centres"] = 0.999 * model["centres"] + 0.001 * np.stack(shift)
    part.answer(answer(model, part.array))


run(reply=reply)
