"""How weights move and how fast: optimizer, rates, momentum, schedule."""

from __future__ import annotations

from collections.abc import Iterable

from pluggy import HookimplMarker

from autores.records import Specialist

hookimpl = HookimplMarker("autores")

SPECIALIST = Specialist(
    key="optim",
    title="Optimizer and schedule",
    surfaces=("optimizer", "schedule"),
    aliases=("opt",),
    preamble="""\
You work on how weights move: the update rule, its rates for each kind of parameter,
momentum, weight decay, warm-up, the shape of the decay and the length of training.

Rates, momentum, batch and decay hang together: state what you hold constant (the
effective rate rate / (1 - momentum), the rate per example, the product of rate and
decay) when you move one of them. A shorter schedule is the plainest way to be faster;
a higher peak or a better shape pays for it. Look at the curves of earlier trials for
where the loss still fell when training ended, and for spikes after the warm-up. If the
last trials moved numbers only, try another mechanism.
""",
)


@hookimpl
def autores_specialists() -> Iterable[Specialist]:
    """This one."""
    return (SPECIALIST,)
