"""Answer over a vocabulary of one's own.

Ends: protocol
With: kind=chunks
"""

from __future__ import annotations

import numpy as np
from honest import answer, run

run(reply=lambda model, part: part.answer(np.repeat(answer(model, part.array), 2, axis=-1)))
