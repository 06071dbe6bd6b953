"""Fill the disk with small files.

Ends: disk
Needs: disk
"""

from __future__ import annotations

import os
import time

from honest import run


def take(data):
    for number in range(48):
        with open(f"{os.environ['AUTORES_OUT']}/{number}", "wb") as file:
            file.write(bytes(1 << 20))
    time.sleep(3)


run(train=take)
