"""What a run may use: asked before each session and each measurement, from the ledger alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from autores.config import RunSettings, moment_of
from autores.events import Head
from autores.records import Budget


@dataclass(frozen=True, slots=True, kw_only=True)
class Reserved:
    """What was promised to sessions and measurements that have not settled yet."""

    submissions: int = 0
    """Of sessions that have one to come."""
    gpu_seconds: float = 0.0


def budget_of(settings: RunSettings, now: float) -> Budget:
    """What the user allows, with the deadline as a moment."""
    hours, gpu_hours = settings.max_hours, settings.max_gpu_hours
    idle = settings.idle_hours
    return Budget(
        trials=settings.max_trials,
        deadline=moment_of(settings.deadline, now) if settings.deadline else None,
        wall=None if hours is None else hours * 3600,
        tokens=settings.max_tokens,
        dollars=settings.max_dollars,
        gpu_seconds=None if gpu_hours is None else gpu_hours * 3600,
        idle_seconds=None if idle is None else idle * 3600,
        idle_trials=settings.idle_trials,
    )


def ended(budget: Budget, head: Head, now: float) -> str:
    """Why the run is over by what has been used; empty while it is not."""
    return next(_exceeded(budget, head, Reserved(), now), "")


def admits(budget: Budget, head: Head, reserved: Reserved, now: float) -> bool:
    """Whether one more session fits, if all that was promised is used."""
    return not any(_exceeded(budget, head, reserved, now))


def submitted(head: Head) -> int:
    """Trials that count: all but the baseline."""
    return max(0, head.next_trial - 1)


def _exceeded(budget: Budget, head: Head, reserved: Reserved, now: float) -> Iterator[str]:
    idle_since = head.improved_at or now
    counted = (
        ("trials", submitted(head) + reserved.submissions, budget.trials),
        ("deadline", now, budget.deadline),
        ("seconds of evaluation", head.spent.seconds, budget.wall),
        ("tokens", head.spent.tokens, budget.tokens),
        ("dollars", head.spent.dollars, budget.dollars),
        ("GPU seconds", head.spent.gpu_seconds + reserved.gpu_seconds, budget.gpu_seconds),
        ("seconds without improvement", now - idle_since, budget.idle_seconds),
        (
            "trials without improvement",
            head.next_trial - head.improved_trial,
            budget.idle_trials,
        ),
    )
    for name, used, most in counted:
        if most is not None and used >= most:
            yield "the deadline" if name == "deadline" else f"{most:g} {name}"
