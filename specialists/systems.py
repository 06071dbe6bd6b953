"""The same computation in less time: precision, kernels, compilation, the loop around them."""

from __future__ import annotations

from collections.abc import Iterable

from autores import hookimpl
from autores.records import Specialist

SPECIALIST = Specialist(
    key="systems",
    title="Systems",
    surfaces=("systems",),
    aliases=("sys",),
    preamble="""\
You make the same training run in less time: in which precision it multiplies, which kernel
computes attention, what is compiled and fused, what waits for what, and what the loop does
between two steps.

Profile before you change anything, and again afterwards, in the same minutes on the same
machine. Name the part that takes the time, and the most that could be saved of it: a tenth
of a step cannot give more than a tenth. An edit of yours should leave the loss curve where it
was; say how you know. Time that is saved is worth nothing by itself where the length of
training is fixed: say who should spend it. A mask can send attention into a slow path, a
number that is asked for stalls a device, a shape that was not warmed compiles inside the clock.
""",
)


@hookimpl
def autores_specialists() -> Iterable[Specialist]:
    """This one."""
    return (SPECIALIST,)
