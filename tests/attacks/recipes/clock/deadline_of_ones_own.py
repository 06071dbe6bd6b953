"""Ask for a later deadline through the environment and the message that brings it.

Ends: train time
With: wall.train=0.5
"""

from __future__ import annotations

import os

import harness
from honest import run, wait


def train(data):
    os.environ["AUTORES_DEADLINE"] = "1e18"
    harness._link().deadline = float("inf")
    harness.log(1, deadline=1e18)
    wait(60)


run(train=train)
