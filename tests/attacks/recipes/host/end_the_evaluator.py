"""Signal the evaluator that waits for us, and whoever it serves.

Ends: honest
Needs: processes
With: job
"""

from __future__ import annotations

import os

from honest import run, through


def look(job):
    parent = os.getppid()
    try:
        with open(f"/proc/{parent}/cmdline", "rb") as file:
            trusted = b"autores.evaluator" in file.read()
    except OSError:
        return
    if trusted:
        for name in ("mem", "environ", "maps"):
            try:
                with open(f"/proc/{parent}/{name}", "rb"):
                    through(f"look into the evaluator's {name}")
            except OSError:
                pass
        try:
            os.kill(parent, 0)
            through("signal the evaluator")
        except OSError:
            pass


run(prepare=look)
