"""The writers of a run: one thread for events, one for code. The event loop never waits."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from autores.events import Event
from autores.lineage.store import NO_SECRETS, Build, LineageStore
from autores.workspace.repository import CodeRepository

R = TypeVar("R")


class Desk:
    """Appends events and commits code, each in the order in which it was asked."""

    def __init__(self, store: LineageStore, code: Path) -> None:
        """Write into a store and a repository, which exist."""
        self.store = store
        self._path = code
        self._events = ThreadPoolExecutor(1, "autores-events")
        self._code = ThreadPoolExecutor(1, "autores-code")
        self._sweeper = ThreadPoolExecutor(1, "autores-sweeper")
        self._swept = 0
        self._repository: CodeRepository | None = None
        self._changed = asyncio.Event()

    async def append(
        self, build: Build, secrets: Mapping[str, bytes] = NO_SECRETS
    ) -> tuple[Event, ...]:
        """Append what `build` makes of the head; see `LineageStore.append`."""
        events = await self._finish(self._events, lambda: self.store.append(build, secrets=secrets))
        if events:
            self.notify()
        return events

    async def code(self, work: Callable[[CodeRepository], R]) -> R:
        """Do something with the repository, on its own thread."""
        return await self._finish(self._code, lambda: work(self._opened()))

    def sweep(self, folder: Path) -> None:
        """Remove a folder; its name is free at once, and nobody waits for the rest."""
        self._swept += 1
        doomed = folder.with_name(f"{folder.name}.swept-{self._swept}")
        with suppress(OSError):
            folder.rename(doomed)
            self._sweeper.submit(shutil.rmtree, doomed, ignore_errors=True)

    def notify(self) -> None:
        """Wake all who wait for a change."""
        self._changed.set()
        self._changed = asyncio.Event()

    async def changed(self, timeout: float | None = None) -> None:
        """Wait for the next event, or for so many seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                await self._changed.wait()

    def close(self) -> None:
        """Finish what was asked."""
        self._events.shutdown()
        self._code.shutdown()
        self._sweeper.shutdown()

    def _opened(self) -> CodeRepository:
        if self._repository is None:
            self._repository = CodeRepository.open(self._path)
        return self._repository

    async def _finish(self, pool: ThreadPoolExecutor, work: Callable[[], R]) -> R:
        """Whoever waits may be cancelled; what was begun is finished nevertheless."""
        return await asyncio.shield(asyncio.get_running_loop().run_in_executor(pool, work))
