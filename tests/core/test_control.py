from __future__ import annotations

import asyncio
import stat
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from autores import opening as opening_module
from autores.control import Caller, Pass, calling, owner_token
from autores.errors import UserError
from autores.gatekeeper import DirectGates
from autores.opening import opened
from autores.stop import Stop
from autores.supervise import supervise
from autores.testing.runs import Opening, Stage, stage

WORDS = "a-rather-long-name-for-a-folder-of-runs-that-sockets-cannot-take"


@pytest.fixture(autouse=True)
def quick_gates(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening_module, "Gatekeeper", DirectGates)


@pytest.fixture
def play(tmp_path: Path) -> Callable[..., None]:
    def played(scene: Callable[[Stage], Awaitable[None]], folder: Path = tmp_path) -> None:
        async def whole() -> None:
            async with stage(Opening.of(folder)) as at:
                await scene(at)

        asyncio.run(whole())

    return played


Play = Callable[..., None]
EDIT = {"path": "fit.py", "old": "rate = 0.05", "new": "rate = 0.07"}


async def entered(known: Pass, work: Callable[[Caller], Awaitable[None]]) -> None:
    async with calling(known.socket, {"token": known.token}) as caller:
        await work(caller)


def test_a_pass_opens_one_session_and_its_tools(play: Play) -> None:
    async def scene(at: Stage) -> None:
        session = at.session("optim")

        async def work(caller: Caller) -> None:
            assert caller.about["specialist"] == "optim"
            assert {tool["name"] for tool in caller.about["tools"]} == set(session.tools)
            assert "Where the run stands" in caller.about["prompt"]
            assert "1 place changed" in await caller.call("edit_file", EDIT)
            answer = await caller.call("submit_trial", {"hypothesis": "h"})
            assert "submitted as trial 1" in answer and not caller.over
            assert "0001 | optim" in await caller.call("wait_trial", {"trial": 1})
            assert caller.over

        with session.admit() as known:
            await entered(known, work)
        with pytest.raises(UserError, match="this token opens nothing"):
            await entered(known, work)
        await session.settled()

    play(scene)


def test_calls_overlap_and_answers_find_their_call(play: Play) -> None:
    async def scene(at: Stage) -> None:
        async def work(caller: Caller) -> None:
            answers = await asyncio.gather(*(caller.call("trial", {"trial": n}) for n in range(9)))
            assert "baseline" in answers[0]
            assert all(f"no trial {n}" in answers[n] for n in range(1, 9))

        with at.session().admit() as known:
            await entered(known, work)

    play(scene)


def test_who_hangs_up_loses_no_trial(play: Play) -> None:
    async def scene(at: Stage) -> None:
        session = at.session("optim")

        async def work(caller: Caller) -> None:
            await caller.call("edit_file", EDIT)
            await caller.call("submit_trial", {"hypothesis": "h"})
            waiting = asyncio.ensure_future(caller.call("wait_trial", {"trial": 1}))
            await asyncio.sleep(0)
            waiting.cancel()

        with session.admit() as known:
            await entered(known, work)
        await session.settled()
        assert at.run.store.get(1).status is not None

    play(scene)


def test_a_caller_without_patience_is_told_to_ask_again(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scene(at: Stage) -> None:
        session = at.session("optim")
        measured = asyncio.Event()
        live = at.loop.live

        async def slowly(trial: int) -> None:
            await measured.wait()
            await live(trial)

        monkeypatch.setattr(at.loop, "live", slowly)

        async def work(caller: Caller) -> None:
            await caller.call("edit_file", EDIT)
            await caller.call("submit_trial", {"hypothesis": "h"})
            answer = await caller.call("wait_trial", {"trial": 1}, patience=0.1)
            assert "call wait_trial(1) again" in answer
            again = await caller.call("submit_trial", {"hypothesis": "h"})
            assert "trial 1 is still being measured; wait for it first" in again
            measured.set()
            assert "0001" in await caller.call("wait_trial", {"trial": 1})

        with session.admit() as known:
            await entered(known, work)

    play(scene)


def test_only_the_owner_gets_to_the_socket_however_long_its_name(
    play: Play, tmp_path: Path
) -> None:
    folder = tmp_path / WORDS / WORDS
    folder.mkdir(parents=True)

    async def scene(at: Stage) -> None:
        socket = at.run.folder.control
        assert len(str(socket)) > 107
        for path in (socket, socket.with_suffix(".token")):
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
        known = Pass(session="x", socket=socket, token="wrong")
        with pytest.raises(UserError, match="this token opens nothing"):
            await entered(known, lambda caller: asyncio.sleep(0))

    play(scene, folder)
    assert not (folder / "run" / "control.sock").exists()
    assert not (folder / "run" / "control.token").exists()


def test_nobody_at_home_is_said_in_one_line(tmp_path: Path) -> None:
    async def ring() -> None:
        async with calling(tmp_path / "control.sock", {}):
            pass

    with pytest.raises(UserError, match=r"nobody works on .*autores resume"):
        asyncio.run(ring())
    with pytest.raises(UserError, match="nobody works on"):
        owner_token(tmp_path / "control.sock")


def test_a_pass_is_kept_in_a_private_file(tmp_path: Path) -> None:
    known = Pass(session="1.2", socket=tmp_path / "s", token="secret")
    known.write(tmp_path / "file")
    assert Pass.read(tmp_path / "file") == known
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o600
    assert "secret" not in repr(known)
    (tmp_path / "other").write_text("[]")
    with pytest.raises(UserError, match="no file of a session"):
        Pass.read(tmp_path / "other")


@pytest.mark.parametrize("line", [b"\n", b"[]\n", b"{}\n", b"nonsense\n", b'{"token": 1}\n'])
def test_whatever_is_said_first_the_server_lives_on(play: Play, line: bytes) -> None:
    async def scene(at: Stage) -> None:
        reader, writer = await asyncio.open_unix_connection(str(at.run.folder.control))
        writer.write(line)
        said = await reader.readline()
        assert not said or b"error" in said
        writer.close()
        with at.session().admit() as known:
            await entered(known, lambda caller: asyncio.sleep(0))

    play(scene)


def test_a_person_takes_part_in_a_run_that_is_at_work(tmp_path: Path) -> None:
    """Besides the run's own agent, in a session of their own, until the budget is used up."""

    async def whole() -> tuple[list[str], Any]:
        folder, loaded = Opening.of(tmp_path, profile="slow").begin()
        told: list[str] = []
        async with opened(folder, loaded) as found:
            stop = Stop()
            work = asyncio.ensure_future(supervise(found, stop))
            while found.run.control.host is None:
                await asyncio.sleep(0.01)
            hello = {"token": owner_token(folder.control), "open": {"specialist": "reg"}}
            async with calling(folder.control, hello) as caller:
                edit = {"path": "fit.py", "old": "ridge = 0.02", "new": "ridge = 0.033"}
                told.append(await caller.call("edit_file", edit))
                answer = await caller.call("submit_trial", {"hypothesis": "by a person"})
                number = int(answer.partition("wait_trial(")[2].partition(")")[0])
                told.append(await caller.call("wait_trial", {"trial": number}))
            with pytest.raises(UserError, match="unknown specialist of this run 'nobody'"):
                async with calling(folder.control, {**hello, "open": {"specialist": "nobody"}}):
                    pass
            stop.request("enough")
            await work
            trial = found.run.store.get(number)
        return told, trial

    told, trial = asyncio.run(whole())
    assert "1 place changed" in told[0] and "by a person" in told[1]
    assert trial.submission.hypothesis == "by a person" and trial.submission.specialist == "reg"
    assert trial.status is not None
