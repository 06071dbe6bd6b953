"""Have so many names and descriptors that looking at them is slow, then take memory.

Ends: memory, disk
Needs: memory
With: slow
"""

from __future__ import annotations

import os
import time

from honest import run


def take(data):
    for number in range(3_000):
        os.close(os.open(f"{os.environ['AUTORES_OUT']}/{number}", os.O_CREAT | os.O_WRONLY))
    held = [os.memfd_create("x") for _ in range(800)]
    for number in range(28):
        os.write(held[number], bytes(12 << 20))
    time.sleep(6)


run(train=take)
