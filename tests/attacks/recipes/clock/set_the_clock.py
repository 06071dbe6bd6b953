"""Set the machine's clock, or make a namespace in which it is another.

Ends: honest
Needs: kernel
"""

from __future__ import annotations

import ctypes

from facts import CALLS
from honest import run, through

LIBC = ctypes.CDLL(None, use_errno=True)
NEWTIME = 0x80


def turn(job):
    # The kernel checks the right to set before it looks at the (missing) time.
    if LIBC.syscall(CALLS["settimeofday"], None, None) == 0:
        through("set the clock")
    if LIBC.unshare(NEWTIME) == 0:
        through("make a namespace of time")


run(prepare=turn)
