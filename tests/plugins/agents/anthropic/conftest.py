from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from autores import opening
from autores.gatekeeper import DirectGates
from autores.testing.fake_anthropic import KEY, Brain, FakeAnthropic
from autores.testing.runs import Opening, stage


@dataclass
class Played:
    """What was left of a session."""

    api: FakeAnthropic
    folder: Path
    error: BaseException | None = None
    events: list[dict[str, Any]] = field(default_factory=list)
    spent: Any = None
    trials: int = 0

    def recorded(self, kind: str) -> list[Any]:
        return [event["content"] for event in self.events if event["kind"] == kind]


Play = Callable[..., Played]


@pytest.fixture(autouse=True)
def quick_gates(monkeypatch: pytest.MonkeyPatch) -> None:
    """Gates in this process: starting their worker takes longer than most tests here."""
    monkeypatch.setattr(opening, "Gatekeeper", DirectGates)


@pytest.fixture
def play(tmp_path: Path) -> Play:
    """Let the agent work in one session, against a brain."""

    def played(
        brain: Brain,
        *,
        specialist: str = "optim",
        window: int = 1_000_000,
        ended_after: float | None = None,
        **settings: Any,
    ) -> Played:
        with FakeAnthropic(brain, window=window) as api:
            found = Played(api, tmp_path)
            settings = {
                f"agent__anthropic__{k.removesuffix('_of')}": v for k, v in settings.items()
            }
            asyncio.run(_session(found, specialist, ended_after, settings))
        return found

    return played


async def _session(
    found: Played, specialist: str, ended_after: float | None, settings: dict[str, Any]
) -> None:
    run_settings = {k: settings.pop(k) for k in list(settings) if "run__" in k}
    extra = {k.removeprefix("agent__anthropic__run__"): v for k, v in run_settings.items()}
    asked = Opening.of(
        found.folder,
        {"ANTHROPIC_API_KEY": KEY},
        agent="anthropic",
        agent__anthropic__base_url=found.api.url,
        **settings,
        **extra,
    )
    async with stage(asked) as at:
        session = at.session(specialist)
        try:
            with keeping(found):
                async with asyncio.timeout(ended_after):
                    await at.run.agent.run(session)
            await session.settled()
        finally:
            session.close()
        head = at.run.store.head()
        found.spent, found.trials = head.spent, head.next_trial - 1
        text = at.run.folder.transcript(session.brief.id).read_text()
        found.events = [json.loads(line) for line in text.splitlines()]


@contextmanager
def keeping(found: Played) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # noqa: BLE001  whatever ends a session is looked at
        found.error = error
