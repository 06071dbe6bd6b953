"""Append to, empty and close the lineage.

Ends: honest
Needs: host
"""

from __future__ import annotations

import os

from facts import HOST, SHARED, WRITABLE
from honest import run


def forge(job):
    for path in (f"{HOST}/lineage.db", f"{HOST}/results/open.json", WRITABLE):
        try:
            with open(path, "a") as file:
                file.write("\n008\tidea\tkeep\t0.5")
            os.chmod(path, 0)
        except OSError:
            pass
    try:
        with open(f"{SHARED}/best.json", "w") as file:
            file.write("{}")
    except OSError:
        pass


run(prepare=forge)
