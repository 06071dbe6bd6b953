"""Hand in the training set as it is: it is weighed.

Ends: artifact bytes
"""

from __future__ import annotations

from honest import run


def bundle(data):
    with open(f"{data}/x.npy", "rb") as x, open(f"{data}/tokens.npy", "rb") as tokens:
        return x.read() + tokens.read()


run(train=bundle)
