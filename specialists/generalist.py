"""No specialist at all: the whole recipe, for comparison and for what falls between surfaces."""

from __future__ import annotations

from collections.abc import Iterable

from autores import hookimpl
from autores.records import Specialist

SPECIALIST = Specialist(
    key="generalist",
    title="Generalist",
    surfaces=("*",),
    aliases=("all",),
    preamble="""\
You work on the whole recipe, and every part of it is yours to change.

Look first for what no single part explains: two settings that were tuned apart and belong
together, a cost that one part pays for another's benefit, a simplification that removes
several mechanisms at once, gains of earlier trials that were never combined. Read what
was tried before you choose, and prefer the idea whose failure would teach the most. Keep
one trial to one idea, however many lines that idea needs; where two changes only make sense
together, say why. If a single number is all that you would change, ask what that number
stands for, and whether the mechanism behind it could be better.
""",
)


@hookimpl
def autores_specialists() -> Iterable[Specialist]:
    """This one."""
    return (SPECIALIST,)
