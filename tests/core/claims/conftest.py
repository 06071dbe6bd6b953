from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from autores import hookimpl
from autores.claims.measuring import measuring
from autores.config import gather
from autores.manager import PluginManager
from autores.records import Decision, Trial
from autores.run import Run
from autores.status import Verdict
from autores.testing.runs import Played, play

Within = Callable[..., Any]


class KeepsAll:
    """A policy that keeps whatever was measured."""

    @hookimpl
    def autores_decide(self, trial: Trial) -> Decision:
        return Decision(verdict=Verdict.KEEP, policy="keeps all")


@pytest.fixture(scope="session")
def in_a_world_that_rewards_steps() -> Callable[[Path], None]:
    """Most curves do; a drawn one may not, and a test must not hang on that."""

    def draw(folder: Path) -> None:
        key = folder / "data" / "toy" / "held_out" / "key"
        key.parent.mkdir(parents=True)
        key.write_bytes(bytes([7]) * 16)  # 600 steps gain 8 σ over 60

    return draw


@pytest.fixture(scope="session")
def within() -> Within:
    """Open a run that was played, and do something in it."""

    def opened_for(
        played: Played, work: Callable[[Run], Awaitable[Any]], plugins: PluginManager | None = None
    ) -> Any:
        async def opened() -> Any:
            settings = gather(file=None, environment=played.environment, options={})
            async with measuring(played.root, settings, plugins or PluginManager()) as run:
                return await work(run)

        return asyncio.run(opened())

    return opened_for


@pytest.fixture
def stepped(
    tmp_path_factory: pytest.TempPathFactory, in_a_world_that_rewards_steps: Callable[[Path], None]
) -> Played:
    """A run of two keeps: the first step helps, the second does nothing at all."""
    folder = tmp_path_factory.mktemp("stepped")
    in_a_world_that_rewards_steps(folder)
    edits = [
        {"path": "fit.py", "old": "steps = 60", "new": "steps = 600"},
        {"path": "fit.py", "old": "degree = 4  # of the", "new": "degree = 4  # of that"},
    ]
    (folder / "script.json").write_text(json.dumps(edits))
    script = str(folder / "script.json")
    return play(folder, plugins=[KeepsAll()], agent__scripted__path=script, max_trials=len(edits))
