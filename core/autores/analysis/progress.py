"""How a run went over time: the best and the leads, and what trials became in each quarter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from autores.readmodel import Story
from autores.status import Status

QUARTERS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """From here on something better stood."""

    after: int
    """Trials that had been accepted by then."""
    at: float
    trial: int | None
    score: float | None
    gain: float | None
    """Over the baseline, positive is better."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarter:
    """A fourth of the trials, in the order of their acceptance."""

    first: int
    last: int
    statuses: Mapping[str, int]

    @property
    def trials(self) -> int:
        """How many."""
        return sum(self.statuses.values())


def bests(story: Story) -> tuple[Step, ...]:
    """Each keep that became the best."""
    return _steps(story, kept=True)


def leads(story: Story) -> tuple[Step, ...]:
    """Each trial that came to lead."""
    return _steps(story, kept=False)


def _steps(story: Story, *, kept: bool) -> tuple[Step, ...]:
    return tuple(
        Step(
            after=change.after,
            at=change.at,
            trial=change.trial,
            score=None if change.trial is None else story.level(change.trial),
            gain=None if change.trial is None else story.gain(change.trial),
        )
        for change in (story.bests if kept else story.leads)
    )


def quarters(story: Story) -> tuple[Quarter, ...]:
    """What became of the trials, fourth by fourth; the baseline is in none."""
    trials = [trial for trial in story.trials.values() if trial.id]
    found = []
    for number in range(QUARTERS):
        part = trials[len(trials) * number // QUARTERS : len(trials) * (number + 1) // QUARTERS]
        if part:
            counts = dict.fromkeys((*Status, None), 0)
            for trial in part:
                counts[trial.status] += 1
            statuses = {named(status): n for status, n in counts.items() if n}
            found.append(Quarter(first=part[0].id, last=part[-1].id, statuses=statuses))
    return tuple(found)


def named(status: Status | None) -> str:
    """As people read it."""
    return "unfinished" if status is None else str(status.value)
