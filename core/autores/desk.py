"""The writers of a run: threads for events, for code and for refs. The event loop never waits."""

from __future__ import annotations

import asyncio
import shutil
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from autores.events import Event
from autores.lineage.store import Build, LineageStore
from autores.workspace.repository import CodeRepository

R = TypeVar("R")
Asked = asyncio.Future[tuple[Event, ...]]


COMMITTERS = 3
"""Commits that wait for the disk at the same time: together they wait hardly longer."""


class Desk:
    """Appends events and moves refs in the order in which it was asked; commits code."""

    def __init__(self, store: LineageStore, code: CodeRepository) -> None:
        """Write into a store and a repository."""
        self.store = store
        self._shared = code
        self._events = ThreadPoolExecutor(1, "autores-events")
        self._code = ThreadPoolExecutor(COMMITTERS, "autores-code")
        self._refs = ThreadPoolExecutor(1, "autores-refs")
        self._sweeper = ThreadPoolExecutor(1, "autores-sweeper")
        self._sweepings = code.path.parent / "swept"
        self._swept = 0
        self._waiting: list[tuple[Build, Asked]] = []
        self._writing: asyncio.Task[None] | None = None
        self._own = threading.local()
        self._repositories: list[CodeRepository] = []
        self._changed = asyncio.Event()

    async def append(self, build: Build) -> tuple[Event, ...]:
        """Append what `build` makes of the head; see `LineageStore.append`.

        Whoever comes while others are being written waits for the disk together with all who
        wait then.
        """
        asked = asyncio.get_running_loop().create_future()
        self._waiting.append((build, asked))
        if self._writing is None:
            self._writing = asyncio.create_task(self._write())
        events: tuple[Event, ...] = await asked
        return events

    async def _write(self) -> None:
        """Append until nobody waits."""
        try:
            while self._waiting:
                batch, self._waiting = self._waiting, []
                await self._append([build for build, _ in batch], [asked for _, asked in batch])
        finally:
            self._writing = None

    async def _append(self, builds: Sequence[Build], asked: Sequence[Asked]) -> None:
        found: Sequence[tuple[Event, ...] | BaseException]
        try:
            found = await self._finish(self._events, lambda: self.store.append_each(builds))
        except Exception as error:  # noqa: BLE001  all are told
            found = [error] * len(asked)
        for future, result in zip(asked, found, strict=True):
            if future.done():
                continue  # whoever asked was cancelled
            if isinstance(result, BaseException):
                future.set_exception(result)
            else:
                future.set_result(result)
        self.notify()

    async def code(self, work: Callable[[CodeRepository], R]) -> R:
        """Do something with the repository, on one of its threads."""
        return await self._finish(self._code, lambda: work(self._repository))

    async def refs(self, work: Callable[[CodeRepository], R]) -> R:
        """Do something with the refs of the repository, on their thread."""
        return await self._finish(self._refs, lambda: work(self._repository))

    def sweep(self, folder: Path) -> None:
        """Remove a folder; it is out of everybody's way at once, and nobody waits for the rest."""
        self._swept += 1
        doomed = self._sweepings / f"{self._swept}"
        with suppress(OSError):
            self._sweepings.mkdir(exist_ok=True)
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
        if self._waiting:
            self.store.append_each([build for build, _ in self._waiting])
        self._code.shutdown()
        self._refs.shutdown()
        for repository in self._repositories:
            repository.close()
        self._sweeper.shutdown()
        shutil.rmtree(self._sweepings, ignore_errors=True)

    @property
    def _repository(self) -> CodeRepository:
        """That of this thread."""
        if not hasattr(self._own, "repository"):
            self._own.repository = CodeRepository.open(self._shared.path, self._shared.recent)
            self._repositories.append(self._own.repository)
        found: CodeRepository = self._own.repository
        return found

    async def _finish(self, pool: ThreadPoolExecutor, work: Callable[[], R]) -> R:
        """Whoever waits may be cancelled; what was begun is finished nevertheless."""
        return await asyncio.shield(asyncio.get_running_loop().run_in_executor(pool, work))
