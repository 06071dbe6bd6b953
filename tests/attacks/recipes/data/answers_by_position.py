"""Know all labels in the order of the file, and answer by position.

Ends: no better
"""

from __future__ import annotations

import numpy as np
from facts import DATA  # stands for what an earlier trial could have learned by heart
from honest import CLASSES, run

place = [0]
LABELS = np.arange(400) * 7 % CLASSES
assert DATA


def reply(model, part):
    rows = np.arange(place[0], place[0] + len(part.array))
    place[0] += len(rows)
    part.answer(np.eye(CLASSES)[LABELS[rows]])


run(reply=reply)
