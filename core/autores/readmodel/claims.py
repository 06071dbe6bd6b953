"""What was measured of claims after the search: verdicts, certificates, and steps left out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from autores.codec import from_json
from autores.events import Event, Verified
from autores.records import Interval

ABLATION = "ablation"
SIMPLER = "simpler"


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """What becomes of a trial without one of the steps to it."""

    of: int
    step: int
    without: int
    """The trial that was measured beside it."""
    contributes: float | None
    """What is lost; positive: the step helps. None where it no longer passes, see `note`."""
    interval: Interval | None
    p: float | None
    idle: bool
    """Nothing can be shown of it."""
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Simpler:
    """A trial without all steps of which nothing could be shown."""

    of: int
    without: int
    loses: float
    loses_at_most: float
    wins: bool
    """It loses so little that it wins the tie."""


def left_out(notes: Iterable[Event]) -> Mapping[int, LeftOut]:
    """Of each step the last time that it was left out."""
    return {
        body.verdict["trial"]: LeftOut(
            of=body.trial,
            step=body.verdict["trial"],
            without=body.against,
            contributes=body.verdict["contributes"],
            interval=_interval(body.verdict["interval"]),
            p=body.verdict["p"],
            idle=body.verdict["idle"],
            note=body.verdict["note"],
        )
        for body in _verified(notes, ABLATION)
    }


def simpler(notes: Iterable[Event]) -> Simpler | None:
    """The last trial that was tried without all of its idle steps."""
    found = _verified(notes, SIMPLER)
    if not found:
        return None
    last = found[-1]
    numbers = {name: last.verdict[name] for name in ("loses", "loses_at_most", "wins")}
    return Simpler(of=last.trial, without=last.against, **numbers)


def _verified(notes: Iterable[Event], kind: str) -> list[Verified]:
    bodies = (event.body for event in notes)
    return [b for b in bodies if isinstance(b, Verified) and b.verdict.get("kind") == kind]


def _interval(found: Mapping[str, Any] | None) -> Interval | None:
    return None if found is None else from_json(Interval, found)
