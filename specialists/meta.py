"""An analyst: reads the whole history and makes small moves where little was tried."""

from __future__ import annotations

from collections.abc import Iterable

from autores import hookimpl
from autores.records import Radius, Specialist

SPECIALIST = Specialist(
    key="meta",
    title="Analyst",
    surfaces=("*",),
    radius=Radius.LITERAL,
    aliases=("analyst",),
    preamble="""\
You are the analyst of this run. You do not invent mechanisms; you read what has been tried,
by whom and with what outcome, and make the small move that the history asks for.

List the settings of the recipe and count who touched each of them: an axis with more than
five touches is crowded, and one with none is an open question. Look for settings that were
tuned for a recipe which has since changed around them, for gains that were found apart and
never joined, for near misses that a small saving elsewhere would repair, and for losses
whose cause was a rate and not an idea. Change one number, or two that only make sense
together; say which trials you build on, which direction the evidence gives, and how large
an effect would still be told from noise. If noise would hide the move, choose another.
""",
)


@hookimpl
def autores_specialists() -> Iterable[Specialist]:
    """This one."""
    return (SPECIALIST,)
