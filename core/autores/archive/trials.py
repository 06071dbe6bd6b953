"""Rows to trials: the same records as of a run of our own, and how they were measured."""

from __future__ import annotations

from itertools import pairwise

from autores.archive.rows import Row, Table
from autores.archive.store import Archive
from autores.events import Created, Head
from autores.records import (
    Calibration,
    Cost,
    Decision,
    Direction,
    Evaluation,
    Look,
    Outcome,
    Phase,
    Purpose,
    Submission,
    Trial,
    Trust,
)
from autores.status import Cause, Status, Verdict

POLICY = "imported"
BASELINE = 0
_KNOWN_DIRECTIONS = {
    "accuracy": Direction.MAXIMIZE,
    "core_metric": Direction.MAXIMIZE,
    "val_bpb": Direction.MINIMIZE,
    "train_s": Direction.MINIMIZE,
}
_CAUSES = {
    Status.ILLEGAL: Cause.ILLEGAL,
    Status.DISQUALIFIED: Cause.GATE,
    Status.SIZE_BLOCKED: Cause.ARTIFACT_BYTES,
    Status.TRAIN_BUDGET_OVERRUN: Cause.TRAIN_TIME,
    Status.EVAL_BUDGET_OVERRUN: Cause.INFERENCE_TIME,
    Status.CRASH: Cause.EXITED,
    Status.PREFLIGHT_CRASH: Cause.SMOKE,
    Status.HARNESS_ABORT: Cause.HARNESS,
}
_VERDICTS = {
    Status.KEEP: Verdict.KEEP,
    Status.LEAD: Verdict.LEAD,
    Status.DISCARD: Verdict.DISCARD,
}


def direction_of(table: Table) -> Direction:
    """Which way its keeps went; without two of them, which way its column usually goes."""
    kept = [
        row.score
        for row in table.rows
        if row.status in (Status.BASELINE, Status.KEEP) and row.score is not None
    ]
    steps = [new - old for old, new in pairwise(kept)]
    rising = sum((step > 0) - (step < 0) for step in steps)
    if rising:
        return Direction.MAXIMIZE if rising > 0 else Direction.MINIMIZE
    return _KNOWN_DIRECTIONS.get(table.score, Direction.MINIMIZE)


def archive_of(table: Table, created: Created) -> Archive:
    """What a table says, to be read like any other lineage."""
    fold = _Fold(created)
    for row in table.rows:
        fold.take(row)
    return Archive(trials=fold.trials, looks=look_of, head=fold.head())


def look_of(trial: Trial) -> tuple[Look, ...]:
    """The one measurement that a row tells of; of what was refused there is none."""
    if trial.cause is None or not trial.looks:
        return ()
    evaluation = Evaluation(
        trial=trial.id,
        ordinal=0,
        purpose=Purpose.CALIBRATE if trial.id == BASELINE else Purpose.FIRST,
        commit="",
        seeds=(),
        job=trial.submission.call,
        trust=Trust.SELF_REPORTED,
    )
    outcome = Outcome(
        cause=trial.cause, score=trial.first_score, metrics=trial.metrics, detail=trial.detail
    )
    return (Look(evaluation=evaluation, outcome=outcome),)


class _Fold:
    """Remembers who leads while rows go by."""

    def __init__(self, created: Created) -> None:
        self.trials: dict[int, Trial] = {}
        self._created = created
        self._leads: list[int] = []
        self._keeps: list[int] = []
        self._seconds = 0.0
        self._improved = (0.0, 0)

    def take(self, row: Row) -> None:
        """Enter a row."""
        trial = self._trial(row)
        self.trials[trial.id] = trial
        self._seconds += trial.cost.seconds
        stands = row.status in (Status.BASELINE, Status.KEEP)
        if stands and row.score is not None:
            self._keeps.append(row.id)
        if stands or row.status is Status.LEAD:
            self._leads.append(row.id)
            self._improved = (row.at, row.id + 1)

    def head(self) -> Head:
        """Where the lineage ended. There is no chain, hence no hash."""
        improved_at, improved_trial = self._improved
        return Head(
            created=self._created,
            next_trial=max(self.trials, default=-1) + 1,
            finished=len(self.trials),
            best=self._keeps[-1] if self._keeps else None,
            lead=self._leads[-1] if self._leads else None,
            calibration=self._calibration(),
            spent=Cost(seconds=self._seconds),
            improved_at=improved_at,
            improved_trial=improved_trial,
        )

    def _calibration(self) -> Calibration | None:
        """What is known of the seed recipe; nothing of its noise."""
        seed = self.trials.get(BASELINE)
        if seed is None or seed.score is None:
            return None
        return Calibration(task=self._created.task, profile=self._created.profile, score=seed.score)

    def _trial(self, row: Row) -> Trial:
        cause, verdict = _cause(row), _VERDICTS.get(row.status)
        incumbent = self.trials[self._leads[-1]] if self._leads else None
        delta = None
        if row.score is not None and incumbent is not None and incumbent.score is not None:
            delta = self._created.direction.gain(incumbent.score, row.score)
        return Trial(
            id=row.id,
            submission=_submission(row),
            phase=Phase.FINISHED,
            accepted_at=row.at,
            finished_at=row.at,
            depth=self.trials[row.parents[0]].depth + 1 if row.parents else 0,
            looks=int(row.status is not Status.ILLEGAL),
            evaluations=int(row.status is not Status.ILLEGAL),
            cause=cause,
            detail=row.notes if cause is not Cause.VALID else "",
            status=row.status,
            first_score=row.score,
            score=row.score,
            metrics=row.numbers,
            decision=None
            if verdict is None
            else Decision(
                verdict=verdict, policy=POLICY, against=incumbent.id if incumbent else None
            ),
            delta=delta,
            cost=Cost(seconds=max(0.0, row.numbers.get("total_s", 0.0))),
        )


def _cause(row: Row) -> Cause:
    """A baseline of which no score is known is one that no trial can be compared with."""
    if row.status is Status.BASELINE and row.score is None:
        return Cause.GATE
    return _CAUSES.get(row.status, Cause.VALID)


def _submission(row: Row) -> Submission:
    return Submission(
        commit="",
        parents=row.parents,
        hypothesis=row.hypothesis,
        specialist=row.specialist,
        session="",
        call=row.job or str(row.id),
        expected_delta=row.expected,
        notes=row.notes,
        cites=row.cites,
    )
