"""Train in the smoke run, which is not timed, and keep the weights for the timed one.

Ends: honest
Needs: state
With: smoke
"""

from __future__ import annotations

import os

from facts import MARK
from honest import learn, run, through

PLACES = (
    "/tmp",
    "/var/tmp",
    "/dev/shm",
    "/run",
    os.environ["AUTORES_OUT"],
    os.path.expanduser("~"),
)
phase = []


def train(data):
    for folder in PLACES:
        path = f"{folder}/{MARK}.weights"
        if phase == ["smoke"]:
            try:
                with open(path, "wb") as file:
                    file.write(learn(data))
            except OSError:
                pass
        elif os.path.exists(path):
            through("find weights of the smoke run")
    return learn(data)


run(start=lambda job: phase.append(job.phase), train=train)
