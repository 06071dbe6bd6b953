from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import pytest

from autores.desk import Desk
from autores.events import Event, Head, Marked
from autores.lineage.store import Build, create
from autores.plugins.stores.memory import MemoryStore
from autores.testing.stores import CREATED
from autores.workspace.repository import CodeRepository


def note(text: str) -> tuple[Marked]:
    return (Marked(name="note", text=text),)


def play(folder: Path, scene: Callable[[Desk], Awaitable[None]]) -> None:
    code = CodeRepository.create(folder / "code.git")
    store = MemoryStore()
    create(store, CREATED)

    async def played() -> None:
        desk = Desk(store, code)
        try:
            await scene(desk)
        finally:
            desk.close()

    asyncio.run(played())


def test_events_are_appended_in_the_order_in_which_they_were_asked(tmp_path: Path) -> None:
    async def scene(desk: Desk) -> None:
        await asyncio.gather(*(desk.append(lambda h, n=n: note(str(n))) for n in range(50)))
        texts = [e.body.text for e in desk.store.since(1) if isinstance(e.body, Marked)]
        assert texts == [str(n) for n in range(50)]

    play(tmp_path, scene)


def test_those_who_wait_are_written_together_and_fail_alone(tmp_path: Path) -> None:
    async def scene(desk: Desk) -> None:
        sizes: list[int] = []
        append_each = desk.store.append_each

        def counted(builds: Sequence[Build]) -> tuple[tuple[Event, ...] | Exception, ...]:
            sizes.append(len(builds))
            return append_each(builds)

        def broken(head: Head) -> tuple[Marked]:
            raise KeyError("mine")

        desk.store.append_each = counted  # type: ignore[method-assign]
        asked = [desk.append(lambda h: note("a")), desk.append(broken), desk.append(note_b)]
        one, two, three = await asyncio.gather(*asked, return_exceptions=True)
        assert sizes == [3]
        assert isinstance(two, KeyError)
        assert [e.body.text for e in (*one, *three)] == ["a", "b"]

    def note_b(head: Head) -> tuple[Marked]:
        return note("b")

    play(tmp_path, scene)


def test_what_a_cancelled_task_asked_is_written_nevertheless(tmp_path: Path) -> None:
    async def scene(desk: Desk) -> None:
        asking = asyncio.create_task(desk.append(lambda h: note("a")))
        await asyncio.sleep(0)
        asking.cancel()
        (event,) = await desk.append(lambda h: note("b"))
        assert event.seq == 3

    play(tmp_path, scene)


def test_nothing_is_written_in_the_event_loops_thread(tmp_path: Path) -> None:
    async def scene(desk: Desk) -> None:
        threads: list[str] = []
        await desk.append(lambda h: threads.append(threading.current_thread().name) or ())
        await desk.code(lambda c: threads.append(threading.current_thread().name))
        assert [name.rpartition("_")[0] for name in threads] == ["autores-events", "autores-code"]

    play(tmp_path, scene)


def test_who_waits_for_a_change_is_woken(tmp_path: Path) -> None:
    async def scene(desk: Desk) -> None:
        await desk.changed(0.0)  # nothing came, and nothing is wrong
        waiting = [asyncio.create_task(desk.changed(60.0)) for _ in range(3)]
        await asyncio.sleep(0)
        assert await desk.append(lambda h: ()) == ()  # nothing was written: nobody is woken
        assert not any(task.done() for task in waiting)
        await desk.append(lambda h: note("now"))
        await asyncio.wait_for(asyncio.gather(*waiting), 5.0)

    play(tmp_path, scene)


def test_what_was_begun_is_finished_although_nobody_waits(tmp_path: Path) -> None:
    async def scene(desk: Desk) -> None:
        begun, go_on = threading.Event(), threading.Event()

        def slow(head: object) -> tuple[Marked]:
            begun.set()
            go_on.wait(10.0)
            return note("done")

        writing = asyncio.create_task(desk.append(slow))
        await asyncio.to_thread(begun.wait, 10.0)
        writing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await writing
        go_on.set()
        (event,) = await desk.append(lambda h: note("next"))
        assert event.seq == 3

    play(tmp_path, scene)


def test_what_goes_wrong_is_for_who_asked(tmp_path: Path) -> None:
    async def scene(desk: Desk) -> None:
        def fails(head: object) -> tuple[Marked]:
            raise LookupError("no such thing")

        with pytest.raises(LookupError):
            await desk.append(fails)
        assert await desk.append(lambda h: note("fine"))
        assert await desk.code(lambda code: code.path) == tmp_path / "code.git"

    play(tmp_path, scene)


def test_folders_are_gone_when_it_is_closed(tmp_path: Path) -> None:
    folder = tmp_path / "work"
    (folder / "deep").mkdir(parents=True)

    async def scene(desk: Desk) -> None:
        desk.sweep(folder)
        desk.sweep(tmp_path / "never-there")

    play(tmp_path, scene)
    assert not folder.exists()
