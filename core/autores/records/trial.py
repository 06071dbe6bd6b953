"""What is read back: a trial, folded from the events."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Self

from autores.records.decision import Cost, Decision
from autores.records.evaluation import Artifact, Evaluation, Outcome
from autores.records.submission import Submission, Violation
from autores.status import Cause, Status


class Phase(Enum):
    """Where a trial is in its life."""

    QUEUED = "queued"
    RUNNING = "running"
    MEASURED = "measured"
    FINISHED = "finished"


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One evaluation of a trial and, once it is there, what came out."""

    evaluation: Evaluation
    outcome: Outcome | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A submission and all that has happened to it so far, folded from the events."""

    id: int
    submission: Submission
    arm: str = ""
    phase: Phase = Phase.QUEUED
    accepted_at: float = 0.0
    finished_at: float | None = None
    depth: int = 0
    """Edges to the baseline along first parents."""
    violations: tuple[Violation, ...] = ()
    looks: int = 0
    """Evaluations that have an outcome."""
    evaluations: int = 0
    """Evaluations that were started."""
    cause: Cause | None = None
    detail: str = ""
    status: Status | None = None
    first_score: float | None = None
    """The first look's score, whatever came of it; set only where that look was valid."""
    score: float | None = None
    """The score that ranks: the mean over evaluation-split looks, if the status is ranked."""
    counts: Mapping[str, int] = field(default_factory=dict)
    """Pooled over all evaluation-split looks."""
    metrics: Mapping[str, float] = field(default_factory=dict)
    """Of the latest look."""
    artifact: Artifact | None = None
    decision: Decision | None = None
    delta: float | None = None
    """Gain of the first look over the incumbent at that time, positive is better."""
    cost: Cost = field(default_factory=Cost)
    quarantined: str = ""
    """Why it is hidden from agents; empty when it is not."""
    marks: Mapping[str, str] = field(default_factory=dict)

    @property
    def parent(self) -> int | None:
        """The trial whose tree was edited; None for the baseline."""
        return self.submission.parents[0] if self.submission.parents else None

    @property
    def finished(self) -> bool:
        """Nothing more happens to it, but for a milestone, a demotion or a mark."""
        return self.phase is Phase.FINISHED

    @property
    def visible(self) -> bool:
        """Agents may see it as evidence."""
        return not self.quarantined and (self.status is None or self.status.shown)

    @classmethod
    def accept(cls, trial: int, submission: Submission, *, arm: str, at: float, depth: int) -> Self:
        """A trial as it begins."""
        return cls(id=trial, submission=submission, arm=arm, accepted_at=at, depth=depth)
