"""Whole runs in one process, for tests of what works inside them: agents, tools, context."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from autores.agent import SessionBrief
from autores.baseline import ensure_baseline
from autores.config import Environment, gather
from autores.folder import RunFolder
from autores.loop import Loop
from autores.manager import PluginManager
from autores.opening import begin, opened
from autores.run import Run
from autores.session import LiveSession
from autores.stop import Stop
from autores.supervise import supervise

DEFAULTS: Mapping[str, Any] = {
    "task": "toy",
    "agent": "scripted",
    "executor": "inline",
    "policy": "strict",
    "name": "run",
    "retry": "1s",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """How a run is begun: settings by name, in a folder for its data and its records."""

    folder: Path
    settings: Mapping[str, Any]
    keys: Mapping[str, str]

    @classmethod
    def of(cls, folder: Path, keys: Mapping[str, str] | None = None, **settings: Any) -> Opening:
        """Toy task, inline executor and strict policy where nothing else is said.

        Args:
            folder: Empty.
            keys: API keys by the name of their variable.
            settings: By dotted name with `__` for each dot.
        """
        named = {name.replace("__", "."): value for name, value in settings.items()}
        return cls(folder=folder, settings={**DEFAULTS, **named}, keys=keys or {})

    def begin(self, *plugins: str) -> tuple[RunFolder, Any]:
        """Make the run's folder and load what it uses, with these modules besides."""
        manager = PluginManager()
        for module in plugins:
            manager.load_module(module)
        environment = replace(
            Environment.read(), keys=self.keys, settings={}, data_dir=self.folder / "data"
        )
        settings = gather(
            file=None, environment=environment, options={"out": self.folder, **self.settings}
        )
        return begin(settings, manager)


async def run_to_its_end(opening: Opening, *plugins: str) -> RunFolder:
    """Supervise a run until its budget is used up."""
    folder, loaded = opening.begin(*plugins)
    async with opened(folder, loaded) as found:
        await supervise(found, Stop())
    return folder


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """An open run with a baseline, in which single sessions can be played."""

    run: Run
    loop: Loop
    sessions: list[LiveSession] = field(default_factory=list)

    def session(self, specialist: str = "", *, parent: int | None = None) -> LiveSession:
        """A turn from the head, or from another trial."""
        run = self.run
        name = f"s{len(list(run.folder.sessions.rglob('*.jsonl')))}"
        stored = (run.store.head().lead or 0) if parent is None else parent
        view = run.view().for_session(name, stored)
        brief = SessionBrief(
            id=name,
            task=run.task,
            specialist=run.specialists[specialist or next(iter(run.specialists))],
            specialists=tuple(run.specialists.values()),
            parent=view.number(stored),
            limits=run.laboratory.conditions.limits,
        )
        self.sessions.append(LiveSession(run, brief, view, self._live))
        return self.sessions[-1]

    def close(self) -> None:
        """Close the sessions that are still open."""
        for session in self.sessions:
            if self.run.folder.transcript(session.brief.id, is_open=True).exists():
                session.close()

    async def _live(self, session: LiveSession, trial: int) -> None:
        await self.loop.live(trial)


@asynccontextmanager
async def stage(opening: Opening, *plugins: str) -> AsyncIterator[Stage]:
    """Open a run, measure its baseline, and let nobody work in it but the caller."""
    folder, loaded = opening.begin(*plugins)
    async with opened(folder, loaded) as found:
        await ensure_baseline(found.run)
        loop = Loop(found.run, Stop())
        async with asyncio.TaskGroup() as loop._tasks:  # as `Loop.run` does
            at = Stage(run=found.run, loop=loop)
            try:
                yield at
            finally:
                at.close()
