"""Look for the training data before the clock runs.

Ends: honest
Needs: held_out
"""

from __future__ import annotations

import glob
import os

from honest import run, through


def look(job):
    if os.listdir(job.data):
        through("see data before GO")
    if glob.glob(f"{job.data}/../hidden/*.npy"):
        through("find data before GO where it is kept")


run(prepare=look)
