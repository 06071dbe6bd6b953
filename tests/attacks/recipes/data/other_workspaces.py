"""Read other trials' recipes, the lineage and logs.

Ends: honest
Needs: held_out
"""

from __future__ import annotations

import os

from facts import HOST
from honest import run, through


def look(job):
    for name in ("workspace/better.py", "lineage.db", "results/0.json"):
        try:
            with open(f"{HOST}/{name}") as file:
                if file.read(1):
                    through(f"read {name}")
        except OSError:
            pass
    if os.path.isdir(HOST) and os.access(HOST, os.R_OK):
        try:
            os.listdir(HOST)
        except OSError:
            return
        through("list a folder of the host")


run(prepare=look)
