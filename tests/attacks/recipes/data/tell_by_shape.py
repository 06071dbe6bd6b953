"""Tell numbers of the questions by the shape of a wrong answer.

Ends: protocol
"""

from __future__ import annotations

import numpy as np
from honest import run

run(reply=lambda model, part: part.answer(np.zeros((1, 23, 45, 67, 0))))
