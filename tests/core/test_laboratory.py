from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from itertools import chain, repeat
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autores.baseline import ensure_baseline
from autores.evaluator.signing import key_name, sign
from autores.events import Accepted, Demoted, Evaluated, Gated, Started
from autores.executor import Job, JobFolder, Priority, Result
from autores.laboratory import ATTEMPTS, CALIBRATION_ATTEMPTS, Laboratory, Wanted, jobs_of
from autores.records import Outcome, Purpose, Request, Trial
from autores.run import Run
from autores.status import Cause, Status
from autores.testing.inline import Inline
from autores.testing.stores import submission

OpenRun = Callable[..., AbstractAsyncContextManager[Run]]
Treat = Callable[[Job, Result], Iterable[Result]]
FEW_CLOSE = Outcome(cause=Cause.VALID, score=0.4, counts={"close": 10, "asked": 200})
MANY_CLOSE = Outcome(cause=Cause.VALID, score=0.4, counts={"close": 60, "asked": 200})


def as_it_is(job: Job, result: Result) -> Iterable[Result]:
    return [result]


def nothing(job: Job, result: Result) -> Iterable[Result]:
    return []


def forged(job: Job, result: Result) -> Iterable[Result]:
    return [replace(result, payload=result.payload.replace(b"valid", b"Valid"))]


def saying(outcome: Outcome) -> Treat:
    """An evaluator that signs this."""

    def treat(job: Job, result: Result) -> Iterable[Result]:
        request = job.requests[result.position]
        key = job.keys[key_name(request.evaluation)]
        payload = sign(key, request.evaluation, request.tree, outcome)
        return [replace(result, payload=payload)]

    return treat


class Fickle(Inline):
    """Treats the results of its first jobs as it is told, those of later ones well."""

    def __init__(self, *treats: Treat, survives: bool = False) -> None:
        super().__init__()
        self.jobs: list[Job] = []
        self.survives = survives
        self._treats = dict(enumerate(treats))

    async def start(self, job: Job) -> str:
        self.jobs.append(job)
        return await super().start(job)

    async def watch(self, handle: str) -> AsyncIterator[Result]:
        (number,) = (n for n, job in enumerate(self.jobs) if job.name == handle)
        treat = self._treats.get(number, as_it_is)
        async for result in super().watch(handle):
            for treated in treat(self.jobs[number], result):
                yield treated


@dataclass
class Lab:
    """A laboratory with a calibrated baseline and two accepted trials."""

    run: Run
    executor: Fickle
    laboratory: Laboratory

    async def first_look(self, trial: int = 1) -> None:
        wanted = Wanted(trial=trial, purpose=Purpose.FIRST)
        await self.laboratory.measure([wanted], after=[Gated(trial=trial)])

    async def look_again(self, trial: int = 1, count: int = 1) -> None:
        await self.laboratory.measure([Wanted(trial=trial, purpose=Purpose.CONFIRM)] * count)

    def trial(self, trial: int = 1) -> Trial:
        return self.run.store.get(trial)

    def outcomes(self, trial: int = 1) -> list[Outcome | None]:
        return [look.outcome for look in self.run.store.looks(trial)]

    def bodies(self, *kinds: type) -> list[Any]:
        events = self.run.store.since(0)
        return [e.body for e in events if isinstance(e.body, kinds)]


Play = Callable[..., None]


@pytest.fixture
def play(open_run: OpenRun) -> Play:
    """Play a scene in a laboratory whose executor treats results so."""

    def play(
        scene: Callable[[Lab], Awaitable[None]],
        *treats: Treat,
        survives: bool = False,
        **settings: Any,
    ) -> None:
        async def played() -> None:
            async with open_run(**settings) as run:
                await ensure_baseline(run)
                executor = Fickle(*treats, survives=survives)
                lab = Lab(run, executor, laboratory(run, executor))
                seed = run.store.get(0).submission.commit
                for number in (1, 2):
                    code = run.code.commit({"fit.py": source(number)}, [seed])
                    row = submission(number, commit=code, tree=run.code.tree(code).id)
                    body = Accepted(trial=number, submission=row)
                    await run.desk.append(lambda head, body=body: [body])
                await scene(lab)
                await executor.close()

        asyncio.run(played())

    return play


def laboratory(run: Run, executor: Fickle) -> Laboratory:
    return Laboratory(
        desk=run.desk,
        executor=executor,
        code=run.code,
        folder=run.folder,
        secret=run.secret,
        conditions=run.laboratory.conditions,
    )


def source(number: int) -> bytes:
    return f"degree = {4 + number}\nridge = 0.02\nrate = 0.1\nsteps = 60\n".encode()


# ------------------------------------------------------------------------------ one look


def test_a_look_is_planned_run_verified_and_written(play: Play) -> None:
    async def scene(lab: Lab) -> None:
        await lab.first_look()
        (look,) = lab.run.store.looks(1)
        assert look.outcome is not None and look.outcome.cause is Cause.VALID
        evaluation, conditions = look.evaluation, lab.laboratory.conditions
        assert (evaluation.id, evaluation.job, evaluation.attempt) == ("1.0", "job-1.0-1", 1)
        assert evaluation.seeds == lab.run.secret.seeds("first", "1.0", conditions.task.seeds)
        assert (evaluation.owner, evaluation.hardware) == (conditions.owner, "inline")
        assert (evaluation.world, evaluation.profile) == (conditions.world, "default")
        assert evaluation.commit == lab.trial().submission.commit
        kinds = [e.kind for e in lab.run.store.since(0)][-3:]
        assert kinds == ["gated", "started", "evaluated"]
        assert lab.trial().cost.seconds == look.outcome.wall > 0

    play(scene)


def test_what_starts_is_written_before_it_does(play: Play) -> None:
    async def scene(lab: Lab) -> None:
        seen: list[int] = []
        start = lab.executor.start

        async def watched(job: Job) -> str:
            seen.append(lab.trial().evaluations)
            return await start(job)

        lab.executor.start = watched  # type: ignore[method-assign]
        await lab.first_look()
        assert seen == [1]

    play(scene)


def test_the_evaluator_is_told_what_it_needs(play: Play) -> None:
    async def scene(lab: Lab) -> None:
        await lab.first_look()
        await lab.look_again(count=2)
        first, again = lab.executor.jobs
        (request,) = first.requests
        assert request.calibration == lab.run.store.head().calibration
        assert (request.earlier, request.plugin) == ({}, "autores.testing.toy")
        assert request.tree == lab.trial().submission.tree
        assert request.parent == lab.trial(0).metrics != {}
        assert again.requests[0].earlier == {"close": 60, "asked": 200}
        assert (first.priority, again.priority) == (Priority.TRIAL, Priority.CLAIM)
        assert len({r.secret for job in (first, again) for r in job.requests}) == 3

    play(scene, saying(MANY_CLOSE))


# ------------------------------------------------------------------------ what goes wrong


def test_a_result_that_was_not_signed_is_refused_and_made_again(play: Play) -> None:
    async def scene(lab: Lab) -> None:
        await lab.first_look()
        assert [o and o.cause for o in lab.outcomes()] == [Cause.VALID]
        assert [b.evaluation.attempt for b in lab.bodies(Started)][-2:] == [1, 2]
        assert lab.bodies(Evaluated)[-1].attempt == 2
        one, two = lab.executor.jobs
        assert (one.name, two.name) == ("job-1.0-1", "job-1.0-2")
        assert set(one.keys.values()).isdisjoint(two.keys.values())
        assert one.requests[0].evaluation.seeds == two.requests[0].evaluation.seeds

    play(scene, forged)


def test_a_result_of_an_earlier_attempt_is_refused(play: Play) -> None:
    kept: list[Result] = []

    def keep(job: Job, result: Result) -> Iterable[Result]:
        kept.append(result)
        return []

    def replay(job: Job, result: Result) -> Iterable[Result]:
        return kept

    async def scene(lab: Lab) -> None:
        await lab.first_look()
        (outcome,) = lab.outcomes()
        assert outcome is not None and outcome.cause is Cause.HARNESS
        assert outcome.detail.startswith("a result was refused: ")

    play(scene, keep, replay)


def test_what_is_refused_twice_is_our_failure(play: Play) -> None:
    async def scene(lab: Lab) -> None:
        await lab.first_look()
        assert len(lab.executor.jobs) == ATTEMPTS == 2
        assert lab.trial().status is Status.HARNESS_ABORT
        assert not lab.trial().visible

    play(scene, forged, forged, forged)


def test_an_evaluator_that_never_comes_back_is_lost(play: Play) -> None:
    async def scene(lab: Lab) -> None:
        await lab.first_look()
        (outcome,) = lab.outcomes()
        assert outcome == Outcome(cause=Cause.LOST, detail="the evaluator did not come back")
        assert lab.trial().status is Status.HARNESS_ABORT

    play(scene, nothing, nothing)


def test_our_own_failures_are_tried_again_the_candidates_are_not(play: Play) -> None:
    async def scene(lab: Lab) -> None:
        await lab.first_look(1)
        assert lab.trial(1).cause is Cause.VALID
        await lab.first_look(2)
        assert lab.trial(2).cause is Cause.MEMORY
        assert [job.name for job in lab.executor.jobs] == ["job-1.0-1", "job-1.0-2", "job-2.0-1"]

    ours = saying(Outcome(cause=Cause.HARNESS, detail="no GPU"))
    play(scene, ours, as_it_is, saying(Outcome(cause=Cause.MEMORY)))


def test_the_evaluators_own_words_stay(play: Play) -> None:
    async def scene(lab: Lab) -> None:
        await lab.first_look()
        assert lab.trial().detail == "no GPU"

    play(scene, *repeat(saying(Outcome(cause=Cause.HARNESS, detail="no GPU")), 2))


def test_results_that_come_twice_or_of_nothing_are_ignored(play: Play) -> None:
    def noisy(job: Job, result: Result) -> Iterable[Result]:
        return [replace(result, position=7), result, result]

    async def scene(lab: Lab) -> None:
        await lab.first_look()
        assert lab.trial().looks == 1
        assert len(lab.executor.jobs) == 1

    play(scene, noisy)


def test_results_under_another_position_are_refused(play: Play) -> None:
    def swapped(job: Job, result: Result) -> Iterable[Result]:
        return [replace(result, position=1 - result.position)]

    async def scene(lab: Lab) -> None:
        await lab.first_look()
        await lab.look_again(count=2)
        assert [len(job.requests) for job in lab.executor.jobs] == [1, 2, 2]
        assert all(o and o.cause is Cause.VALID for o in lab.outcomes())

    play(scene, as_it_is, swapped)


def test_only_what_failed_is_made_again(play: Play) -> None:
    def second_lost(job: Job, result: Result) -> Iterable[Result]:
        return [] if result.position == 1 else [result]

    async def scene(lab: Lab) -> None:
        await lab.first_look()
        await lab.look_again(count=3)
        (again,) = lab.executor.jobs[2:]
        assert [r.evaluation.id for r in again.requests] == ["1.2"]
        assert lab.trial().looks == 4

    play(scene, as_it_is, second_lost)


def test_calibration_has_more_patience(play: Play) -> None:
    async def scene(lab: Lab) -> None:
        await lab.laboratory.measure([Wanted(trial=0, purpose=Purpose.CALIBRATE)])
        assert len(lab.executor.jobs) == CALIBRATION_ATTEMPTS
        outcome = lab.outcomes(0)[-1]
        assert outcome is not None and outcome.cause is Cause.VALID

    play(scene, *repeat(nothing, CALIBRATION_ATTEMPTS - 1))


# --------------------------------------------------------------------------------- pairs


@given(st.integers(1, 9), st.sampled_from(Purpose))
def test_fresh_looks_are_one_job(looks: int, purpose: Purpose) -> None:
    request = Request(trials=(5,), looks=looks, purpose=purpose)
    assert jobs_of(request) == [[Wanted(trial=5, purpose=purpose)] * looks]


@given(st.integers(1, 9))
def test_pairs_are_interleaved(looks: int) -> None:
    jobs = jobs_of(Request(trials=(5, 3), looks=looks))
    order = [wanted.trial for wanted in chain(*jobs)]
    assert order == [5, 3, 3, 5, 5, 3, 3, 5, 5, 3, 3, 5, 5, 3, 3, 5, 5, 3][: 2 * looks]
    assert {len(job) for job in jobs[:-1]} <= {4}  # A-B-B-A, and others get their turn
    assert [w.pair for w in chain(*jobs)] == [n for n in range(looks) for _ in range(2)]


def test_both_sides_of_a_pair_have_the_same_seeds(play: Play) -> None:
    async def scene(lab: Lab) -> None:
        await lab.first_look(1)
        await lab.first_look(2)
        await lab.laboratory.fulfil([Request(trials=(2, 1), looks=3)])
        looks = [r for job in lab.executor.jobs[2:] for r in job.requests]
        assert [r.evaluation.trial for r in looks] == [2, 1, 1, 2, 2, 1]
        pairs = [looks[n : n + 2] for n in range(0, 6, 2)]
        for one, other in pairs:
            assert one.evaluation.pair == other.evaluation.pair != ""
            assert one.evaluation.seeds == other.evaluation.seeds
            assert one.secret == other.secret
        assert len({one.evaluation.pair for one, _ in pairs}) == 3
        assert len({one.evaluation.seeds for one, _ in pairs}) == 3
        assert len({one.secret for one, _ in pairs}) == 3

    play(scene)


# --------------------------------------------------------------------------------- gates


def test_counts_that_pool_below_a_gate_demote(play: Play) -> None:
    async def scene(lab: Lab) -> None:
        await lab.first_look()
        assert lab.trial().cause is Cause.VALID
        await lab.look_again()
        (demoted,) = lab.bodies(Demoted)
        assert (demoted.trial, demoted.cause) == (1, Cause.GATE)
        assert demoted.reason == "misses the gate close by 10 over 2 looks"
        assert lab.trial().status is Status.DISQUALIFIED

    play(scene, saying(MANY_CLOSE), saying(FEW_CLOSE))


def test_counts_that_pool_above_it_do_not(play: Play) -> None:
    async def scene(lab: Lab) -> None:
        await lab.first_look()
        await lab.look_again()
        await lab.look_again()
        assert lab.bodies(Demoted) == []
        assert lab.trial().counts == {"close": 130, "asked": 600}

    play(scene, saying(MANY_CLOSE), saying(MANY_CLOSE), saying(FEW_CLOSE))


def test_what_does_not_run_every_time_is_demoted(play: Play) -> None:
    async def scene(lab: Lab) -> None:
        await lab.first_look()
        await lab.look_again()
        (demoted,) = lab.bodies(Demoted)
        assert (demoted.cause, demoted.reason) == (Cause.MEMORY, "a later look failed: too big")
        assert lab.trial().status is Status.CRASH

    play(scene, as_it_is, saying(Outcome(cause=Cause.MEMORY, detail="too big")))


def test_our_own_failure_demotes_nobody(play: Play) -> None:
    async def scene(lab: Lab) -> None:
        await lab.first_look()
        await lab.look_again()
        assert lab.bodies(Demoted) == []
        assert lab.trial().cause is Cause.VALID

    play(scene, as_it_is, nothing, nothing)


def test_the_baseline_stays(play: Play) -> None:
    async def scene(lab: Lab) -> None:
        await lab.look_again(trial=0)
        assert lab.bodies(Demoted) == []
        assert lab.trial(0).status is Status.BASELINE

    play(scene, saying(Outcome(cause=Cause.MEMORY)))


# ------------------------------------------------------------------------------- recovery


async def left_behind(lab: Lab) -> Started:
    """An evaluation that is written down, of a supervisor that was killed before its job began."""
    wanted = Wanted(trial=1, purpose=Purpose.FIRST)

    async def die(job: Job) -> str:
        raise SystemError("killed")

    start, lab.executor.start = lab.executor.start, die  # type: ignore[method-assign]
    with pytest.raises(SystemError):
        await lab.laboratory.measure([wanted], after=[Gated(trial=1)])
    lab.executor.start = start  # type: ignore[method-assign]
    started: Started = lab.bodies(Started)[-1]
    return started


def test_a_signed_result_that_nobody_saw_is_adopted(play: Play) -> None:
    async def scene(lab: Lab) -> None:
        evaluation = (await left_behind(lab)).evaluation
        results = JobFolder(lab.run.folder.job(evaluation.job, 1)).results
        results.mkdir(parents=True)
        key, tree = lab.run.secret.key(evaluation), lab.trial().submission.tree
        (results / "0.json").write_bytes(sign(key, evaluation, tree, MANY_CLOSE))
        await lab.laboratory.recover([evaluation])
        assert lab.outcomes() == [MANY_CLOSE]
        assert lab.executor.jobs == []

    play(scene)


def test_a_job_that_left_nothing_is_made_again(play: Play) -> None:
    async def scene(lab: Lab) -> None:
        evaluation = (await left_behind(lab)).evaluation
        await lab.laboratory.recover([evaluation])
        assert [job.name for job in lab.executor.jobs] == ["job-1.0-2"]
        assert lab.bodies(Evaluated)[-1].attempt == 2

    play(scene)


@pytest.mark.parametrize("survives", [True, False])
def test_a_job_that_still_runs_is_watched_again(play: Play, survives: bool) -> None:
    async def scene(lab: Lab) -> None:
        measuring = asyncio.create_task(lab.first_look())
        while not lab.executor.jobs:
            await asyncio.sleep(0.001)
        await asyncio.sleep(0.005)
        measuring.cancel()
        with pytest.raises(asyncio.CancelledError):
            await measuring
        await lab.laboratory.recover([lab.bodies(Started)[-1].evaluation])
        assert lab.trial().cause is Cause.VALID
        assert lab.bodies(Evaluated)[-1].attempt == (1 if survives else 2)

    play(scene, survives=survives, profile="slow")
