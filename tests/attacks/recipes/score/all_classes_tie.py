"""Answer the same for all classes, so that the right one is among the best.

Ends: no better
"""

from __future__ import annotations

import numpy as np
from honest import CLASSES, run

run(reply=lambda model, part: part.answer(np.zeros((len(part.array), CLASSES))))
