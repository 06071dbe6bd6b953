"""Several runs at once on one executor: what a drifting machine does, it does to all of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Generator
from dataclasses import dataclass, field, replace

from autores import hookimpl
from autores.agent import Agent, Closing, Session
from autores.events import Accepted, Event
from autores.executor import Capacity, Executor, Job, Result
from autores.records import Lease

FEW_PROCESSORS = 4
"""Up to so many, a session that thinks would disturb what another one measures alone."""


class Part:
    """One run's share of an executor: its jobs have names of their own, and end with the run."""

    def __init__(self, executor: Executor, run: str) -> None:
        """Share an executor that outlives the run.

        Args:
            executor: Whose queue decides who is next.
            run: Its name, before those of its jobs.
        """
        self._executor = executor
        self._run = run
        self._handles: dict[str, None] = {}
        self.survives = executor.survives

    async def start(self, job: Job) -> str:
        """Queue a job behind those of all runs."""
        handle = await self._executor.start(replace(job, name=self._named(job.name)))
        self._handles[handle] = None
        return handle

    async def watch(self, handle: str) -> AsyncIterator[Result]:
        """Results as they come."""
        async for result in self._executor.watch(handle):
            yield result
        self._handles.pop(handle, None)

    async def cancel(self, handle: str) -> None:
        """End a job."""
        await self._executor.cancel(handle)

    async def find(self, name: str) -> str | None:
        """The handle of a job of this run that still runs."""
        return await self._executor.find(self._named(name))

    def capacity(self) -> Capacity:
        """All that the executor has."""
        return self._executor.capacity()

    async def close(self) -> None:
        """End this run's jobs; the executor goes on for the others."""
        for handle in () if self.survives else tuple(self._handles):
            await self._executor.cancel(handle)

    def _named(self, job: str) -> str:
        return f"{self._run}.{job}"


class InTurn:
    """An agent that works while no other does: sessions of all runs take turns, first come first.

    Who has submitted keeps the turn until its trial has ended, so that the runs alternate trial
    by trial.
    """

    def __init__(self, agent: Agent, turn: asyncio.Lock) -> None:
        """Let an agent wait for its turn."""
        self._agent = agent
        self._turn = turn

    async def run(self, session: Session) -> None:
        """Work once nobody else does."""
        async with self._turn:
            await self._agent.run(session)

    async def close(self) -> None:
        """Let the agent go."""
        if isinstance(self._agent, Closing):
            await self._agent.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """What runs have in common; registered as a plugin of each by `member`."""

    executor: Executor
    lease: Lease
    told: Callable[[float], None]
    """Is told of each trial that was accepted."""
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    def member(self, run: str) -> Member:
        """The plugin for one of the runs."""
        alone = self.lease is not Lease.SHARED
        few = self.executor.capacity().cpus <= FEW_PROCESSORS
        return Member(self, Part(self.executor, run), self.turn if alone and few else None)


class Member:
    """One run among those that are side by side."""

    def __init__(self, shared: Shared, part: Part, turn: asyncio.Lock | None) -> None:
        self._shared = shared
        self._part = part
        self._turn = turn

    @hookimpl
    def autores_executor(self) -> Executor:
        """Its share, instead of an executor of its own."""
        return self._part

    @hookimpl(wrapper=True)
    def autores_agent(self) -> Generator[None, Agent | None, Agent | None]:
        """The run's agent, which waits for its turn where measuring wants quiet."""
        agent = yield
        return agent if agent is None or self._turn is None else InTurn(agent, self._turn)

    @hookimpl
    def autores_event(self, event: Event) -> None:
        """Count trials, for the bar."""
        if isinstance(event.body, Accepted) and event.body.trial:
            self._shared.told(1)
