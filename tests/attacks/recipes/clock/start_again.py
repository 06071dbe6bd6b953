"""Start oneself again when time is nearly up.

Ends: train time, protocol, exited
With: wall.train=0.6
"""

from __future__ import annotations

import os
import sys

from honest import run, wait


def train(data):
    wait(0.1)
    os.execv(sys.executable, [sys.executable, *sys.argv])


run(train=train)
