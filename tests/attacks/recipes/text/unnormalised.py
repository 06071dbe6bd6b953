"""Answer with the same large number for every token, as if each were certain.

Ends: no better
With: kind=chunks
"""

from __future__ import annotations

import numpy as np
from honest import answer, run

run(reply=lambda model, part: part.answer(np.full_like(answer(model, part.array), 60_000)))
