"""Open the doors of the kernel: namespaces, mounts, bpf, io_uring, keys, faults.

Ends: honest
Needs: kernel
"""

from __future__ import annotations

import ctypes
import os
from functools import partial

from facts import CALLS
from honest import run, through

NEW_USER, SLAVE = 0x10000000, 1 << 19
REFUSALS = {1, 3, 13, 38}  # EPERM, ESRCH, EACCES, ENOSYS


def refused(number, *arguments):
    libc = ctypes.CDLL(None, use_errno=True)
    ctypes.set_errno(0)
    words = [ctypes.c_ulong(a) if isinstance(a, int) else a for a in arguments]
    return libc.syscall(number, *words) < 0 and ctypes.get_errno() in REFUSALS


def knock(job):
    zeros, nothing = ctypes.create_string_buffer(256), ctypes.c_void_p()
    wanted = {
        "unshare": (NEW_USER,),
        "mount": (b"none", os.getcwd().encode(), nothing, SLAVE, nothing),
        "bpf": (5, zeros, 0),
        "io_uring_setup": (1, zeros),
        "userfaultfd": (0,),
        "perf_event_open": (zeros, 0, 2**64 - 1, 2**64 - 1, 0),
        "keyctl": (0, 2**64 - 3, 0),
    }
    for name, arguments in wanted.items():
        child = os.fork()
        if child == 0:
            os._exit(refused(CALLS[name], *arguments))
        if os.waitpid(child, 0)[1] == 0:
            through(f"call {name}")


run(prepare=partial(knock))
