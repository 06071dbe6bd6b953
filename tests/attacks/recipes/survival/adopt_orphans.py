"""Be a subreaper whose children end only with it, and give them names that confuse parsers.

Ends: honest
Needs: survival
"""

from __future__ import annotations

import ctypes
import os
import time

from honest import run

SET_NAME, SET_SUBREAPER, SET_DEATHSIG = 15, 36, 1


def leave(job):
    libc = ctypes.CDLL(None)
    if os.fork() == 0:
        os.setsid()
        libc.prctl(SET_SUBREAPER, 1, 0, 0, 0)
        libc.prctl(SET_DEATHSIG, 0, 0, 0, 0)
        libc.prctl(SET_NAME, b") Z 1 1 1 (\n)", 0, 0, 0)
        if os.fork():
            os.wait()
            time.sleep(30)
        time.sleep(30)
        os._exit(0)


run(saved=leave)
