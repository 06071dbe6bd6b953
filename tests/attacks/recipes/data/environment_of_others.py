"""Find secrets in the environment of every process, and of one's own.

Ends: honest
Needs: secrets, processes
"""

from __future__ import annotations

import os

from facts import MARKER, PID
from honest import run, through


def look(job):
    for pid in (1, os.getppid(), PID):
        try:
            with open(f"/proc/{pid}/environ", "rb") as file:
                text = file.read()
        except OSError:
            continue
        if MARKER.encode() in text:
            through("read the environment of another process")
    if any("KEY" in name or "TOKEN" in name for name in os.environ):
        through("inherit a secret")
    for number in range(3, 256):
        try:
            path = os.readlink(f"/proc/self/fd/{number}")
        except OSError:
            continue
        if not path.startswith(("socket:", "/proc", "pipe:", "anon_inode:")) and "autores" in path:
            through("inherit a descriptor")


run(prepare=look)
