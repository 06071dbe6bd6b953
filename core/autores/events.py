"""What happens in a run: the events, and how trials follow from them.

An event is the only thing that is ever written. Its body is one of the records below; the
store adds number, time and hash. `Trial` rows, best and head are folded from events by
`autores.lineage.fold` alone, in every store, so that an audit can fold them again and compare.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from autores.records import (
    Calibration,
    Cost,
    Decision,
    Direction,
    Evaluation,
    Outcome,
    Submission,
    Violation,
)
from autores.status import Cause


@dataclass(frozen=True, slots=True, kw_only=True)
class Created:
    """The first event, and only that: what the lineage is about. Folding needs the direction."""

    direction: Direction
    task: str = ""
    profile: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """A submission has an id from here on."""

    trial: int
    submission: Submission
    arm: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gated:
    """The gates have spoken; a refusal finishes the trial."""

    trial: int
    violations: tuple[Violation, ...] = ()
    cause: Cause = Cause.VALID


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """An evaluation is about to start: written before its job does."""

    evaluation: Evaluation


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluated:
    """An evaluation has ended."""

    trial: int
    ordinal: int
    outcome: Outcome
    attempt: int = 1
    cost: Cost = field(default_factory=Cost)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """A policy has decided; anything but `measure` finishes the trial."""

    trial: int
    decision: Decision


@dataclass(frozen=True, slots=True, kw_only=True)
class Demoted:
    """A lead or keep no longer holds: its pooled counts fell below a gate, an audit failed."""

    trial: int
    cause: Cause
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarantined:
    """A trial and all that descends from it is hidden from agents and never ranked."""

    trial: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibrated:
    """What the seed recipe measured."""

    calibration: Calibration


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """The verdict of `autores verify`."""

    trial: int
    against: int
    verdict: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Certified:
    """The one look at the certification part."""

    trial: int
    verdict: Mapping[str, Any]
    forced: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Steered:
    """A person changed the course."""

    action: str
    text: str
    trial: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Charged:
    """A session used something."""

    session: str
    specialist: str
    cost: Cost


@dataclass(frozen=True, slots=True, kw_only=True)
class Marked:
    """A note beside a trial or the run: a person's mark, an interrupted session, a resume."""

    name: str
    text: str
    trial: int | None = None
    session: str = ""


Body = (
    Created
    | Accepted
    | Gated
    | Started
    | Evaluated
    | Decided
    | Demoted
    | Quarantined
    | Calibrated
    | Verified
    | Certified
    | Steered
    | Charged
    | Marked
)

BODIES: Mapping[str, type[Body]] = {
    kind.__name__.lower(): kind
    for kind in (
        Created,
        Accepted,
        Gated,
        Started,
        Evaluated,
        Decided,
        Demoted,
        Quarantined,
        Calibrated,
        Verified,
        Certified,
        Steered,
        Charged,
        Marked,
    )
}
"""The kind's name, as it is stored, to its record."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One link of the chain."""

    seq: int
    at: float
    """UNIX time of writing."""
    body: Body
    previous: str
    """Hash of the event before; of the first, 64 zeros."""
    hash: str

    @property
    def kind(self) -> str:
        """`accepted`, `gated`, …"""
        return type(self.body).__name__.lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """Where a lineage stands: all that a writer must know to build the next event."""

    seq: int = 0
    """Of the last event; 0 before the first."""
    hash: str = "0" * 64
    created: Created | None = None
    """None before the first event."""
    next_trial: int = 0
    finished: int = 0
    """Trials that are finished."""
    best: int | None = None
    """The last keep that is neither demoted nor quarantined; else a feasible baseline."""
    lead: int | None = None
    """The last such lead or keep; else the baseline."""
    calibration: Calibration | None = None
    spent: Cost = field(default_factory=Cost)
    error_spent: float = 0.0
    improved_at: float = 0.0
    """When best or lead last changed; 0 before the first event."""
    improved_trial: int = 0
    """`next_trial` at that time."""
