"""Change the recipe's own code, the harness and the data between the phases.

Ends: honest, artifact missing
Needs: host
"""

from __future__ import annotations

import os
import sys

import harness
from honest import makes, run, through, writes


def change(job):
    for path in (sys.argv[0], harness.__file__, f"{job.data}/x.npy", os.environ["AUTORES_SOCKET"]):
        if writes(path):
            through(f"write {os.path.basename(path)[-12:]}")
    for folder in (os.environ["AUTORES_CODE"], os.environ["AUTORES_HARNESS"], job.data):
        if makes(folder, "more.py"):
            through("add a file that nobody weighs")
    try:
        os.unlink(os.environ["AUTORES_SOCKET"])
        through("take the socket away")
    except OSError:
        pass


run(saved=change)
