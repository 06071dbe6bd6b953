"""What stopped a trial, what was decided, and the one table that turns both into a status."""

from __future__ import annotations

from enum import Enum
from typing import Self


class Cause(Enum):
    """Why an evaluation, or the gates before it, ended as they did."""

    VALID = "valid"
    ILLEGAL = "illegal"
    SYNTAX = "syntax"
    LAUNCH = "launch"
    SMOKE = "smoke"
    SMOKE_TIME = "smoke_time"
    PREPARE_TIME = "prepare_time"
    TRAIN_TIME = "train_time"
    INFERENCE_TIME = "inference_time"
    STALLED = "stalled"
    EXITED = "exited"
    SIGNALLED = "signalled"
    PROTOCOL = "protocol"
    NOT_FINITE = "not_finite"
    MEMORY = "memory"
    DISK = "disk"
    PROCESSES = "processes"
    OUTPUT = "output"
    ARTIFACT_MISSING = "artifact_missing"
    ARTIFACT_BYTES = "artifact_bytes"
    GATE = "gate"
    AUDIT = "audit"
    HARNESS = "harness"
    LOST = "lost"
    CANCELLED = "cancelled"

    @property
    def status(self) -> Status | None:
        """The status that follows from the cause alone; None where a decision is needed."""
        return _STATUS_OF_CAUSE[self]


class Verdict(Enum):
    """What a policy says of a measured trial."""

    DISCARD = "discard"
    LEAD = "lead"
    KEEP = "keep"
    MEASURE = "measure"
    """Not decided yet: the decision's requests are to be measured first."""


class Status(Enum):
    """How a trial ended. Each knows what it means for ranking, agents and screens."""

    ranked: bool
    """Its score takes part in rankings."""
    shown: bool
    """Agents see it as evidence."""
    ran: bool
    """It consumed the machine."""
    glyph: str
    colour: str

    def __new__(
        cls, value: str, ranked: bool, shown: bool, ran: bool, glyph: str, colour: str
    ) -> Self:
        """A member whose value is its name in files, so that it is found by that."""
        member = object.__new__(cls)
        member._value_ = value
        member.ranked, member.shown, member.ran = ranked, shown, ran
        member.glyph, member.colour = glyph, colour
        return member

    BASELINE = ("baseline", True, True, True, "◆", "blue")
    KEEP = ("keep", True, True, True, "★", "green")
    LEAD = ("lead", True, True, True, "▲", "cyan")
    DISCARD = ("discard", True, True, True, "·", "bright_black")
    DISQUALIFIED = ("disqualified", False, True, True, "✗", "yellow")
    SIZE_BLOCKED = ("size_blocked", False, True, True, "▣", "yellow")
    TRAIN_BUDGET_OVERRUN = ("train_budget_overrun", False, True, True, "◔", "yellow")
    EVAL_BUDGET_OVERRUN = ("eval_budget_overrun", False, True, True, "◕", "yellow")
    CRASH = ("crash", False, True, True, "!", "red")
    PREFLIGHT_CRASH = ("preflight_crash", False, True, True, "¡", "red")
    ILLEGAL = ("illegal", False, True, False, "⊘", "magenta")
    HARNESS_ABORT = ("harness_abort", False, False, True, "?", "red")


_STATUS_OF_CAUSE: dict[Cause, Status | None] = {
    Cause.VALID: None,
    Cause.ILLEGAL: Status.ILLEGAL,
    Cause.SYNTAX: Status.PREFLIGHT_CRASH,
    Cause.LAUNCH: Status.PREFLIGHT_CRASH,
    Cause.SMOKE: Status.PREFLIGHT_CRASH,
    Cause.SMOKE_TIME: Status.PREFLIGHT_CRASH,
    Cause.PREPARE_TIME: Status.TRAIN_BUDGET_OVERRUN,
    Cause.TRAIN_TIME: Status.TRAIN_BUDGET_OVERRUN,
    Cause.INFERENCE_TIME: Status.EVAL_BUDGET_OVERRUN,
    Cause.STALLED: Status.EVAL_BUDGET_OVERRUN,
    Cause.EXITED: Status.CRASH,
    Cause.SIGNALLED: Status.CRASH,
    Cause.PROTOCOL: Status.CRASH,
    Cause.NOT_FINITE: Status.CRASH,
    Cause.MEMORY: Status.CRASH,
    Cause.DISK: Status.CRASH,
    Cause.PROCESSES: Status.CRASH,
    Cause.OUTPUT: Status.CRASH,
    Cause.ARTIFACT_MISSING: Status.CRASH,
    Cause.ARTIFACT_BYTES: Status.SIZE_BLOCKED,
    Cause.GATE: Status.DISQUALIFIED,
    Cause.AUDIT: Status.DISQUALIFIED,
    Cause.HARNESS: Status.HARNESS_ABORT,
    Cause.LOST: Status.HARNESS_ABORT,
    Cause.CANCELLED: Status.HARNESS_ABORT,
}

_STATUS_OF_VERDICT: dict[Verdict, Status | None] = {
    Verdict.DISCARD: Status.DISCARD,
    Verdict.LEAD: Status.LEAD,
    Verdict.KEEP: Status.KEEP,
    Verdict.MEASURE: None,
}


def status_of(cause: Cause | None, verdict: Verdict | None, *, baseline: bool) -> Status | None:
    """The status of a trial, or None while it is unfinished.

    Args:
        cause: What stopped the gates or the evaluations; None while neither has ended.
        verdict: The latest decision; None before the first.
        baseline: Whether this is trial 0. One that misses a gate is a baseline all the
            same, an infeasible one; one that does not run has its cause's status.
    """
    if cause is None:
        return None
    if baseline and cause in (Cause.VALID, Cause.GATE):
        return Status.BASELINE
    if cause.status is not None:
        return cause.status
    return None if verdict is None else _STATUS_OF_VERDICT[verdict]
