from __future__ import annotations

import asyncio
import logging
import subprocess
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager

import pytest

from autores import hookimpl
from autores.baseline import ensure_baseline
from autores.events import Decided, Event, Marked, Steered
from autores.lineage.view import LineageView
from autores.manager import PluginManager
from autores.pump import NAME, Pump, pumping
from autores.records import Decision
from autores.run import Run
from autores.status import Verdict
from autores.stop import Stop
from autores.testing.stores import life

OpenRun = Callable[..., AbstractAsyncContextManager[Run]]


class Listener:
    """Remembers the numbers of the events that it was handed, and fails at some."""

    def __init__(self, *fails_at: int) -> None:
        self.heard: list[int] = []
        self._fails_at = fails_at

    @hookimpl
    def autores_event(self, event: Event, view: LineageView) -> None:
        assert view.task.name == "toy"
        self.heard.append(event.seq)
        if event.seq in self._fails_at:
            raise LookupError("a plugin's own mistake")


def note(run: Run, count: int = 1) -> None:
    run.store.append(lambda head: [Marked(name="note", text="")] * count)


def git(run: Run, *arguments: str) -> str:
    command = ["git", "-C", str(run.folder.code), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def play(
    open_run: OpenRun, listener: Listener, scene: Callable[[Run, Pump, Stop], Awaitable[None]]
) -> None:
    async def played() -> None:
        plugins = PluginManager()
        plugins.register(listener, "listener")
        async with open_run(plugins) as run:
            stop = Stop()
            await scene(run, Pump(run, stop, "me"), stop)

    asyncio.run(played())


def test_every_event_is_handed_over_in_order(open_run: OpenRun) -> None:
    listener = Listener()

    async def scene(run: Run, pump: Pump, stop: Stop) -> None:
        note(run, 500)  # more than a batch
        await pump.deliver()
        assert listener.heard == list(range(1, 502))
        await pump.deliver()
        assert len(listener.heard) == 501
        note(run)
        await pump.deliver()
        assert listener.heard[-1] == 502

    play(open_run, listener, scene)


def test_what_was_not_seen_before_a_crash_comes_after_it(open_run: OpenRun) -> None:
    listener = Listener()

    async def scene(run: Run, pump: Pump, stop: Stop) -> None:
        note(run, 3)
        run.store.set_cursor(NAME, 2)  # as far as the one that was killed had come
        await Pump(run, stop, "me").deliver()
        assert listener.heard == [3, 4]
        assert run.store.cursor(NAME) == 4

    play(open_run, listener, scene)


def test_a_plugin_that_fails_is_logged_and_no_more(
    open_run: OpenRun, caplog: pytest.LogCaptureFixture
) -> None:
    listener = Listener(2)

    async def scene(run: Run, pump: Pump, stop: Stop) -> None:
        note(run, 3)
        await pump.deliver()
        assert listener.heard == [1, 2, 3, 4]

    with caplog.at_level(logging.WARNING):
        play(open_run, listener, scene)
    assert "a plugin failed on event 2" in caplog.text
    assert "a plugin's own mistake" in caplog.text


def test_a_person_ends_the_run_from_anywhere(open_run: OpenRun) -> None:
    async def scene(run: Run, pump: Pump, stop: Stop) -> None:
        run.store.append(lambda head: [Steered(action="note", text="no stop")])
        await pump.deliver()
        assert not stop.asked
        run.store.append(lambda head: [Steered(action="stop", text="good enough")])
        await pump.deliver()
        assert (stop.reason, stop.by_person) == ("good enough", True)

    play(open_run, Listener(), scene)


def test_events_are_delivered_while_work_goes_on_and_after_it(open_run: OpenRun) -> None:
    listener = Listener()

    async def scene(run: Run, pump: Pump, stop: Stop) -> None:
        async def work() -> None:
            await run.desk.append(lambda head: [Marked(name="note", text="first")])
            while len(listener.heard) < 2:
                await asyncio.sleep(0.001)
            note(run)
            assert not run.store.lease("supervisor", "other", 1.0)
            raise LookupError("the work failed")

        with pytest.raises(LookupError):
            await asyncio.wait_for(pumping(pump, asyncio.ensure_future(work())), 20.0)
        assert listener.heard == [1, 2, 3]

    play(open_run, listener, scene)


def test_git_points_to_trials_best_and_keeps(open_run: OpenRun) -> None:
    async def scene(run: Run, pump: Pump, stop: Stop) -> None:
        await ensure_baseline(run)
        seed = run.store.get(0).submission.commit
        commit = run.code.commit({"fit.py": b"degree = 5\n"}, [seed], "wider")
        keep = Decision(verdict=Verdict.KEEP, policy="strict")
        bodies = [*life(1, 0.1, None, commit=commit), Decided(trial=1, decision=keep)]
        run.store.append(lambda head: bodies)
        await pump.deliver()
        assert run.code.published() == {0: seed, 1: commit}
        assert git(run, "rev-parse", "best") == commit
        assert git(run, "log", "--format=%s", "keeps").split("\n")[0] == "wider"

    play(open_run, Listener(), scene)
