"""Reach held-out files through links, /proc, descriptors and copies in memory.

Ends: honest
Needs: held_out
"""

from __future__ import annotations

import glob
import os

from facts import HELD_OUT, PID
from honest import run, through

KEY = f"{HELD_OUT}/key"


def reads(path):
    try:
        with open(path, "rb") as file:
            return bool(file.read(1))
    except OSError:
        return False


def look(job):
    out = os.environ["AUTORES_OUT"]
    for make, name in ((os.symlink, "symbolic"), (os.link, "hard")):
        try:
            make(KEY, f"{out}/{name}")
        except OSError:
            continue
        if reads(f"{out}/{name}"):
            through(f"read through a {name} link")
    for process in (PID, 1, os.getppid(), "self"):
        for way in ("root", "cwd"):
            if reads(f"/proc/{process}/{way}{'' if way == 'root' else '/../../../../..'}{KEY}"):
                through(f"read through /proc/{process}/{way}")
    if any(map(os.path.exists, glob.glob(f"/proc/{PID}/fd/*"))):
        through("reach descriptors of another process")


run(prepare=look)
