from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from autores.evaluator.trees import BadTree
from autores.executor import Executor
from autores.hardware import Hardware
from autores.plugins.executors.local import Local, Settings
from autores.probes import ProbeFailed, Probes, ProbesBeside
from autores.testing import toy
from autores.testing.executors import MakeExecutor, ToyJobs, play

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs a sandbox")

RECIPE = {"recipe.py": b"ANSWER = 42\n"}


@pytest.fixture
def make_executor(tmp_path: Path) -> MakeExecutor:
    return lambda: Local(Settings(jobs=1, locks=tmp_path / "locks"), hardware=Hardware.here())


@pytest.fixture
def beside(tmp_path: Path) -> Callable[..., ProbesBeside]:
    def make(executor: Executor, **rest: str) -> ProbesBeside:
        task = toy.autores_task(profile="")
        limits = toy.autores_budget(task=task)
        folder = tmp_path / "probes"
        probes = Probes(executor=executor, task=task, limits=limits, folder=folder, **rest)
        return probes.beside(lambda: RECIPE)

    return make


def python(code: str) -> tuple[str, ...]:
    return ("python", "-c", code)


def ask(
    make_executor: MakeExecutor,
    beside: Callable[..., ProbesBeside],
    argv: tuple[str, ...],
    files: dict[str, bytes] | None = None,
    seconds: float = 20.0,
) -> str:
    answers = []

    async def scene(executor: Executor) -> None:
        answers.append(await beside(executor).probe(argv, files=files or {}, seconds=seconds))

    play(make_executor, scene)
    return answers[0]


def test_a_tools_program_sees_the_recipe(
    make_executor: MakeExecutor, beside: Callable[..., ProbesBeside], tmp_path: Path
) -> None:
    files = {"look.py": b"import recipe, sys; print(recipe.ANSWER, sys.argv[1])"}
    assert ask(make_executor, beside, ("python", "look.py", "up"), files) == "42 up"
    assert list((tmp_path / "probes").iterdir()) == []


def test_failure_is_part_of_the_answer(
    make_executor: MakeExecutor, beside: Callable[..., ProbesBeside]
) -> None:
    answer = ask(make_executor, beside, python("import sys; print('so far'); sys.exit(3)"))
    assert answer == "so far\nended with exit code 3"


def test_time_is_limited(make_executor: MakeExecutor, beside: Callable[..., ProbesBeside]) -> None:
    answer = ask(make_executor, beside, python("import time; time.sleep(60)"), seconds=0.5)
    assert answer == "stopped: it took longer than 0.5 s"


def test_output_is_escaped_and_capped(
    make_executor: MakeExecutor, beside: Callable[..., ProbesBeside]
) -> None:
    code = r"print('\x1b[31mfirst', flush=True); print('x' * 200_000); print('last\r')"
    answer = ask(make_executor, beside, python(code))
    assert answer.startswith(r"\x1b[31mfirst")
    assert answer.endswith(r"last\r")
    assert "bytes left out" in answer
    assert len(answer) < 20_000


def test_a_probe_is_polite(
    make_executor: MakeExecutor, beside: Callable[..., ProbesBeside]
) -> None:
    assert int(ask(make_executor, beside, python("import os; print(os.nice(0))"))) >= 10


def test_a_probe_waits_behind_trials_and_can_be_given_up(
    make_executor: MakeExecutor, beside: Callable[..., ProbesBeside], tmp_path: Path
) -> None:
    jobs = ToyJobs(tmp_path)

    async def scene(executor: Executor) -> None:
        handle = await executor.start(jobs.job("trial", jobs.request(1, pause=30.0)))
        probing = asyncio.create_task(
            beside(executor).probe(python("print(1)"), files={}, seconds=1)
        )
        await asyncio.sleep(0.2)
        assert not probing.done()
        probing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await probing
        await executor.cancel(handle)

    play(make_executor, scene)


def test_a_probe_that_cannot_run_is_not_the_candidates_fault(
    tmp_path: Path, beside: Callable[..., ProbesBeside]
) -> None:
    def make() -> Executor:
        dies = (sys.executable, "-c", "import os; os._exit(1)")
        settings = Settings(jobs=1, locks=tmp_path / "locks")
        return Local(settings, hardware=Hardware.here(), path=os.defpath, program=dies)

    with pytest.raises(ProbeFailed, match="its evaluator was lost"):
        ask(make, beside, python("print(1)"))


def test_paths_must_be_plain(
    make_executor: MakeExecutor, beside: Callable[..., ProbesBeside]
) -> None:
    with pytest.raises(BadTree):
        ask(make_executor, beside, python("print(1)"), {"../up.py": b""})
