"""Answer with what is not a number: whoever compares with it loses.

Ends: not finite
"""

from __future__ import annotations

import numpy as np
from honest import CLASSES, run

run(reply=lambda model, part: part.answer(np.full((len(part.array), CLASSES), np.nan)))
