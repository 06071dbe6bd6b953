"""Leave segments, queues and keys in the kernel, and look for them in the next trial.

Ends: honest
Needs: state
With: runs=2
"""

from __future__ import annotations

import ctypes

from facts import CALLS, MARK
from honest import run, through

CREATE, REMOVE = 0o1000, 0
KEY = int(MARK[-7:], 16)


def leave(job):
    libc = ctypes.CDLL(None, use_errno=True)
    found = libc.syscall(CALLS["shmget"], KEY, 1, 0)
    if found >= 0:
        libc.shmctl(found, REMOVE, None)
        through("find a segment of memory")
        return
    libc.syscall(CALLS["shmget"], KEY, 1, CREATE | 0o666)


run(start=leave)
