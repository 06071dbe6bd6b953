"""Looks: from what is to be measured to verified outcomes in the lineage."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from pathlib import Path

from autores.calibrate import missed_gate
from autores.desk import Desk
from autores.evaluator.request import EvaluationRequest
from autores.evaluator.signing import BadSignature, key_name, verify
from autores.events import Body, Demoted, Evaluated, Head, Started
from autores.executor import Executor, Job, Priority, Result, results_in
from autores.folder import RunFolder
from autores.records import (
    Cost,
    Evaluation,
    Limits,
    Outcome,
    Purpose,
    Request,
    Split,
    Task,
    Trial,
)
from autores.secret import RunSecret
from autores.status import Cause
from autores.workspace.repository import CodeRepository

ATTEMPTS = 2
"""At one evaluation, before it is given up as lost."""
CALIBRATION_ATTEMPTS = 6
"""Without a baseline there is no run, so that more patience is due."""
PAIRS_OF_A_JOB = 2
"""A-B-B-A: what drifts slowly falls out, and others wait no longer than that."""
OURS = (Cause.HARNESS, Cause.LOST, Cause.CANCELLED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """One look that is to be made."""

    trial: int
    purpose: Purpose
    pair: int | None = None
    """Looks of one job with the same number are two sides of a pair."""
    split: Split = Split.EVALUATION


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """What is the same for all evaluations of a run."""

    task: Task
    plugin: str
    """Module of the task's plugin."""
    limits: Limits
    data_dir: Path
    world: str
    hardware: str
    host: str
    owner: str
    sandbox: str
    min_level: str = "none"


@dataclass(slots=True)
class _Attempt:
    """A job, and what has not come of it yet."""

    job: Job
    open: dict[int, Outcome | None] = field(default_factory=dict)
    """Position to the evaluator's own failure, if it reported one."""

    def evaluation(self, position: int) -> Evaluation:
        return self.job.requests[position].evaluation


class Laboratory:
    """Measures trials: writes down what starts, runs it, verifies and writes what came out."""

    def __init__(
        self,
        *,
        desk: Desk,
        executor: Executor,
        code: CodeRepository,
        folder: RunFolder,
        secret: RunSecret,
        conditions: Conditions,
    ) -> None:
        self._desk = desk
        self._store = desk.store
        self._executor = executor
        self._code = code
        self._folder = folder
        self._secret = secret
        self.conditions = conditions

    async def measure(self, wanted: Sequence[Wanted], *, after: Sequence[Body] = ()) -> None:
        """Make looks in one job, in this order.

        Args:
            wanted: What to look at.
            after: Events that belong in the same transaction, before the evaluations start.
        """
        events = await self._desk.append(lambda head: (*after, *self._planned(wanted)))
        started = [e.body.evaluation for e in events if isinstance(e.body, Started)]
        await self._see_through(started)

    async def fulfil(self, requests: Iterable[Request]) -> None:
        """Make the looks that a policy asked for."""
        for request in requests:
            for wanted in jobs_of(request):
                await self.measure(wanted)

    async def recover(self, evaluations: Iterable[Evaluation]) -> None:
        """See evaluations through that another supervisor of this run left behind."""
        jobs = groupby(sorted(evaluations, key=_job_and_id), key=lambda e: e.job)
        async with asyncio.TaskGroup() as group:
            for _, members in jobs:
                group.create_task(self._recover(list(members)))

    # ------------------------------------------------------------------------ planning

    def _planned(self, wanted: Sequence[Wanted]) -> list[Started]:
        """The evaluations as they will be; called while the store is locked."""
        next_ordinal = {w.trial: self._store.get(w.trial).evaluations for w in wanted}
        planned: list[Evaluation] = []
        pairs: dict[int, str] = {}
        for want in wanted:
            trial = self._store.get(want.trial)
            identity = f"{trial.id}.{next_ordinal[trial.id]}"
            pair = "" if want.pair is None else pairs.setdefault(want.pair, identity)
            planned.append(self._evaluation(trial, next_ordinal[trial.id], want, pair))
            next_ordinal[trial.id] += 1
        job = f"job-{planned[0].id}-1"
        return [Started(evaluation=replace(evaluation, job=job)) for evaluation in planned]

    def _evaluation(self, trial: Trial, ordinal: int, want: Wanted, pair: str) -> Evaluation:
        conditions, purpose = self.conditions, want.purpose.value
        subject = f"pair {pair}" if pair else f"{trial.id}.{ordinal}"
        return Evaluation(
            trial=trial.id,
            ordinal=ordinal,
            purpose=want.purpose,
            commit=trial.submission.commit,
            seeds=self._secret.seeds(purpose, subject, conditions.task.seeds),
            split=want.split,
            pair=pair,
            owner=conditions.owner,
            host=conditions.host,
            hardware=conditions.hardware,
            profile=conditions.task.profile,
            world=conditions.world,
            trust=conditions.task.trust,
            sandbox=conditions.sandbox,
        )

    def _job(self, evaluations: Sequence[Evaluation]) -> Job:
        head, limits = self._store.head(), self.conditions.limits
        first = evaluations[0]
        claim = first.purpose is not Purpose.FIRST
        return Job(
            name=first.job,
            requests=tuple(self._request(evaluation, head) for evaluation in evaluations),
            code=self._code,
            folder=self._folder.job(first.job, first.trial),
            keys={key_name(e): self._secret.key(e) for e in evaluations},
            lease=limits.lease,
            gpus=limits.gpus,
            priority=Priority.CLAIM if claim else Priority.TRIAL,
        )

    def _request(self, evaluation: Evaluation, head: Head) -> EvaluationRequest:
        conditions, trial = self.conditions, self._store.get(evaluation.trial)
        parent = None if trial.parent is None else self._store.get(trial.parent)
        return EvaluationRequest(
            evaluation=evaluation,
            tree=self._code.tree(evaluation.commit).id,
            task=conditions.task,
            plugin=conditions.plugin,
            limits=conditions.limits,
            data_dir=str(conditions.data_dir),
            secret=self._secret.derive("evaluation", evaluation.pair or evaluation.id).hex(),
            calibration=head.calibration,
            earlier=trial.counts,
            parent={} if parent is None else parent.metrics,
            incumbent=None if head.lead is None else self._store.get(head.lead).score,
            min_level=conditions.min_level,
        )

    # ------------------------------------------------------------------------- running

    async def _see_through(self, evaluations: Sequence[Evaluation]) -> None:
        """Run evaluations of one job until each has an outcome."""
        while evaluations:
            attempt = self._attempt(evaluations)
            handle = await self._executor.start(attempt.job)
            await self._watch(attempt, handle)
            evaluations = await self._after(attempt)

    async def _recover(self, evaluations: Sequence[Evaluation]) -> None:
        attempt = self._attempt(evaluations)
        handle = await self._executor.find(attempt.job.name)
        if handle is None:
            for result in results_in(attempt.job.folder):
                await self._accept(attempt, result)
        else:
            await self._watch(attempt, handle)
        await self._see_through(await self._after(attempt))

    def _attempt(self, evaluations: Sequence[Evaluation]) -> _Attempt:
        return _Attempt(self._job(evaluations), dict.fromkeys(range(len(evaluations))))

    async def _watch(self, attempt: _Attempt, handle: str) -> None:
        try:
            async for result in self._executor.watch(handle):
                await self._accept(attempt, result)
        except asyncio.CancelledError:
            if not self._executor.survives:
                await self._executor.cancel(handle)
            raise

    async def _accept(self, attempt: _Attempt, result: Result) -> None:
        """Write an outcome down, if it is one that the evaluator signed for this attempt."""
        if result.position not in attempt.open:
            return
        request = attempt.job.requests[result.position]
        evaluation = request.evaluation
        key = attempt.job.keys[key_name(evaluation)]
        try:
            outcome = verify(result.payload, key, evaluation, request.tree)
        except BadSignature as error:
            outcome = Outcome(cause=Cause.HARNESS, detail=f"a result was refused: {error}")
        if outcome.cause in OURS:
            attempt.open[result.position] = outcome
            return
        del attempt.open[result.position]
        await self._write(evaluation, outcome)

    async def _after(self, attempt: _Attempt) -> list[Evaluation]:
        """What is tried again of what did not end; the rest is given up."""
        again: list[Evaluation] = []
        for position, failure in sorted(attempt.open.items()):
            evaluation = attempt.evaluation(position)
            if evaluation.attempt < _attempts(evaluation):
                again.append(evaluation)
            else:
                lost = Outcome(cause=Cause.LOST, detail="the evaluator did not come back")
                await self._write(evaluation, failure or lost)
        if not again:
            return []
        number = again[0].attempt + 1
        job = f"job-{again[0].id}-{number}"
        retried = [replace(e, attempt=number, job=job) for e in again]
        await self._desk.append(lambda head: [Started(evaluation=e) for e in retried])
        return retried

    async def _write(self, evaluation: Evaluation, outcome: Outcome) -> None:
        seconds = outcome.wall
        cost = Cost(seconds=seconds, gpu_seconds=seconds * self.conditions.limits.gpus)
        ended = Evaluated(
            trial=evaluation.trial,
            ordinal=evaluation.ordinal,
            outcome=outcome,
            attempt=evaluation.attempt,
            cost=cost,
        )
        await self._desk.append(lambda head: (ended,))
        if evaluation.ordinal and evaluation.purpose is not Purpose.CALIBRATE:
            await self._hold_to(evaluation, outcome)

    async def _hold_to(self, evaluation: Evaluation, outcome: Outcome) -> None:
        """End what later looks show to miss a gate, or not to run every time."""
        trial = self._store.get(evaluation.trial)
        if trial.id == 0 or trial.cause is not Cause.VALID or outcome.cause in OURS:
            return
        calibration = self._store.head().calibration
        thresholds: Mapping[str, str] = calibration.thresholds if calibration else {}
        missed = missed_gate(self.conditions.task, trial.counts, thresholds)
        if missed is not None:
            gate, by = missed
            reason = f"misses the gate {gate.name} by {by} over {trial.looks} looks"
            demoted = Demoted(trial=trial.id, cause=Cause.GATE, reason=reason)
        elif outcome.cause not in (Cause.VALID, Cause.GATE):
            reason = f"a later look failed: {outcome.detail}"
            demoted = Demoted(trial=trial.id, cause=outcome.cause, reason=reason)
        else:
            return
        await self._desk.append(lambda head: (demoted,))


def jobs_of(request: Request) -> list[list[Wanted]]:
    """The looks of a request, job by job."""
    purpose = request.purpose
    if len(request.trials) == 1:
        return [[Wanted(trial=request.trials[0], purpose=purpose)] * request.looks]
    left, right = request.trials
    jobs = []
    for begin in range(0, request.looks, PAIRS_OF_A_JOB):
        job: list[Wanted] = []
        for number in range(begin, min(begin + PAIRS_OF_A_JOB, request.looks)):
            sides = (left, right) if number % 2 == 0 else (right, left)
            job += [Wanted(trial=side, purpose=purpose, pair=number) for side in sides]
        jobs.append(job)
    return jobs


def _attempts(evaluation: Evaluation) -> int:
    return CALIBRATION_ATTEMPTS if evaluation.purpose is Purpose.CALIBRATE else ATTEMPTS


def _job_and_id(evaluation: Evaluation) -> tuple[str, int, int]:
    return evaluation.job, evaluation.trial, evaluation.ordinal
