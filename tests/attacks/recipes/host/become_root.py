"""Become root again: by uid 0, by programs with rights, by capabilities.

Ends: honest
Needs: kernel
"""

from __future__ import annotations

import ctypes
import os
import subprocess

from honest import run, through


def rise(job):
    if os.fork() == 0:
        for call in (os.setuid, os.setgid):
            try:
                call(0)
            except OSError:
                pass
        with open("/proc/self/status") as lines:
            rights = [line.split()[1] for line in lines if line.startswith(("CapEff", "CapPrm"))]
        if any(int(right, 16) for right in rights):
            through("have capabilities")
        os._exit(0)
    os.wait()
    if ctypes.CDLL(None).prctl(39, 0, 0, 0, 0) != 1:
        through("gain rights by a program")
    for program in ("su", "mount", "newuidmap"):
        for folder in ("/bin", "/usr/bin"):
            if os.path.exists(f"{folder}/{program}"):
                subprocess.run(
                    [f"{folder}/{program}", "--version"], capture_output=True, check=False
                )


run(prepare=rise)
