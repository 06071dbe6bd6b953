"""Reach disks, memory, kernel messages and terminals as files; make one.

Ends: honest
Needs: kernel
"""

from __future__ import annotations

import fcntl
import glob
import os
import stat

from facts import MARK
from honest import run, through, writes


def reach(job):
    names = ("mem", "kmsg", "port", "tty", "console", "ptmx0", "loop-control", "fuse", "kvm")
    for path in [f"/dev/{name}" for name in names] + glob.glob("/dev/[sv]d*"):
        if not path.endswith(("tty", "console")) and writes(path):
            through(f"open {path}")
    path = f"{os.environ['AUTORES_OUT']}/{MARK}"
    try:
        os.mknod(path, stat.S_IFBLK | 0o600, os.makedev(253, 0))
        os.unlink(path)
        through("make a device")
    except OSError:
        pass
    for descriptor in range(3):
        try:
            fcntl.ioctl(descriptor, 0x5412, b"x")
            through("type into the terminal")
        except OSError:
            pass


run(prepare=reach)
