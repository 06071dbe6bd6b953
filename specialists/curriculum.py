"""What is seen when: order, lengths, batches, which tokens count."""

from __future__ import annotations

from collections.abc import Iterable

from autores import hookimpl
from autores.records import Specialist

SPECIALIST = Specialist(
    key="curriculum",
    title="Curriculum and data order",
    surfaces=("curriculum",),
    aliases=("curr",),
    preamble="""\
You work on what the network sees and when: how sequences are cut and packed, their length
in the course of training, in which order text comes, how large batches are, and which
tokens count.

Ask what limits the present recipe: too few tokens seen, too short a context, or gradients
that say the same thing twice. Short sequences are cheap and teach short range; long ones
are needed before the end, since evaluation gives context. Beginnings of documents are seen
with no context and are scored too. Reading and cutting run inside the clock: time them.
Prefer another sampler to another value of the present one.
""",
)


@hookimpl
def autores_specialists() -> Iterable[Specialist]:
    """This one."""
    return (SPECIALIST,)
