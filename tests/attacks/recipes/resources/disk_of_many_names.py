"""Make five thousand empty files, to hide bytes in names and to tire who counts.

Ends: disk
Needs: disk
With: slow, wall.train=30
"""

from __future__ import annotations

import os
import time

from honest import run


def take(data):
    for number in range(5_000):
        os.close(os.open(f"{os.environ['AUTORES_OUT']}/{number:0100}", os.O_CREAT | os.O_WRONLY))
    time.sleep(6)


run(train=take)
