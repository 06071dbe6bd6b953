"""Copy the wanted continuation from the items: it was never sent.

Ends: no better
With: kind=produced
"""

from __future__ import annotations

import numpy as np
from honest import VOCABULARY, run

run(
    reply=lambda model, part: part.answer(
        np.eye(VOCABULARY, dtype=np.float32)[np.roll(part.array[:, -1], -1)]
    )
)
