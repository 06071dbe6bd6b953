from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from autores import opening
from autores.gatekeeper import DirectGates
from autores.session import LiveSession
from autores.testing.runs import Opening, Stage, stage

Scene = Callable[[LiveSession, Stage], Awaitable[None]]


@pytest.fixture(autouse=True)
def quick_gates(monkeypatch: pytest.MonkeyPatch) -> None:
    """Gates in this process: starting their worker takes longer than most tests here."""
    monkeypatch.setattr(opening, "Gatekeeper", DirectGates)


@pytest.fixture
def play(tmp_path: Path) -> Callable[..., None]:
    """Play a scene with one session of a run that has a baseline."""

    def played(scene: Scene, *, specialist: str = "", **settings: Any) -> None:
        async def whole() -> None:
            async with stage(Opening.of(tmp_path, **settings)) as found:
                session = found.session(specialist)
                await scene(session, found)
                await session.settled()

        asyncio.run(whole())

    return played
