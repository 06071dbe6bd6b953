"""Look for training data, other phases and other evaluations while answering.

Ends: honest
Needs: held_out
"""

from __future__ import annotations

import glob
import os

from facts import DATA, SHARED
from honest import run


def opens(path):
    try:
        open(path, "rb").close()
    except OSError:
        return False
    return True


def look(job):
    found = sorted(os.listdir(job.data)) != ["artifact"]
    found |= opens(f"{DATA}/x.npy")
    found |= bool(glob.glob(f"{job.data}/../../*-train/*") or glob.glob(f"{job.data}/../hidden/*"))
    if found:
        try:
            open(f"{SHARED}/found", "w").close()  # nobody reads what is printed now
        except OSError:
            os._exit(3)


run(infer=look)
