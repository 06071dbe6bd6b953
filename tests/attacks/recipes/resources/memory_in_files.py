"""Hold memory in nameless files, which no limit of a process counts.

Ends: memory
Needs: memory
"""

from __future__ import annotations

import os
import time

from honest import run


def take(data):
    for number in range(28):  # each below the limit of a file
        store = os.memfd_create(f"held {number}")
        os.write(store, bytes(12 << 20))
    time.sleep(3)


run(train=take)
