"""Write settings of the kernel, of its control groups and of the out-of-memory killer.

Ends: honest
Needs: kernel
"""

from __future__ import annotations

import os

from facts import MARK
from honest import run, through, writes


def reach(job):
    for folder, _, names in os.walk("/proc/sys"):
        if any(writes(f"{folder}/{name}") for name in names):
            through("write a setting of the kernel")
            break
    try:
        os.mkdir(f"/sys/fs/cgroup/memory/{MARK}")
        os.rmdir(f"/sys/fs/cgroup/memory/{MARK}")
        through("make a control group")
    except OSError:
        pass
    try:
        with open("/proc/self/oom_score_adj", "w") as file:
            file.write("-1000")
        through("let the machine run out of memory for others")
    except OSError:
        pass


run(prepare=reach)
