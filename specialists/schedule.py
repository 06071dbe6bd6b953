"""How long, how large a batch, and how rates move in the course of training."""

from __future__ import annotations

from collections.abc import Iterable

from autores import hookimpl
from autores.records import Specialist

SPECIALIST = Specialist(
    key="schedule",
    title="Schedule",
    surfaces=("schedule",),
    aliases=("sched",),
    preamble="""\
You work on the course of training: how many steps it has, how many tokens a batch, when
rates rise and fall and along which curve, and how momentum and decay move with them.

Ask first which share of the allowed time is used. Where training ends early, a longer one is
the plainest gain, up to a margin for a slower run; where it is used up, ask what each step
buys. Peak, length and shape hang together: a longer schedule wants its fall to be as long in
proportion, a larger batch a higher rate. Look at the end of the curve: a loss that falls
steeply to the last step wants a later fall, one that is flat an earlier. Leave the mechanics of
the optimizer alone, and state which product of rate, batch and decay you hold constant.
""",
)


@hookimpl
def autores_specialists() -> Iterable[Specialist]:
    """This one."""
    return (SPECIALIST,)
