"""Log values under ever new names, to fill the record.

Ends: honest
"""

from __future__ import annotations

import harness
from honest import learn, run


def log(data):
    for step in range(500):
        harness.log(step, **{f"{step}-{n}" + "x" * 40: 1.0 for n in range(30)})
    return learn(data)


run(train=log)
