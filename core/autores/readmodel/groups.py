"""Trials by who made them and by what they edit; failures and what mended them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from statistics import median

from autores.records import Cost, Trial
from autores.status import Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """What trials that have something in common amount to."""

    name: str
    statuses: Mapping[Status | None, int]
    best: float | None
    """Largest gain of a first look over the incumbent of its time."""
    median: float | None
    """Of those gains."""
    cost: Cost = field(default_factory=Cost)

    @property
    def trials(self) -> int:
        """How many."""
        return sum(self.statuses.values())

    @property
    def failed(self) -> int:
        """How many ended without a score that ranks."""
        return sum(n for s, n in self.statuses.items() if s is not None and not s.ranked)

    def count(self, status: Status) -> int:
        """How many have a status."""
        return self.statuses.get(status, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Repair:
    """A trial that failed, and the first that was built on it and ranked."""

    failed: int
    by: int
    cited: bool
    """By citation; else by ancestry."""


def by_specialist(trials: Iterable[Trial], charges: Mapping[str, Cost]) -> tuple[Group, ...]:
    """One group a specialist; the baseline is nobody's."""
    sorted_out: dict[str, list[Trial]] = {name: [] for name in charges}
    for trial in trials:
        if trial.id:
            sorted_out.setdefault(trial.submission.specialist, []).append(trial)
    return tuple(
        _group(name, own, charges.get(name, Cost())) for name, own in sorted(sorted_out.items())
    )


def by_surface(trials: Iterable[Trial]) -> tuple[Group, ...]:
    """One group a surface."""
    sorted_out: dict[str, list[Trial]] = {}
    for trial in trials:
        for surface in trial.submission.edit.surfaces if trial.submission.edit else ():
            sorted_out.setdefault(surface, []).append(trial)
    return tuple(_group(name, own, Cost()) for name, own in sorted(sorted_out.items()))


def _group(name: str, trials: list[Trial], cost: Cost) -> Group:
    counts: dict[Status | None, int] = {}
    seconds = gpu_seconds = 0.0
    for trial in trials:
        counts[trial.status] = counts.get(trial.status, 0) + 1
        seconds += trial.cost.seconds
        gpu_seconds += trial.cost.gpu_seconds
    gains = [trial.delta for trial in trials if trial.delta is not None and trial.status]
    return Group(
        name=name,
        statuses=counts,
        best=max(gains, default=None),
        median=median(gains) if gains else None,
        cost=cost + Cost(seconds=seconds, gpu_seconds=gpu_seconds),
    )


def repairs(trials: Mapping[int, Trial]) -> tuple[Repair, ...]:
    """Of each failure the first later trial that cites it or edits it, and ranks."""
    found: dict[int, Repair] = {}
    for trial in trials.values():
        if trial.status is None or not trial.status.ranked:
            continue
        submission = trial.submission
        for source in (*submission.cites, *submission.parents):
            failed = trials.get(source)
            if failed is None or failed.status is None or failed.status.ranked:
                continue
            cited = source in submission.cites
            found.setdefault(source, Repair(failed=source, by=trial.id, cited=cited))
    return tuple(found[failed] for failed in sorted(found))
