"""Clone children that are children of the evaluator, in sessions of their own.

Ends: honest
Needs: survival
"""

from __future__ import annotations

import ctypes
import os
import platform
import time

from honest import run

CLONE_PARENT, SIGCHLD = 0x8000, 17


def leave(job):
    number = 56 if platform.machine() == "x86_64" else 220
    for _ in range(4):
        if ctypes.CDLL(None).syscall(number, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0) == 0:
            os.setsid()
            if os.fork():
                os._exit(0)
            time.sleep(30)
            os._exit(0)


run(saved=leave)
