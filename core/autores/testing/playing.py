"""Play a whole run in this process: for tests of tasks, agents, policies and of the loop."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autores.config import Environment, SettingsBook, gather
from autores.folder import RunFolder
from autores.loading import Loaded
from autores.manager import PluginManager
from autores.opening import begin, opened, take_up
from autores.reading import Reading, reading
from autores.stop import Stop
from autores.supervise import supervise

TOY = {
    "task": "toy",
    "executor": "inline",
    "agent": "scripted",
    "arm": "generalist",
    "policy": "strict",
    "retry": "0s",
    "grace": "0s",
}


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
    folder: Path, *, plugins: Sequence[object] = (), stop: Stop | None = None, **settings: Any
) -> Played:
    """Begin a run in a folder, the toy task by default, and work on it to its end.

    Args:
        folder: Where the run and its data go; the run is `folder/run`.
        plugins: Objects with hooks, which are asked before the installed plugins.
        stop: What ends it early.
        settings: As on the command line, with `_` for `-`; dotted names in a dictionary
            `of` are those of plugins.
    """
    environment = Environment(data_dir=folder / "data", cache_dir=folder / "cache")
    book = _book(environment, {**TOY, "out": folder, "name": "run", **settings})
    manager = PluginManager()
    return _played(*begin(book, manager), plugins, stop or Stop())


def play_on(
    played: Played, *, plugins: Sequence[object] = (), stop: Stop | None = None, **settings: Any
) -> Played:
    """Take a run up again and work on it to its end."""
    book = _book(played.environment, settings)
    folder, loaded = take_up(played.root, book, PluginManager(), accept_changes=False)
    return _played(folder, loaded, plugins, stop or Stop())


def _book(environment: Environment, settings: dict[str, Any]) -> SettingsBook:
    of = settings.pop("of", {})
    overrides = [f"{name}={value}" for name, value in of.items()]
    return gather(file=None, environment=environment, options=settings, overrides=overrides)


def _played(folder: RunFolder, loaded: Loaded, plugins: Sequence[object], stop: Stop) -> Played:
    for number, plugin in enumerate(plugins):
        loaded.plugins.register(plugin, f"test-{number}")
    asyncio.run(_worked(folder, loaded, stop))
    return Played(root=folder.root, environment=loaded.settings.environment, reason=stop.reason)


async def _worked(folder: RunFolder, loaded: Loaded, stop: Stop) -> None:
    async with opened(folder, loaded) as found:
        await supervise(found, stop)
