"""What the network sees: flips, shifts, cutout, mixing, views at inference."""

from __future__ import annotations

from collections.abc import Iterable

from pluggy import HookimplMarker

from autores.records import Specialist

hookimpl = HookimplMarker("autores")

SPECIALIST = Specialist(
    key="augment",
    title="Augmentation",
    surfaces=("augmentation", "inference"),
    aliases=("aug",),
    preamble="""\
You work on what the network is shown: which changes of an example leave its meaning
alone, how strong they are, when in training they begin and end, and which views of an
example are averaged at inference.

Strength and length belong together: what regularises a long training starves a short
one. Ask whether the network sees each example often enough to need more variety at all.
Augmentation runs inside the clock: time it. A view more at inference costs one forward
pass for each held-out example, and often buys what many training steps would.
""",
)


@hookimpl
def autores_specialists() -> Iterable[Specialist]:
    """This one."""
    return (SPECIALIST,)
