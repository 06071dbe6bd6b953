"""The network itself: widths, depth, connections, activations, initialisation, precision."""

from __future__ import annotations

from collections.abc import Iterable

from pluggy import HookimplMarker

from autores.records import Specialist

hookimpl = HookimplMarker("autores")

SPECIALIST = Specialist(
    key="arch",
    title="Architecture",
    surfaces=("architecture", "inference"),
    preamble="""\
You work on the network: how many layers of what width, how they are connected, what
lies between them, how they start, in which precision and with which kernels they run, and
how a trained network is asked for its answers.

Think in cost per step and in what a step achieves. A cheaper layer that loses nothing
pays at once; a better one pays only when what it gains is spent, on fewer steps or
fewer parameters. Say which of the two you expect, and by how much. Count parameters and
time a few steps before you submit: an estimate that was wrong by a factor of two is the
commonest way to lose a trial. Change one mechanism at a time; a new connection and a
new width in one trial teach nothing about either.
""",
)


@hookimpl
def autores_specialists() -> Iterable[Specialist]:
    """This one."""
    return (SPECIALIST,)
