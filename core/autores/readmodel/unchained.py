"""The story of a lineage that was imported from a table: it never had events."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from autores.lineage.store import LineageStore, Query
from autores.readmodel.story import Chain, Change, Conditions, Story
from autores.records import Task, Trial, Trust
from autores.status import Status

_PHASES = {"train_s": "train", "eval_s": "inference"}


def unchained(store: LineageStore, task: Task) -> Story:
    """What its rows tell."""
    head = store.head()
    trials = {trial.id: trial for trial in store.query(Query())}
    times = [trial.accepted_at for trial in trials.values() if trial.accepted_at]
    return Story(
        task=task,
        head=head,
        began=min(times, default=0.0),
        ended=max(times, default=0.0),
        trials=trials,
        bests=tuple(_changes(trials, (Status.BASELINE, Status.KEEP))),
        leads=tuple(_changes(trials, (Status.BASELINE, Status.KEEP, Status.LEAD))),
        conditions=Conditions(trusts={Trust.SELF_REPORTED.value: len(trials)}),
        chain=Chain(events=0, head_hash=head.hash),
        phases={trial.id: dict(_phases(trial)) for trial in trials.values()},
    )


def _changes(trials: Mapping[int, Trial], standing: tuple[Status, ...]) -> Iterator[Change]:
    for trial in trials.values():
        if trial.status in standing:
            yield Change(seq=0, at=trial.accepted_at, after=trial.id, trial=trial.id)


def _phases(trial: Trial) -> Iterator[tuple[str, float]]:
    for column, phase in _PHASES.items():
        if column in trial.metrics:
            yield phase, trial.metrics[column]
