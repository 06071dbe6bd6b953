"""Leave daemons in the phase that answers, to be there in the next trial.

Ends: honest
Needs: survival
With: runs=2
"""

from __future__ import annotations

import os
import time

from honest import run


def leave(job):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            time.sleep(30)
        os._exit(0)


run(infer=leave)
