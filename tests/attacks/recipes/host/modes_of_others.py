"""Close files of the host to their owner, and keep bytes in their times.

Ends: honest
Needs: host
"""

from __future__ import annotations

import os

from facts import HELD_OUT, HOST
from honest import run, through


def close(job):
    for path in (
        f"{HOST}/lineage.db",
        f"{HOST}/evaluator",
        HELD_OUT,
        f"{HOST}/workspace/better.py",
    ):
        try:
            os.utime(path, ns=(1, 2))
            if os.stat(path).st_mtime_ns == 2:
                through("set times of a file of the host")
        except OSError:
            pass
        try:
            os.chmod(path, 0)
        except OSError:
            pass


run(prepare=close)
