from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from autores.evaluator.arena import Arena
from autores.evaluator.request import EvaluationRequest
from autores.evaluator.sandbox import Level, Sandbox, SandboxUnavailable, choose
from autores.evaluator.sandbox.environment import discover
from autores.evaluator.trees import FileTree
from autores.records import Evaluation, Limits, Purpose
from autores.testing import toy

WALL = {"smoke": 60.0, "prepare": 60.0, "train": 60.0, "inference": 60.0}
"""Longer than the busiest machine takes: a test that meets a limit names a shorter one."""


class Borrowed:
    """One sandbox for many arenas: none of them closes it."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.level, self.findings = sandbox.level, sandbox.findings
        self.spawn = sandbox.spawn

    def close(self) -> None:
        """Nothing."""


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    """The best of this machine; tests of the arena hold at every level."""
    try:
        with choose(Level.NONE, environment=discover(("numpy",))) as chosen:
            yield chosen
    except SandboxUnavailable as error:
        pytest.skip(str(error))


def request_for(tree: FileTree, **limits: Any) -> EvaluationRequest:
    task = replace(toy.autores_task(""), sizes={"width": 3}, gates=())
    wall = WALL | limits.pop("wall", {})
    allowed = Limits(wall=wall, artifact_bytes=20_000, memory_bytes=1 << 30)
    return EvaluationRequest(
        evaluation=Evaluation(trial=1, ordinal=0, purpose=Purpose.FIRST, commit="c", seeds=(7,)),
        tree=tree.id,
        task=task,
        plugin="autores.testing.toy",
        limits=replace(allowed, **limits),
        data_dir="/nonexistent",
        secret="00" * 16,
    )


@pytest.fixture
def arena_of(sandbox: Sandbox, tmp_path: Path) -> Iterator[Callable[..., Arena]]:
    """Makes an arena around the text of a recipe; keywords are fields of its limits."""
    made: list[Arena] = []
    tmp_path.chmod(0o755)

    def make(recipe: str, **limits: Any) -> Arena:
        work = tmp_path / f"arena-{len(made)}"
        work.mkdir()
        tree = FileTree({"train.py": textwrap.dedent(recipe).encode()})
        request = request_for(tree, **limits)
        made.append(Arena(request, tree, work=work, sandbox=lambda: Borrowed(sandbox)))  # type: ignore[arg-type, return-value]
        return made[-1]

    yield make
    for arena in made:
        arena.close()
