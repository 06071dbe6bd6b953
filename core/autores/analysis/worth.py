"""What each specialist and each surface brought, and what that cost."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from autores.readmodel import Group, Story
from autores.records import Cost, Trial
from autores.rows import gain_of
from autores.status import Status

_HOUR = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Worth:
    """One specialist or surface."""

    name: str
    trials: int
    leads: int
    keeps: int
    failed: int
    """Without a score that ranks."""
    gain: float
    """Sum of the estimated gains of its keeps, in the metric's unit."""
    keep_rate: float
    """Keeps per trial."""
    cost: Cost
    gpu_hours: float
    gpu_hours_per_sigma: float | None
    """What a confirmed σ of gain took; None where nothing was confirmed, or σ is not known."""
    dollars_per_sigma: float | None
    """The same in dollars."""


def by_specialist(story: Story) -> tuple[Worth, ...]:
    """In alphabetical order."""
    return _worths(story, story.specialists, lambda trial: (trial.submission.specialist,))


def by_surface(story: Story) -> tuple[Worth, ...]:
    """An edit of two surfaces counts for both."""
    return _worths(story, story.surfaces, _surfaces)


def _surfaces(trial: Trial) -> tuple[str, ...]:
    return trial.submission.edit.surfaces if trial.submission.edit else ()


def _worths(
    story: Story, groups: Iterable[Group], names: Callable[[Trial], tuple[str, ...]]
) -> tuple[Worth, ...]:
    gains: dict[str, float] = {}
    for trial in story.trials.values():
        if trial.status is Status.KEEP:
            for name in names(trial):
                gains[name] = gains.get(name, 0.0) + max(0.0, gain_of(trial) or 0.0)
    return tuple(_worth(story, group, gains.get(group.name, 0.0)) for group in groups)


def _worth(story: Story, group: Group, gain: float) -> Worth:
    calibration = story.head.calibration
    sigmas = gain / calibration.spread if calibration and calibration.spread else 0.0
    hours = group.cost.gpu_seconds / _HOUR
    return Worth(
        name=group.name,
        trials=group.trials,
        leads=group.count(Status.LEAD),
        keeps=group.count(Status.KEEP),
        failed=group.failed,
        gain=gain,
        keep_rate=group.count(Status.KEEP) / group.trials if group.trials else 0.0,
        cost=group.cost,
        gpu_hours=hours,
        gpu_hours_per_sigma=hours / sigmas if sigmas else None,
        dollars_per_sigma=group.cost.dollars / sigmas if sigmas else None,
    )
