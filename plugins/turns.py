"""Whose turn it is, if nobody else says so: round the specialists, from the head."""

from __future__ import annotations

from autores import hookimpl
from autores.lineage.view import LineageView
from autores.turns import Turn


@hookimpl(trylast=True)
def autores_next(view: LineageView) -> Turn:
    """The specialist that has had the fewest turns, counting those who work now."""
    turns = {specialist: 0 for specialist in view.specialists}
    for (specialist, _), count in view.tally().items():
        if specialist in turns:
            turns[specialist] += count
    for specialist in view.active:
        turns[specialist] = turns.get(specialist, 0) + 1
    return Turn(specialist=min(turns, key=turns.__getitem__), parent=view.head)
