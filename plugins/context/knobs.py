"""Which parts of a recipe everybody turns at, and which nobody has touched."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from autores.agent import SessionBrief
from autores.lineage.view import LineageView
from autores.records import Trial
from autores.status import Status
from autores.workspace.surfaces import owned_surfaces, places

CROWDED = 3
"""Trials on one part from which it counts as crowded."""
SHOWN = 8
MOST_UNTOUCHED = 20
BETTER = (Status.LEAD, Status.KEEP)


def knobs(view: LineageView, session: SessionBrief, count: int) -> str:
    """Of this specialist's own parts, by the latest trials of everybody."""
    recent = view.recent(count)
    own = _own_parts(session)
    tried, helped = _tally(recent, own), _tally((t for t in recent if t.status in BETTER), own)
    if not tried:
        return ""
    crowded = [
        f"{part}: {n} trials, {helped[part]} of them better"
        for part, n in tried.most_common(SHOWN)
        if n >= CROWDED
    ]
    untouched = [part for part in own if part not in tried]
    lines = [f"Crowded, in the last {len(recent)} trials:", *crowded] if crowded else []
    if untouched:
        shown = ", ".join(untouched[:MOST_UNTOUCHED])
        left = len(untouched) - MOST_UNTOUCHED
        lines.append(f"Yours and untouched: {shown}{f' and {left} more' if left > 0 else ''}")
    return "\n".join(lines)


def _own_parts(session: SessionBrief) -> list[str]:
    """What the specialist may change, in the order of the seed recipe."""
    owned = owned_surfaces(session.task, session.specialist)
    return [
        f"{place.path}::{place.symbol}"
        for place in places(session.task)
        if place.symbol and owned.intersection(place.surfaces)
    ]


def _tally(trials: Iterable[Trial], own: Iterable[str]) -> Counter[str]:
    mine = set(own)
    parts = (part for t in trials if t.submission.edit for part in t.submission.edit.parts)
    return Counter(part for part in parts if part in mine)
