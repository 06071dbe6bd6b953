"""Hand in training data and learn while preparing to answer: charged as answering.

Ends: honest
With: inference=0.5
"""

from __future__ import annotations

from honest import learn, load, run, wait

DATA = 6_000  # bytes of it


def bundle(data):
    with open(f"{data}/x.npy", "rb") as x:
        return x.read(DATA) + learn(data)


def study(artifact):
    wait(1.0)
    return load(artifact[DATA:])


run(train=bundle, load=study)
