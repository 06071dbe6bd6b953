"""Overwrite the artifact while answering, for the replay that reads it again.

Ends: honest
Needs: host
"""

from __future__ import annotations

import os

from facts import SHARED
from honest import run


def change(job):
    for path in (f"{job.data}/artifact",):
        try:
            os.chmod(path, 0o666)
            with open(path, "r+b") as file:
                file.write(b"xx")
            open(f"{SHARED}/changed", "w").close()  # nobody reads what is printed now
        except OSError:
            pass


run(infer=change)
