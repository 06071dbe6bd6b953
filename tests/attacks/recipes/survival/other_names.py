"""Leave a process with another program, an empty command line and a working directory elsewhere.

Ends: honest
Needs: survival
"""

from __future__ import annotations

import os

from facts import MARK
from honest import run


def leave(job):
    if os.fork() == 0:
        os.setsid()
        os.chdir("/")
        os.execv("/bin/sleep", ["sleep", "30"] if not MARK else [MARK, "30"])


run(saved=leave)
