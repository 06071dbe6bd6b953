from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from typing import Any

import pytest

from autores import hookimpl
from autores.baseline import BASELINE, SEED, ensure_baseline
from autores.errors import RunFailed
from autores.evaluator.signing import key_name, sign
from autores.events import Calibrated, Started
from autores.executor import Job, Result
from autores.manager import PluginManager
from autores.records import Outcome, Purpose, Severity, Specialist, Violation
from autores.run import Run
from autores.status import Cause, Status
from autores.testing.inline import Inline

OpenRun = Callable[..., AbstractAsyncContextManager[Run]]


def play(
    open_run: OpenRun, scene: Callable[[Run], Awaitable[None]], *plugins: object, **settings: Any
) -> None:
    async def played() -> None:
        manager = PluginManager()
        for plugin in plugins:
            manager.register(plugin, type(plugin).__name__)
        async with open_run(manager, **settings) as run:
            await scene(run)

    asyncio.run(played())


def bodies(run: Run, kind: type) -> list[Any]:
    return [e.body for e in run.store.since(0, limit=99) if isinstance(e.body, kind)]


def test_the_seed_recipe_is_trial_0(open_run: OpenRun) -> None:
    async def scene(run: Run) -> None:
        await ensure_baseline(run)
        trial = run.store.get(BASELINE)
        assert (trial.status, trial.parent) == (Status.BASELINE, None)
        assert trial.submission.specialist == SEED.key
        assert b"degree = 4" in run.code.tree(trial.submission.commit).read("fit.py")
        assert trial.looks == run.task.calibration_looks == 5
        assert {s.evaluation.purpose for s in bodies(run, Started)} == {Purpose.CALIBRATE}
        head = run.store.head()
        assert head.calibration is not None
        assert (head.calibration.world, head.calibration.hardware) == (
            run.laboratory.conditions.world,
            "inline",
        )
        assert (head.best, head.lead) == (0, 0)

    play(open_run, scene)


def test_what_is_there_is_not_made_again(open_run: OpenRun) -> None:
    async def scene(run: Run) -> None:
        await ensure_baseline(run)
        before = run.store.head()
        await ensure_baseline(run)
        assert run.store.head() == before

    play(open_run, scene)


@pytest.mark.parametrize("change", [{"hardware": "another"}, {"world": "another"}])
def test_other_circumstances_are_calibrated_anew(open_run: OpenRun, change: Any) -> None:
    async def scene(run: Run) -> None:
        await ensure_baseline(run)
        run.laboratory.conditions = replace(run.laboratory.conditions, **change)
        await ensure_baseline(run)
        one, two = (body.calibration for body in bodies(run, Calibrated))
        assert {n: getattr(two, n) for n in change} == change
        assert one.score != two.score  # other seeds, and none of the looks of before
        assert run.store.get(BASELINE).looks == 10

    play(open_run, scene)


def test_looks_that_were_made_before_a_crash_count(open_run: OpenRun) -> None:
    async def scene(run: Run) -> None:
        real, calls = run.desk.append, []

        async def die_before_calibrating(build: Any, **rest: Any) -> Any:
            made = build(run.store.head())
            if any(isinstance(body, Calibrated) for body in made):
                calls.append(made)
                raise SystemError("killed")
            return await real(build, **rest)

        run.desk.append = die_before_calibrating  # type: ignore[method-assign]
        with pytest.raises(SystemError):
            await ensure_baseline(run)
        run.desk.append = real  # type: ignore[method-assign]
        assert calls and run.store.head().calibration is None
        await ensure_baseline(run)
        assert run.store.get(BASELINE).looks == 5
        assert run.store.head().calibration is not None

    play(open_run, scene)


class Refusing:
    @hookimpl
    def autores_legality(self, specialist: Specialist) -> Iterable[Violation]:
        severity = Severity.REFUSE if specialist.key == SEED.key else Severity.WARN
        return [Violation(rule="r", message="No.", fix="Mend it.", severity=severity)]


class Warning_:
    @hookimpl
    def autores_legality(self) -> Iterable[Violation]:
        return [Violation(rule="r", message="Hm.", fix="Look.", severity=Severity.WARN)]


def test_a_seed_that_the_gates_refuse(open_run: OpenRun) -> None:
    async def scene(run: Run) -> None:
        with pytest.raises(RunFailed, match="the gates refuse the seed recipe: r: No"):
            await ensure_baseline(run)
        assert run.store.get(BASELINE).evaluations == 0

    play(open_run, scene, Refusing())


def test_warnings_are_kept_beside_it(open_run: OpenRun) -> None:
    async def scene(run: Run) -> None:
        await ensure_baseline(run)
        assert [v.rule for v in run.store.get(BASELINE).violations] == ["r"]
        assert run.store.get(BASELINE).status is Status.BASELINE

    play(open_run, scene, Warning_())


class Says(Inline):
    """An evaluator that signs one outcome for everything."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__()
        self._outcome = outcome
        self._kept: dict[str, Job] = {}

    async def start(self, job: Job) -> str:
        self._kept[job.name] = job
        return await super().start(job)

    async def watch(self, handle: str) -> AsyncIterator[Result]:
        job = self._kept[handle]
        async for result in super().watch(handle):
            request = job.requests[result.position]
            key = job.keys[key_name(request.evaluation)]
            payload = sign(key, request.evaluation, request.tree, self._outcome)
            yield replace(result, payload=payload)


def test_a_seed_that_does_not_run(open_run: OpenRun, monkeypatch: pytest.MonkeyPatch) -> None:
    crash = Outcome(cause=Cause.EXITED, detail="exit 1")
    monkeypatch.setattr("autores.testing.inline.Inline", lambda: Says(crash))

    async def scene(run: Run) -> None:
        with pytest.raises(RunFailed) as caught:
            await ensure_baseline(run)
        assert "the seed recipe does not run: exited: exit 1; logs lie in" in str(caught.value)
        assert run.store.head().calibration is None

    play(open_run, scene)


def test_a_seed_that_misses_its_gate_is_a_baseline_that_is_not_best(
    open_run: OpenRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    missed = Outcome(cause=Cause.GATE, counts={"close": 1, "asked": 200}, metrics={"rmse": 0.9})
    monkeypatch.setattr("autores.testing.inline.Inline", lambda: Says(missed))

    async def scene(run: Run) -> None:
        await ensure_baseline(run)
        head = run.store.head()
        assert run.store.get(BASELINE).status is Status.BASELINE
        assert (head.best, head.lead) == (None, 0)
        assert head.calibration is not None
        assert (head.calibration.feasible, head.calibration.score) == (False, 0.9)

    play(open_run, scene)
