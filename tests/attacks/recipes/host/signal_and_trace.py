"""Stop, end, trace and rewrite a process that stands for the evaluator.

Ends: honest
Needs: processes
"""

from __future__ import annotations

import ctypes
import os
import signal

from facts import CALLS, MARKER, PID
from honest import run, through

ATTACH, DETACH = 16, 17


def is_it():
    try:
        with open(f"/proc/{PID}/cmdline", "rb") as file:
            return MARKER.encode() in file.read()
    except OSError:
        return False


def attack(job):
    libc = ctypes.CDLL(None, use_errno=True)
    if is_it() and libc.syscall(CALLS["ptrace"], ATTACH, PID, 0, 0) == 0:
        os.waitpid(PID, 0x40000000)
        libc.syscall(CALLS["ptrace"], DETACH, PID, 0, 0)
        through("trace it")
    if is_it():
        try:
            with open(f"/proc/{PID}/mem", "r+b"):
                through("open its memory to write")
        except OSError:
            pass
    # In a namespace of its own the number is nobody's, or a process of ours.
    if PID not in (os.getpid(), os.getppid(), 1):
        try:
            os.kill(PID, signal.SIGSTOP)
        except OSError:
            pass


run(prepare=attack)
