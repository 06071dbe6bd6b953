"""Fork until nothing more can be forked.

Ends: processes
Needs: tasks
"""

from __future__ import annotations

import os
import time

from honest import run


def bomb(data):
    for _ in range(2_500):
        try:
            if os.fork() == 0:
                time.sleep(5)
                os._exit(0)
        except OSError:
            time.sleep(0.01)
    time.sleep(3)


run(train=bomb)
