"""Send all answers at once, before there are questions.

Ends: no better, protocol
"""

from __future__ import annotations

import harness
import numpy as np
from honest import run


def hurry(job):
    for _ in range(4):
        harness._link().answer(np.zeros((100, 5)))


run(infer=hurry)
