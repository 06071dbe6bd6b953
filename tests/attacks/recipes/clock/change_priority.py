"""Take processors that were not granted, and priority over everybody.

Ends: honest
Needs: kernel
With: cpus=0
"""

from __future__ import annotations

import os

from honest import run, through


def grab(job):
    try:
        os.sched_setaffinity(0, range(os.cpu_count()))
        if len(os.sched_getaffinity(0)) > 1:
            through("leave the processors of the lease")
    except OSError:
        pass
    try:
        os.nice(-5)
        through("take priority")
    except OSError:
        pass
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
        through("run in real time")
    except OSError:
        pass


run(prepare=grab)
