from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from autores.config import Environment, SettingsBook, Value
from autores.errors import UserError
from autores.executor import Executor, Job, JobFolder, results_in
from autores.hardware import Gpu, Hardware
from autores.manager import Group, PluginManager
from autores.plugins.executors.local import Local, Settings
from autores.records import Lease
from autores.testing.executors import (
    ExecutorSuite,
    MakeExecutor,
    ToyJobs,
    outcomes,
    play,
    results_of,
)

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")

FAKE = (sys.executable, str(Path(__file__).with_name("fake_evaluator.py")))
TWO = Hardware(cpus=(0, 1), memory_bytes=1 << 30, processor="Test")
GPUS = tuple(Gpu(index=index, name="Test", memory_bytes=1 << 30) for index in range(2))


@pytest.fixture
def make_executor(tmp_path: Path) -> Callable[..., Local]:
    def make(hardware: Hardware = TWO, **settings: Any) -> Local:
        chosen = Settings(**{"jobs": 2, "locks": tmp_path / "locks"} | settings)
        return Local(chosen, hardware=hardware, path=os.environ["PATH"], program=FAKE)

    return make


class TestLocal(ExecutorSuite):
    @pytest.fixture
    def make_executor(self, tmp_path: Path) -> MakeExecutor:
        settings = Settings(jobs=1, locks=tmp_path / "locks")
        return lambda: Local(settings, hardware=TWO, program=FAKE)


@pytest.fixture
def jobs(tmp_path: Path) -> ToyJobs:
    return ToyJobs(tmp_path)


def job_with(jobs: ToyJobs, name: str, **sizes: Any) -> Job:
    """A job of one evaluation of which the fake evaluator is told more."""
    request = jobs.request(1)
    task = replace(request.task, sizes={**request.task.sizes, **sizes})
    return jobs.job(name, replace(request, task=task))


def alive_in(folder: Path) -> list[int]:
    """Processes that know a folder by their command line, and what they left behind."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            environment = Path("/proc", pid, "environ").read_bytes()
            state = Path("/proc", pid, "stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        if f"MARK={folder}".encode() in environment.split(b"\0") and state != "Z":
            found.append(int(pid))
    return found


async def until(condition: Callable[[], object], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


def noted(note: Path) -> dict[str, Any]:
    """What the fake evaluator wrote down; empty while it has not."""
    try:
        found: dict[str, Any] = json.loads(note.read_text())
    except (OSError, ValueError):
        return {}
    return found


def marked(local: Local, folder: Path) -> Local:
    """Let the processes of its jobs be found by `alive_in`."""
    local._environment["MARK"] = str(folder)
    return local


def orphans_of(folder: Path, count: int) -> Callable[[], bool]:
    return lambda: len(alive_in(folder)) >= count


# ------------------------------------------------------------------------------- leases


def test_requests_name_the_processors_and_devices_of_the_lease(
    make_executor: Callable[..., Local], jobs: ToyJobs, tmp_path: Path
) -> None:
    note = tmp_path / "note"
    job = replace(job_with(jobs, "noted", note=str(note)), gpus=1, lease=Lease.DEVICE)

    async def scene(executor: Executor) -> None:
        await results_of(executor, await executor.start(job))
        found = json.loads(note.read_text())
        assert (found["cpus"], found["gpus"]) == ([1], [1])

    play(lambda: make_executor(replace(TWO, cpus=(1,), gpus=GPUS), jobs=1, gpus=(1,)), scene)


def test_jobs_run_side_by_side(
    make_executor: Callable[..., Local], jobs: ToyJobs, tmp_path: Path
) -> None:
    notes = [tmp_path / name for name in ("one", "other")]

    async def scene(executor: Executor) -> None:
        for note in notes:
            await executor.start(job_with(jobs, note.name, note=str(note), pause=300.0))
        await until(lambda: all(note.exists() for note in notes))

    play(make_executor, scene)


def test_host_lease_waits_for_other_supervisors_and_blocks_them(
    make_executor: Callable[..., Local], jobs: ToyJobs
) -> None:
    ended = []

    async def see(executor: Executor, job: Job) -> None:
        await results_of(executor, await executor.start(job))
        ended.append(job.name)

    async def scene(executor: Executor) -> None:
        other = make_executor()
        shared = jobs.job("shared", jobs.request(1, pause=0.5))
        host = replace(jobs.job("host", jobs.request(2, pause=0.3)), lease=Lease.HOST)
        first = asyncio.create_task(see(other, shared))
        await until(shared.folder.exists)
        second = asyncio.create_task(see(executor, host))
        await asyncio.sleep(0.1)
        assert not host.folder.exists() or ended == ["shared"]
        await asyncio.gather(first, second, see(other, jobs.job("younger")))
        assert ended == ["shared", "host", "younger"]
        await other.close()

    play(make_executor, scene)


def test_host_lease_that_is_given_up_lets_others_begin(
    make_executor: Callable[..., Local], jobs: ToyJobs
) -> None:
    async def scene(executor: Executor) -> None:
        other = make_executor()
        handles = [
            await other.start(jobs.job("running", jobs.request(1, pause=300.0))),
            await executor.start(replace(jobs.job("host"), lease=Lease.HOST)),
            await other.start(jobs.job("younger")),
        ]
        await executor.cancel(handles[1])
        assert len(await results_of(other, handles[2])) == 1
        assert await other.find("running") is not None
        await other.close()

    play(make_executor, scene)


def test_device_leases_hold_between_supervisors(
    make_executor: Callable[..., Local], jobs: ToyJobs, tmp_path: Path
) -> None:
    """Three supervisors on two devices: the third waits, and gets what is given back."""
    notes = [tmp_path / f"note{number}" for number in range(3)]
    machine = replace(TWO, gpus=GPUS)

    def want(number: int) -> Job:
        pause = 0.0 if number == 2 else 300.0
        job = job_with(jobs, f"timed{number}", note=str(notes[number]), pause=pause)
        return replace(job, gpus=1, lease=Lease.DEVICE)

    async def scene(executor: Executor) -> None:
        others = [make_executor(machine) for _ in range(2)]
        handles = [await one.start(want(number)) for number, one in enumerate((executor, *others))]
        await until(lambda: all(map(noted, notes[:2])))
        assert [noted(note)["gpus"] for note in notes[:2]] == [[0], [1]]
        assert not notes[2].exists()
        await others[0].cancel(handles[1])
        assert len(await results_of(others[1], handles[2])) == 1
        assert noted(notes[2])["gpus"] == [1]
        for other in others:
            await other.close()

    play(lambda: make_executor(machine), scene)


# --------------------------------------------------------------------------- containment


def test_cancelling_reaches_every_process(
    make_executor: Callable[..., Local], jobs: ToyJobs, tmp_path: Path
) -> None:
    job = job_with(jobs, "stubborn", orphans=3, pause=60.0)

    async def scene(executor: Executor) -> None:
        handle = await executor.start(job)
        await until(orphans_of(tmp_path, 6))
        await executor.cancel(handle)
        assert alive_in(tmp_path) == []
        assert await results_of(executor, handle) == []

    play(lambda: marked(make_executor(), tmp_path), scene)


def test_nothing_outlives_a_job(
    make_executor: Callable[..., Local], jobs: ToyJobs, tmp_path: Path
) -> None:
    async def scene(executor: Executor) -> None:
        handle = await executor.start(job_with(jobs, "leaves", orphans=3))
        assert len(await results_of(executor, handle)) == 1
        assert alive_in(tmp_path) == []

    play(lambda: marked(make_executor(), tmp_path), scene)


@pytest.mark.parametrize("victim", ["guardian", "keeper"])
def test_cancelling_waits_for_a_job_whose_shim_was_killed(
    make_executor: Callable[..., Local], jobs: ToyJobs, tmp_path: Path, victim: str
) -> None:
    async def scene(executor: Executor) -> None:
        handle = await executor.start(job_with(jobs, "shot", orphans=2, pause=60.0))
        await until(orphans_of(tmp_path, 5))
        guardian = executor._jobs[handle].process.pid  # type: ignore[attr-defined]
        children = Path(f"/proc/{guardian}/task/{guardian}/children").read_text().split()
        os.kill(guardian if victim == "guardian" else int(children[0]), signal.SIGKILL)
        assert await results_of(executor, handle) == []
        assert alive_in(tmp_path) == []

    play(lambda: marked(make_executor(), tmp_path), scene)


def test_evaluator_that_dies_has_no_result_and_frees_its_lease(
    make_executor: Callable[..., Local], jobs: ToyJobs
) -> None:
    async def scene(executor: Executor) -> None:
        assert (
            await results_of(executor, await executor.start(job_with(jobs, "a", die="SIGSEGV")))
            == []
        )
        job = jobs.job("b")
        assert 0 in outcomes(job, await results_of(executor, await executor.start(job)))

    play(lambda: make_executor(jobs=1), scene)


def test_a_job_ends_at_its_outer_limit(
    make_executor: Callable[..., Local], jobs: ToyJobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Job, "wall", 1.0)
    job = jobs.job("endless", jobs.request(1), jobs.request(1, 1, pause=60.0))

    async def scene(executor: Executor) -> None:
        found = outcomes(job, await results_of(executor, await executor.start(job)))
        assert set(found) <= {0}  # as far as it came in a second
        ending = json.loads(JobFolder(job.folder).ending.read_text())
        assert ending["state"] == "timeout"

    play(make_executor, scene)


def test_two_watchers_see_the_same(make_executor: Callable[..., Local], jobs: ToyJobs) -> None:
    job = jobs.job("watched", jobs.request(1), jobs.request(1, 1, pause=0.2))

    async def scene(executor: Executor) -> None:
        handle = await executor.start(job)
        seen = await asyncio.gather(*(results_of(executor, handle) for _ in range(2)))
        assert [len(results) for results in seen] == [2, 2]

    play(make_executor, scene)


def test_temporary_files_go_with_the_job(
    make_executor: Callable[..., Local], jobs: ToyJobs, tmp_path: Path
) -> None:
    note = tmp_path / "note"

    async def scene(executor: Executor) -> None:
        handle = await executor.start(job_with(jobs, "a", note=str(note), pause=60.0))
        await until(lambda: noted(note))
        scratch = Path(noted(note)["environment"]["TMPDIR"])
        (scratch / "large").write_bytes(b"0" * 1000)
        await executor.cancel(handle)
        assert not scratch.exists()

    play(make_executor, scene)


def test_environment_is_clean(
    make_executor: Callable[..., Local],
    jobs: ToyJobs,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "secret")
    note = tmp_path / "note"

    async def scene(executor: Executor) -> None:
        await results_of(executor, await executor.start(job_with(jobs, "a", note=str(note))))
        found = json.loads(note.read_text())
        assert set(found["environment"]) <= {"PATH", "LANG", "TMPDIR", "LC_CTYPE"}
        assert found["folder"] == "/"

    play(make_executor, scene)


SUPERVISOR = """
    import asyncio, os, sys
    from pathlib import Path
    sys.path.insert(0, {tests!r})
    from test_local import FAKE, TWO, ToyJobs, job_with, marked
    from autores.plugins.executors.local import Local, Settings

    async def main():
        folder = Path({folder!r})
        jobs = ToyJobs(folder)
        settings = Settings(jobs=1, locks=folder / "locks")
        executor = marked(Local(settings, hardware=TWO, program=FAKE), folder)
        requests = (jobs.request(1), job_with(jobs, "x", orphans=2, pause=60.0).requests[0])
        job = jobs.job("orphaned", *requests)
        handle = await executor.start(job)
        async for result in executor.watch(handle):
            print("result", flush=True)

    asyncio.run(main())
"""


def test_jobs_die_with_the_supervisor_and_leave_their_results(
    jobs: ToyJobs, tmp_path: Path
) -> None:
    script = SUPERVISOR.format(tests=str(Path(__file__).parent), folder=str(tmp_path))
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script)],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"TMPDIR": str(tmp_path)},
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "result\n"
        asyncio.run(until(orphans_of(tmp_path, 5)))
        process.kill()
    asyncio.run(until(lambda: not alive_in(tmp_path)))
    job = jobs.job("orphaned", jobs.request(1), jobs.request(1))
    (outcome,) = outcomes(job, list(results_in(job.folder))).values()
    assert outcome.score is not None


def test_what_a_killed_supervisor_left_is_not_in_the_way(
    make_executor: Callable[..., Local], jobs: ToyJobs
) -> None:
    job = jobs.job("again")
    folder = JobFolder(job.folder)
    for old in (folder.bundle / "trees" / "x", folder.results / "7.json", folder.keys):
        old.parent.mkdir(parents=True, exist_ok=True)
        old.write_text("old")

    async def scene(executor: Executor) -> None:
        assert set(outcomes(job, await results_of(executor, await executor.start(job)))) == {0}

    play(make_executor, scene)


def test_folder_may_be_relative(
    make_executor: Callable[..., Local], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    job = replace(ToyJobs(tmp_path).job("near"), folder=Path("runs", "near"))

    async def scene(executor: Executor) -> None:
        assert set(outcomes(job, await results_of(executor, await executor.start(job)))) == {0}

    play(make_executor, scene)


def test_a_job_that_cannot_be_written_ends_and_says_why(
    make_executor: Callable[..., Local], jobs: ToyJobs, caplog: pytest.LogCaptureFixture
) -> None:
    job = jobs.job("nowhere")
    job.folder.parent.mkdir()
    job.folder.write_text("in the way")

    async def scene(executor: Executor) -> None:
        with caplog.at_level(logging.WARNING):
            assert await results_of(executor, await executor.start(job)) == []
        assert "job nowhere could not be run" in caplog.text

    play(make_executor, scene)


# ------------------------------------------------------------------------------ settings


@pytest.mark.parametrize(
    ("hardware", "settings", "count"),
    [
        (replace(TWO, cpus=tuple(range(8))), {"jobs": 0}, 4),
        (replace(TWO, cpus=(0,)), {"jobs": 0}, 1),
        (replace(TWO, cpus=tuple(range(8)), gpus=GPUS), {"jobs": 0}, 2),
        (TWO, {"jobs": 2}, 2),
    ],
)
def test_jobs_at_the_same_time(
    make_executor: Callable[..., Local], hardware: Hardware, settings: Any, count: int
) -> None:
    async def scene(executor: Executor) -> None:
        assert executor.capacity().jobs == count

    play(lambda: make_executor(hardware, **settings), scene)


def test_hardware_tells_apart_how_many_share_it(make_executor: Callable[..., Local]) -> None:
    words = set()

    async def scene(executor: Executor) -> None:
        words.add(executor.capacity().hardware)

    play(lambda: make_executor(jobs=1), scene)
    play(lambda: make_executor(jobs=2), scene)
    play(lambda: make_executor(jobs=1, cpus=(0,)), scene)
    assert words == {"2x-test", "2x-test/2", "1x-test"}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"jobs": 3}, "executor.local.jobs = 3: say 1 to 2, or 0"),
        ({"cpus": (7,)}, "executor.local.cpus: there is no 7 here; use of: 0, 1"),
        ({"gpus": (0,)}, "executor.local.gpus: there is no 0 here; use of: none"),
        ({"locks": Path("/dev/null/locks")}, "set executor.local.locks to a folder"),
    ],
)
def test_settings_that_do_not_fit_are_refused(
    make_executor: Callable[..., Local], settings: Any, message: str
) -> None:
    with pytest.raises(UserError, match=message):
        make_executor(**settings)


def test_is_a_plugin_with_settings(tmp_path: Path) -> None:
    manager = PluginManager()
    module = manager.load(Group.EXECUTOR, "local")
    values = {"executor.local.jobs": Value(value="1", source="test")}
    values["executor.local.locks"] = Value(value=str(tmp_path / "locks"), source="test")
    book = SettingsBook(values, environment=Environment(path="/bin"))
    book.add(module.Settings, Group.EXECUTOR.section("local"))

    async def once() -> None:
        executor = manager.hook.autores_executor(settings=book)
        assert executor.capacity().jobs == 1
        await executor.close()

    asyncio.run(once())


@pytest.mark.slow
class TestLocalWithEvaluator(ExecutorSuite):
    """The same promises with the evaluator itself instead of the stand-in."""

    @pytest.fixture
    def make_executor(self, tmp_path: Path) -> MakeExecutor:
        settings = Settings(jobs=1, locks=tmp_path / "locks")
        return lambda: Local(settings, hardware=TWO)
