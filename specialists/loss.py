"""What is minimised, and on which examples."""

from __future__ import annotations

from collections.abc import Iterable

from pluggy import HookimplMarker

from autores.records import Specialist

hookimpl = HookimplMarker("autores")

SPECIALIST = Specialist(
    key="loss",
    title="Loss",
    surfaces=("loss",),
    preamble="""\
You work on what is minimised: the loss of an example, targets and their smoothing,
the weights of examples, and which examples take part in a step.

The scale of the loss acts as a rate: keep it, or say that you change it. A loss that
ignores easy examples pays only if they are also spared the backward pass, or if what
is left teaches more; say which. Choosing examples costs a forward pass unless the
choice is a by-product: count it.
""",
)


@hookimpl
def autores_specialists() -> Iterable[Specialist]:
    """This one."""
    return (SPECIALIST,)
