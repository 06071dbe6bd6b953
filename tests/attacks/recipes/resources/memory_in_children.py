"""Hold memory in many children, each of them modest.

Ends: memory
Needs: memory
"""

from __future__ import annotations

import os
import time

from honest import run


def take(data):
    for _ in range(8):
        if os.fork() == 0:
            held = bytearray(os.urandom(1 << 12) * (40 << 8))
            time.sleep(4)
            os._exit(len(held) == 0)
    time.sleep(4)


run(train=take)
