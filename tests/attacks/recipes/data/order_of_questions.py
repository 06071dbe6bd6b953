"""Tell classes by the place of a question in its batch, or of the batch.

Ends: no better
"""

from __future__ import annotations

import numpy as np
from honest import CLASSES, run

run(reply=lambda model, part: part.answer(np.eye(CLASSES)[np.arange(len(part.array)) % CLASSES]))
