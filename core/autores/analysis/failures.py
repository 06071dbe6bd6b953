"""Failures: which were mended, in how many steps, and which came near and were left."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from autores.analysis.numbers import Levels, number_of
from autores.readmodel import Story
from autores.records import Trial
from autores.status import Status

_MEASURED = (
    Status.DISQUALIFIED,
    Status.SIZE_BLOCKED,
    Status.TRAIN_BUDGET_OVERRUN,
    Status.EVAL_BUDGET_OVERRUN,
)
"""What ran to its end and broke a rule."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RepairChain:
    """Failures that were built on one after the other, and the trial that got through."""

    failed: tuple[int, ...]
    by: int
    status: Status
    """What became of that."""
    cited: bool
    """By citation; else by ancestry."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NearMiss:
    """It measured better than the best of its time, broke a rule, and nobody mended it."""

    trial: int
    status: Status
    specialist: str
    number: float
    ahead: float
    """Of the best of its time, in the metric's unit."""
    detail: str


def repair_chains(story: Story, *, cited: bool) -> tuple[RepairChain, ...]:
    """Each failure with the first that mended it, joined where a failure mended a failure.

    Args:
        story: The run.
        cited: Follow what trials cite; else from whose trees they were made.
    """
    heirs = _heirs(story, cited=cited)
    roots = [t for t in heirs if not any(_is_failure(story, s) for s in _sources(story, t, cited))]
    return tuple(chain for root in roots if (chain := _chain(story, heirs, root, cited)))


def near_misses(story: Story) -> tuple[NearMiss, ...]:
    """The largest lead first."""
    mended = {failed for cited in (True, False) for failed in _heirs(story, cited=cited)}
    levels, left = Levels(story), (t for t in story.trials.values() if t.id not in mended)
    found = (miss for trial in left for miss in _near(story, levels, trial))
    return tuple(sorted(found, key=lambda miss: (-miss.ahead, miss.trial)))


def _is_failure(story: Story, trial: int) -> bool:
    found = story.trials.get(trial)
    return found is not None and found.status is not None and not found.status.ranked


def _sources(story: Story, trial: int, cited: bool) -> tuple[int, ...]:
    submission = story.trials[trial].submission
    return submission.cites if cited else submission.parents


def _heirs(story: Story, *, cited: bool) -> Mapping[int, tuple[int, ...]]:
    """Each failure that something was built on, and what, in order."""
    found: dict[int, list[int]] = {}
    for trial in story.trials:
        for source in _sources(story, trial, cited):
            if _is_failure(story, source):
                found.setdefault(source, []).append(trial)
    return {source: tuple(young) for source, young in found.items()}


def _chain(
    story: Story, heirs: Mapping[int, tuple[int, ...]], root: int, cited: bool
) -> RepairChain | None:
    """The shortest way from a failure to something that ranks."""
    waiting: list[tuple[int, ...]] = [(root,)]
    seen = {root}
    while waiting:
        longer = []
        for way in waiting:
            for heir in heirs.get(way[-1], ()):
                status = story.trials[heir].status
                if status is not None and status.ranked:
                    return RepairChain(failed=way, by=heir, status=status, cited=cited)
                if heir not in seen:
                    seen.add(heir)
                    longer.append((*way, heir))
        waiting = longer
    return None


def _near(story: Story, levels: Levels, trial: Trial) -> Iterator[NearMiss]:
    number = number_of(trial, story.task.metric)
    level = levels.before(trial)
    if trial.status not in _MEASURED or number is None or level is None:
        return
    ahead = story.task.metric.direction.gain(level, number)
    if ahead > 0:
        yield NearMiss(
            trial=trial.id,
            status=trial.status,
            specialist=trial.submission.specialist,
            number=number,
            ahead=ahead,
            detail=trial.detail or trial.submission.notes,
        )
