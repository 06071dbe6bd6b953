from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from autores.executor import Executor
from autores.manager import PluginManager
from autores.status import Cause
from autores.testing import inline
from autores.testing.executors import (
    ExecutorSuite,
    MakeExecutor,
    ToyJobs,
    outcomes,
    play,
    results_of,
)

SPAWNS = """
from autores import hookimpl

@hookimpl
def autores_evaluate(request, tree, arena):
    arena.spawn("train")
"""


class TestInline(ExecutorSuite):
    @pytest.fixture
    def make_executor(self) -> MakeExecutor:
        return inline.Inline


def test_is_a_plugin() -> None:
    manager = PluginManager()
    manager.load_module("autores.testing.inline")
    assert isinstance(manager.hook.autores_executor(settings=None), inline.Inline)


def test_no_candidate_runs_in_the_supervisor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "task_that_spawns.py").write_text(SPAWNS)
    monkeypatch.syspath_prepend(tmp_path)
    jobs = ToyJobs(tmp_path)
    job = jobs.job("spawns", replace(jobs.request(1), plugin="task_that_spawns"))

    async def scene(executor: Executor) -> None:
        (outcome,) = outcomes(job, await results_of(executor, await executor.start(job))).values()
        assert outcome.cause is Cause.HARNESS
        assert "arena.spawn: the executor `inline` runs no candidate" in outcome.detail

    play(inline.Inline, scene)
