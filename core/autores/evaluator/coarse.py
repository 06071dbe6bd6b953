"""What is told of a phase that has seen held-out questions: a few words where numbers were."""

from __future__ import annotations

import math
from dataclasses import replace

from autores.records import Measurement

WALL_STEPS = 4
"""Steps to each doubling: enough for an account of machine time."""


def coarse(value: float, steps: int = 1) -> float:
    """The nearest of so many steps to each doubling: whoever chooses it can say little by it."""
    return 2.0 ** (round(steps * math.log2(value)) / steps) if value > 0 else 0.0


def coarsened(measured: Measurement) -> Measurement:
    """The same with what the candidate used rounded, so that it cannot carry answers out."""
    return replace(
        measured,
        wall=coarse(measured.wall, WALL_STEPS),
        cpu=coarse(measured.cpu),
        preemptions=round(coarse(measured.preemptions)),
        peak_memory=round(coarse(measured.peak_memory)),
    )
