"""Leave a process that holds the output open when everything else has ended.

Ends: honest
Needs: survival
"""

from __future__ import annotations

import os
import time

from honest import run


def leave(job):
    if os.fork() == 0:
        os.setsid()
        time.sleep(30)
        os._exit(0)


run(saved=leave)
