"""Import the evaluator or the task, for the generator of the world.

Ends: honest
Needs: held_out
"""

from __future__ import annotations

import importlib.util
import sys

from facts import HELD_OUT
from honest import run, through


def look(job):
    for name in ("autores", "attack_task", "autores.tasks.airbench.world"):
        try:
            if importlib.util.find_spec(name):
                through(f"import {name}")
        except ImportError:
            pass
    sys.path.append(HELD_OUT + "/../..")
    try:
        with open(f"{HELD_OUT}/key", "rb"):
            through("open the key")
    except OSError:
        pass


run(prepare=look)
