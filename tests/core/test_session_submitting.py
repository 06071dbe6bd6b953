"""Submissions of a session: begun, waited for, repeated, checked."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from autores import opening as opening_module
from autores.agent import Proposal, SessionOver
from autores.errors import AutoresError
from autores.gatekeeper import DirectGates
from autores.lineage.store import NoSuchTrial
from autores.records import Severity
from autores.session import LiveSession
from autores.testing.runs import Opening, Stage, stage

Scene = Callable[[LiveSession, Stage], Awaitable[None]]
Play = Callable[..., None]


@pytest.fixture(autouse=True)
def quick_gates(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening_module, "Gatekeeper", DirectGates)


@pytest.fixture
def play(tmp_path: Path) -> Play:
    def played(scene: Scene, **settings: object) -> None:
        async def whole() -> None:
            async with stage(Opening.of(tmp_path, **settings)) as at:
                session = at.session("optim")
                await scene(session, at)
                await session.settled()

        asyncio.run(whole())

    return played


def edit(session: LiveSession, rate: str) -> None:
    session.workspace.replace("fit.py", "rate = 0.05", f"rate = {rate}")


def slowed(at: Stage, monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """Let trials be measured when this is set."""
    measured = asyncio.Event()
    live = at.loop.live

    async def slowly(trial: int) -> None:
        await measured.wait()
        await live(trial)

    monkeypatch.setattr(at.loop, "live", slowly)
    return measured


def test_a_trial_goes_on_while_nobody_waits(play: Play) -> None:
    async def scene(session: LiveSession, at: Stage) -> None:
        edit(session, "0.06")
        trial = await session.begin(Proposal(hypothesis="h"))
        assert session.submissions == 1 and not session.more and not session.over
        await session.settled()
        assert at.run.store.get(trial).status is not None and not session.over
        feedback = await session.wait(trial)
        assert feedback is not None and not feedback.more and session.over

    play(scene)


def test_a_repeated_call_submits_nothing_twice(play: Play) -> None:
    async def scene(session: LiveSession, at: Stage) -> None:
        edit(session, "0.06")
        proposal = Proposal(hypothesis="h", call="a")
        first = await asyncio.gather(*(session.begin(proposal) for _ in range(5)))
        assert set(first) == {1} and at.run.store.head().next_trial == 2
        assert (await session.submit(proposal)).trial.id == 1

    play(scene)


def test_one_submission_at_a_time_and_no_more_than_allowed(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scene(session: LiveSession, at: Stage) -> None:
        measured = slowed(at, monkeypatch)
        edit(session, "0.06")
        trial = await session.begin(Proposal(hypothesis="h"))
        assert await session.wait(trial, 0.01) is None
        with pytest.raises(AutoresError, match="trial 1 is still being measured"):
            await session.begin(Proposal(hypothesis="again"))
        measured.set()
        await session.wait(trial)
        session.workspace.replace("fit.py", "rate = 0.06", "rate = 0.07")
        assert (await session.submit(Proposal(hypothesis="second"))).more is False
        with pytest.raises(SessionOver):
            await session.begin(Proposal(hypothesis="third"))

    play(scene, submissions=2)


def test_only_own_trials_are_waited_for(play: Play) -> None:
    async def scene(session: LiveSession, at: Stage) -> None:
        with pytest.raises(AutoresError, match="was not submitted in this session"):
            await session.wait(0)
        with pytest.raises(NoSuchTrial):
            await session.wait(7)

    play(scene)


def test_waiting_is_not_working(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene(session: LiveSession, at: Stage) -> None:
        told: list[bool] = []
        measured = slowed(at, monkeypatch)
        edit(session, "0.06")
        trial = await session.begin(Proposal(hypothesis="h"))
        session.at_work = told.append
        both = asyncio.gather(session.wait(trial), session.wait(trial))
        await asyncio.sleep(0.01)
        measured.set()
        await both
        assert told == [False, True]

    play(scene)


def test_a_check_submits_nothing(play: Play) -> None:
    async def scene(session: LiveSession, at: Stage) -> None:
        (same,) = await session.check()
        assert same.rule == "repeat" and same.severity is Severity.REFUSE
        session.workspace.replace("fit.py", "degree = 4", "degree = 5")
        assert {v.rule for v in await session.check()} == {"scope"}
        session.workspace.reset()
        edit(session, "0.06")
        assert await session.check() == ()
        assert at.run.store.head().next_trial == 1

    play(scene)


def test_code_is_shown_of_visible_trials_alone(play: Play) -> None:
    async def scene(session: LiveSession, at: Stage) -> None:
        edit(session, "0.06")
        await session.submit(Proposal(hypothesis="h"))
        assert b"rate = 0.06" in session.snapshot(1).read("fit.py")
        assert "+rate = 0.06" in session.compare(0, 1)
        with pytest.raises(NoSuchTrial):
            session.snapshot(2)
        other = at.session("reg", parent=0)
        with pytest.raises(NoSuchTrial):
            other.snapshot(1)
        with pytest.raises(NoSuchTrial):
            other.compare(0, 1)

    play(scene, lineage=False)
