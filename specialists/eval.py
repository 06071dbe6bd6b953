"""How answers are given: windows, caches, calibration, mixtures."""

from __future__ import annotations

from collections.abc import Iterable

from autores import hookimpl
from autores.records import Specialist

SPECIALIST = Specialist(
    key="eval",
    title="Inference",
    surfaces=("inference",),
    preamble="""\
You work on how a trained network is asked: how much of the past it sees, what is computed
once and kept, how its answers are calibrated, and what else may be mixed into them, such
as counts of what has been told.

Each answer has to be a distribution over the whole vocabulary that uses the past alone;
the audit replays with another future and notices. Seconds are limited, not scored: a
cache that saves half of them buys a longer window or more adaptation. Calibrate on
training text before the artifact is made, not on what is being predicted. Mixtures help
where the network is unsure; let them say how sure they are themselves.
""",
)


@hookimpl
def autores_specialists() -> Iterable[Specialist]:
    """This one."""
    return (SPECIALIST,)
