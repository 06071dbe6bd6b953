"""Use the other numbers of system calls, which a filter could have forgotten.

Ends: honest
Needs: kernel
"""

from __future__ import annotations

import ctypes
import os
import platform

from honest import run, through

X32 = 0x40000000
UNSHARE, NEW_USER = 272, 0x10000000


def call(job):
    if platform.machine() != "x86_64":
        return
    child = os.fork()
    if child == 0:
        libc = ctypes.CDLL(None, use_errno=True)
        os._exit(libc.syscall(ctypes.c_long(X32 | UNSHARE), NEW_USER) == 0)
    if os.waitpid(child, 0)[1]:
        through("call what the filter does not know")


run(prepare=call)
