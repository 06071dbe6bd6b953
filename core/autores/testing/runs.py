"""Whole runs in this process: for tests of tasks, agents, policies, tools and of the loop.

The toy task's world and the run's secret, from which all seeds follow, are the same each
time, so that no test hangs on what they would have been.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from autores.agent import SessionBrief
from autores.baseline import ensure_baseline
from autores.config import Environment, gather
from autores.folder import RunFolder
from autores.loading import Loaded
from autores.loop import Loop
from autores.manager import PluginManager
from autores.opening import begin, opened, take_up
from autores.reading import Reading, reading
from autores.run import Run
from autores.secret import BYTES, RunSecret
from autores.session import LiveSession
from autores.stop import Stop
from autores.supervise import supervise
from autores.testing import toy

TOY: Mapping[str, Any] = {
    "task": "toy",
    "executor": "inline",
    "agent": "scripted",
    "policy": "strict",
    "name": "run",
    "retry": "0s",
    "grace": "0s",
}
WORLD = b"7"
"""A key of the toy task in whose world a rate of 0.2 always beats the seed's 0.05."""
SECRET = RunSecret(b"s" * BYTES)


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
        return cls(folder=folder, settings={**TOY, **_dotted(settings)}, keys=keys or {})

    @property
    def environment(self) -> Environment:
        """Nothing of this process but where programs are found."""
        return Environment(
            data_dir=self.folder / "data",
            cache_dir=self.folder / "cache",
            keys=self.keys,
            path=Environment.read().path,
        )

    def begin(self) -> tuple[RunFolder, Loaded]:
        """Make the run's folder and load what it uses."""
        toy.keep_key(self.environment.data_dir, WORLD)
        options = {"out": self.folder, **self.settings}
        return begin(
            gather(file=None, environment=self.environment, options=options), PluginManager()
        )


def _dotted(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {name.replace("__", "."): value for name, value in settings.items()}


# -------------------------------------------------------------------------- to their end


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """A run that has ended."""

    root: Path
    environment: Environment
    reason: str
    """Why it ended."""

    @contextmanager
    def reading(self) -> Iterator[Reading]:
        """Look at it."""
        with reading(self.root, self.environment) as found:
            yield found


def play(
    folder: Path,
    keys: Mapping[str, str] | None = None,
    *,
    plugins: Sequence[object] = (),
    stop: Stop | None = None,
    **settings: Any,
) -> Played:
    """Begin a run in a folder, of a generalist by default, and work on it to its end.

    Args:
        folder: Where the run and its data go; the run is `folder/run`.
        keys: API keys by the name of their variable.
        plugins: Objects with hooks, which are asked before the installed plugins.
        stop: What ends it early.
        settings: As `Opening.of` has them.
    """
    opening = Opening.of(folder, keys, **{"arm": "generalist", **settings})
    return _played(*opening.begin(), plugins, stop or Stop())


def play_on(
    played: Played, *, plugins: Sequence[object] = (), stop: Stop | None = None, **settings: Any
) -> Played:
    """Take a run up again and work on it to its end."""
    book = gather(file=None, environment=played.environment, options=_dotted(settings))
    folder, loaded = take_up(played.root, book, PluginManager(), accept_changes=False)
    return _played(folder, loaded, plugins, stop or Stop())


def _played(folder: RunFolder, loaded: Loaded, plugins: Sequence[object], stop: Stop) -> Played:
    for number, plugin in enumerate(plugins):
        loaded.plugins.register(plugin, f"test-{number}")
    asyncio.run(_worked(folder, loaded, stop))
    return Played(root=folder.root, environment=loaded.settings.environment, reason=stop.reason)


async def _worked(folder: RunFolder, loaded: Loaded, stop: Stop) -> None:
    async with opened(folder, loaded, secret=SECRET) as found:
        await supervise(found, stop)


# --------------------------------------------------------------------- session by session


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
async def stage(opening: Opening) -> AsyncIterator[Stage]:
    """Open a run, measure its baseline, and let nobody work in it but the caller."""
    folder, loaded = opening.begin()
    async with opened(folder, loaded, secret=SECRET) as found:
        await ensure_baseline(found.run)
        loop = Loop(found.run, Stop())
        async with asyncio.TaskGroup() as loop._tasks:  # as `Loop.run` does
            at = Stage(run=found.run, loop=loop)
            try:
                yield at
            finally:
                at.close()
