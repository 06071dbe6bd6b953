from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from autores.agent import Session
from autores.executor import Capacity, Job, Result
from autores.records import Lease
from autores.sidebyside import InTurn, Part, Shared


class Noted:
    """An executor that runs nothing and notes what it is asked."""

    survives = False

    def __init__(self, cpus: int = 2) -> None:
        self.cpus = cpus
        self.started: list[str] = []
        self.cancelled: list[str] = []

    async def start(self, job: Job) -> str:
        self.started.append(job.name)
        return f"handle of {job.name}"

    async def watch(self, handle: str) -> AsyncIterator[Result]:
        yield Result(position=0, payload=handle.encode())

    async def cancel(self, handle: str) -> None:
        self.cancelled.append(handle)

    async def find(self, name: str) -> str | None:
        return f"handle of {name}" if name in self.started else None

    def capacity(self) -> Capacity:
        return Capacity(jobs=1, cpus=self.cpus)

    async def close(self) -> None:
        raise AssertionError("other runs still need it")


class Speaker:
    """Says who it is, and lets others speak in between if they may."""

    def __init__(self, name: str, said: list[str]) -> None:
        self.name = name
        self.said = said
        self.closed = False

    async def run(self, session: Session) -> None:
        self.said.append(f"{self.name} begins")
        for _ in range(3):
            await asyncio.sleep(0)
        self.said.append(f"{self.name} ends")

    async def close(self) -> None:
        self.closed = True


def _job(name: str) -> Job:
    return Job(name=name, requests=(), code=None, folder=Path(), keys={})  # type: ignore[arg-type]


def test_jobs_of_two_runs_with_one_name_are_told_apart() -> None:
    async def work() -> None:
        executor = Noted()
        one, other = Part(executor, "one"), Part(executor, "other")
        handles = [await part.start(_job("job-1.0-1")) for part in (one, other)]
        assert len(set(handles)) == 2
        assert await one.find("job-1.0-1") == handles[0]
        assert await one.find("job-2.0-1") is None
        assert [r.payload async for r in other.watch(handles[1])] == [handles[1].encode()]
        assert one.capacity() == executor.capacity()

    asyncio.run(work())


@pytest.mark.parametrize("survives", [False, True])
def test_a_run_that_ends_ends_its_own_jobs_alone(survives: bool) -> None:
    async def work() -> list[str]:
        executor = Noted()
        executor.survives = survives
        one, other = Part(executor, "one"), Part(executor, "other")
        for part in (one, other):
            await part.start(_job("a"))
        ended = await one.start(_job("b"))
        assert [r async for r in one.watch(ended)]
        await one.close()
        return executor.cancelled

    assert asyncio.run(work()) == ([] if survives else ["handle of one.a"])


def test_sessions_take_turns() -> None:
    said: list[str] = []

    async def often(agent: InTurn) -> None:
        for _ in range(3):
            await agent.run(None)  # type: ignore[arg-type]

    async def work() -> None:
        turn = asyncio.Lock()
        await asyncio.gather(*(often(InTurn(Speaker(n, said), turn)) for n in "ab"))

    asyncio.run(work())
    assert [word.split()[0] for word in said[::2]] == list("ababab")
    assert all(said[i].endswith("begins") and said[i + 1].endswith("ends") for i in range(0, 12, 2))


@pytest.mark.parametrize(
    ("lease", "cpus", "waits"),
    [(Lease.HOST, 2, True), (Lease.HOST, 64, False), (Lease.SHARED, 2, False)],
)
def test_they_do_where_measuring_wants_quiet(lease: Lease, cpus: int, waits: bool) -> None:
    async def work() -> None:
        shared = Shared(executor=Noted(cpus), lease=lease, told=lambda more: None)
        agent: Any = Speaker("a", [])
        hook = shared.member("one").autores_agent()
        next(hook)
        with pytest.raises(StopIteration) as stopped:
            hook.send(agent)
        found = stopped.value.value
        assert isinstance(found, InTurn) is waits
        await found.close()
        assert agent.closed

    asyncio.run(work())
