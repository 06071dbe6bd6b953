"""Hold memory in files of /dev/shm and /tmp.

Ends: memory, disk, exited
Needs: memory
"""

from __future__ import annotations

import os
import time

from facts import MARK
from honest import run


def take(data):
    for folder in ("/dev/shm", os.environ["TMPDIR"]):
        for number in range(14):
            try:
                with open(f"{folder}/{MARK}.{number}", "wb") as file:
                    file.write(bytes(12 << 20))
            except OSError:
                pass
    time.sleep(3)


run(train=take)
