"""Make a trusted process hard to look into: the evaluator and the supervisor call this first."""

from __future__ import annotations

import ctypes
import resource
import sys

PR_GET_DUMPABLE, PR_SET_DUMPABLE = 3, 4


def harden() -> bool:
    """Refuse core dumps, tracing and reading of this process's memory by its own user.

    Returns:
        Whether the kernel took it; macOS has no such thing.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform != "linux":
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "PR_SET_DUMPABLE")
    return is_hardened()


def is_hardened() -> bool:
    """Whether this process is closed to others of its user."""
    if sys.platform != "linux":
        return False
    return not ctypes.CDLL(None, use_errno=True).prctl(PR_GET_DUMPABLE, 0, 0, 0, 0)
