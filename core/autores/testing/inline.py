"""An executor without processes: evaluates in the supervisor itself, one job at a time.

For tests of what lies around the evaluator, and for benchmarks of the loop. It contains
nothing: only a task that reads its recipe and never runs it, such as `autores.testing.toy`,
may be evaluated here.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import time
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import NoReturn

from autores import hookimpl
from autores.errors import UserError
from autores.evaluator.request import EvaluationRequest
from autores.evaluator.signing import key_name, sign
from autores.evaluator.trees import FileTree
from autores.executor import Capacity, Executor, Job, Result
from autores.manager import PluginManager
from autores.records import Outcome
from autores.status import Cause

HARDWARE = "inline"
QUICK_S = 0.01


class NoArena:
    """Has nothing in which a candidate could run."""

    def __getattr__(self, name: str) -> NoReturn:
        raise NotImplementedError(f"arena.{name}: the executor `inline` runs no candidate")


@dataclass(slots=True)
class _Started:
    job: Job
    results: list[Result] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    ended: bool = False
    cancelled: bool = False

    def end(self) -> None:
        self.ended = True
        self.changed.set()


class Inline:
    """Runs jobs one after the other, those of a better priority first."""

    survives = False

    def __init__(self) -> None:
        self._jobs: dict[str, _Started] = {}
        self._waiting: list[tuple[int, int, _Started]] = []
        self._order = itertools.count()
        self._current: _Started | None = None
        self._running: asyncio.Task[None] | None = None
        self._managers: dict[str, PluginManager] = {}
        self._quick: set[tuple[str, str]] = set()
        # The event loop goes on while a task sleeps, and no two evaluations overlap.
        self._thread = ThreadPoolExecutor(1, "autores-inline")

    async def start(self, job: Job) -> str:
        """Queue a job.

        Raises:
            UserError: It needs a GPU.
        """
        if job.gpus:
            raise UserError("executor `inline` has no GPU; choose another executor")
        self._jobs[job.name] = started = _Started(job)
        heapq.heappush(self._waiting, (job.priority, next(self._order), started))
        self._begin_next()
        return job.name

    async def watch(self, handle: str) -> AsyncIterator[Result]:
        """Results as they come; a job whose end was seen is forgotten."""
        started = self._jobs.get(handle)
        seen = 0
        while started is not None:
            started.changed.clear()  # before reading: more may come while the reader is away
            ended = started.ended
            for result in started.results[seen:]:
                seen += 1
                yield result
            if ended:
                self._jobs.pop(handle, None)
                return
            await started.changed.wait()

    async def cancel(self, handle: str) -> None:
        """End a job; the evaluation that runs now is waited for, and its result dropped."""
        started = self._jobs.get(handle)
        if started is None or started.ended:
            return
        started.cancelled = True
        if started is self._current and self._running is not None:
            await asyncio.wait([self._running])
        else:
            started.end()

    async def find(self, name: str) -> str | None:
        """The handle of a job that has not ended."""
        started = self._jobs.get(name)
        return None if started is None or started.ended else name

    def capacity(self) -> Capacity:
        """One job."""
        return Capacity(jobs=1, cpus=1, hardware=HARDWARE, sandbox="none")

    async def close(self) -> None:
        """End all jobs."""
        self._waiting.clear()
        for handle in list(self._jobs):
            await self.cancel(handle)
        self._thread.shutdown()

    def _begin_next(self) -> None:
        while self._running is None and self._waiting:
            started = heapq.heappop(self._waiting)[-1]
            if not started.cancelled:
                self._current = started
                self._running = asyncio.create_task(self._run(started))

    async def _run(self, started: _Started) -> None:
        job = started.job
        try:
            for position, request in enumerate(job.requests):
                tree = job.code.tree(request.evaluation.commit)
                files = FileTree({path: tree.read(path) for path in tree})
                outcome = await self._evaluate(request, files)
                if started.cancelled:
                    return
                key = job.keys[key_name(request.evaluation)]
                payload = sign(key, request.evaluation, request.tree, outcome)
                started.results.append(Result(position=position, payload=payload))
                started.changed.set()
        finally:
            started.end()
            self._running = None
            self._begin_next()

    async def _evaluate(self, request: EvaluationRequest, tree: FileTree) -> Outcome:
        """In the thread, or at once where that was quick: the thread costs as much."""
        kind = (request.plugin, repr(request.task.sizes))
        if kind in self._quick:
            await asyncio.sleep(0)
            return self._measure(request, tree)
        begun = time.perf_counter()
        loop = asyncio.get_running_loop()
        outcome = await loop.run_in_executor(self._thread, self._measure, request, tree)
        if time.perf_counter() - begun < QUICK_S:
            self._quick.add(kind)
        return outcome

    def _measure(self, request: EvaluationRequest, tree: FileTree) -> Outcome:
        if tree.id != request.tree:
            detail = f"the tree is {tree.id}, not {request.tree}, which was submitted"
            return Outcome(cause=Cause.HARNESS, detail=detail)
        hook = self._manager(request.plugin).hook
        try:
            outcome: Outcome | None = hook.autores_evaluate(
                request=request, tree=tree, arena=NoArena()
            )
        except Exception as error:  # noqa: BLE001  what a task does wrong costs one evaluation
            return Outcome(cause=Cause.HARNESS, detail=f"{type(error).__name__}: {error}")
        return outcome or Outcome(cause=Cause.HARNESS, detail=f"{request.plugin} evaluates nothing")

    def _manager(self, plugin: str) -> PluginManager:
        if plugin not in self._managers:
            self._managers[plugin] = PluginManager()
            self._managers[plugin].load_module(plugin)
        return self._managers[plugin]


@hookimpl
def autores_executor() -> Executor:
    """Build the executor."""
    return Inline()
