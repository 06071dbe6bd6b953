"""Keep what was learned with one seed for another: classes are permuted anew.

Ends: no better
Needs: state
With: seeds=2
"""

from __future__ import annotations

from facts import MARK
from honest import learn, run, through

PLACES = ("/var/tmp", "/tmp", "/dev/shm", "/run")


def train(data):
    for folder in PLACES:
        try:
            with open(f"{folder}/{MARK}", "rb") as file:
                through("find what an earlier seed has left")
                return file.read()
        except OSError:
            pass
    found = learn(data)
    for folder in PLACES:
        try:
            with open(f"{folder}/{MARK}", "wb") as file:
                file.write(found)
        except OSError:
            pass
    return found


run(train=train)
