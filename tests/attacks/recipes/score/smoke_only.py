"""Behave well in the smoke run alone.

Ends: exited
With: smoke
"""

from __future__ import annotations

from honest import learn, run

phase = []


def train(data):
    if phase != ["smoke"]:
        raise SystemExit(0)
    return learn(data)


run(start=lambda job: phase.append(job.phase), train=train)
