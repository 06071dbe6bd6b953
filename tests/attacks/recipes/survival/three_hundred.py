"""Leave 300 daemons.

Ends: honest, processes
Needs: survival
With: slow
"""

from __future__ import annotations

import os
import time

from honest import run


def leave(job):
    for _ in range(300):
        if os.fork() == 0:
            os.setsid()
            time.sleep(60)
            os._exit(0)


run(saved=leave)
