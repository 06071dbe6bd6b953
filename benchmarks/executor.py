"""The local executor: from start to the first process, from cancel to the last one's end, queues."""

from __future__ import annotations

import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks.report import Report, Row, median_seconds

from autores.evaluator import shim
from autores.evaluator.bundle import code_hash
from autores.executor import Executor, Job
from autores.hardware import Hardware
from autores.plugins.executors.leases import Leases, Want
from autores.plugins.executors.local import EVALUATOR, GRACE_S, Local, Settings
from autores.testing import toy
from autores.testing.executors import ToyJobs, results_of
from autores.testing.inline import Inline

TIMES = 20
QUEUE = 1_000
DAEMONS = 300
SAYS_WHEN = ("sh", "-c", 'date +%s%N >"$5/began"', "sh")
"""Called as an evaluator is: BUNDLE --keys FILE --results FOLDER."""
NOTHING = ("true",)
LINGERS = """
import os, signal, sys, time
signal.signal(signal.SIGTERM, signal.{disposition})
for _ in range({count}):
    if os.fork() == 0:
        os.setsid()
        break
else:
    open(sys.argv[5] + "/ready", "w").close()
time.sleep(600)
"""


class Bench:
    """A place for jobs, and executors to run them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.jobs = ToyJobs(folder)
        self.hardware = Hardware.here()
        self._count = 0

    def local(self, program: Sequence[str] = EVALUATOR) -> Local:
        """An executor that does one job at a time."""
        settings = Settings(jobs=1, locks=self.folder / "locks")
        return Local(settings, hardware=self.hardware, path=os.defpath, program=program)

    def job(self) -> Job:
        """The next one, of one evaluation of the toy task."""
        self._count += 1
        return self.jobs.job(f"job-{self._count}", self.jobs.request(1))

    async def start_to_first_process(self) -> float:
        """Seconds until what should run does run."""
        executor = self.local(SAYS_WHEN)
        seconds = []
        for _ in range(TIMES):
            job = self.job()
            begun = time.time_ns()
            await results_of(executor, await executor.start(job))
            said = int((job.folder / "results" / "began").read_text())
            seconds.append((said - begun) / 1e9)
        await executor.close()
        return statistics.median(seconds)

    def shim_alone(self) -> tuple[float, float]:
        """Seconds until what should run does run, and until all has ended."""
        seconds, ended = [], []
        for _ in range(TIMES):
            result, log = str(self.folder / "ending.json"), str(self.folder / "log")
            argv = ["sh", "-c", f"date +%s%N >{self.folder}/began"]
            begun = time.time_ns()
            subprocess.run(shim.command(result, log, argv), check=True)
            ended.append((time.time_ns() - begun) / 1e9)
            seconds.append((int((self.folder / "began").read_text()) - begun) / 1e9)
        return statistics.median(seconds), statistics.median(ended)

    async def cancel_to_last_end(self, disposition: str) -> float:
        """Seconds until the last of many daemons is dead."""
        script = LINGERS.format(count=DAEMONS, disposition=disposition)
        executor = self.local((sys.executable, "-c", script))
        seconds = []
        for _ in range(3):
            job = self.job()
            handle = await executor.start(job)
            while not (job.folder / "results" / "ready").exists():
                await asyncio.sleep(0.01)
            begun = time.perf_counter()
            await executor.cancel(handle)
            seconds.append(time.perf_counter() - begun)
        await executor.close()
        return statistics.median(seconds)

    async def evaluation(self, executor: Executor, times: int) -> float:
        """Seconds of one evaluation of the toy task, from start to the end of its job."""
        jobs = [self.job() for _ in range(times)]
        seconds = []
        for job in jobs:
            begun = time.perf_counter()
            results = await results_of(executor, await executor.start(job))
            seconds.append(time.perf_counter() - begun)
            assert len(results) == 1
        await executor.close()
        return statistics.median(seconds)

    async def queue(self) -> tuple[float, float]:
        """Seconds to queue a job behind many, and to give one of them up."""
        executor = self.local(("sleep", "600"))
        jobs = [self.job() for _ in range(QUEUE)]
        begun = time.perf_counter()
        handles = [await executor.start(job) for job in jobs]
        queued = time.perf_counter()
        for handle in reversed(handles):
            await executor.cancel(handle)
        given_up = time.perf_counter()
        await executor.close()
        return (queued - begun) / QUEUE, (given_up - queued) / QUEUE

    async def drain(self, count: int) -> float:
        """Seconds per job of a queue of jobs that do nothing."""
        executor = self.local(NOTHING)
        begun = time.perf_counter()
        handles = [await executor.start(self.job()) for _ in range(count)]
        await asyncio.gather(*(results_of(executor, handle) for handle in handles))
        taken = time.perf_counter() - begun
        await executor.close()
        return taken / count


def toy_itself(jobs: ToyJobs) -> float:
    """Seconds of what a task does, without any executor."""
    request = jobs.request(1)
    tree = jobs.code.tree(request.evaluation.commit)
    return median_seconds(lambda: toy.autores_evaluate(request=request, tree=tree), QUEUE)


def grant_all() -> None:
    """Queue and grant a thousand leases."""
    leases = Leases(cpus=range(16), jobs=8)
    for number in range(QUEUE):
        leases.ask(Want(name=str(number)))
    held: list[str] = []
    while (want := leases.first()) is not None:
        if not leases.fits(want):
            leases.leave(held.pop(0))
        leases.grant(want)
        held.append(want.name)


def run() -> Report:
    """Measure on this machine."""
    with tempfile.TemporaryDirectory() as folder:
        return Report(title=(__doc__ or "").strip(), rows=rows(Bench(Path(folder))), notes=NOTES)


NOTES = (
    "Before the first process lie the bundle, hashes of all code, and the shim's interpreter.",
    f"Who ignores SIGTERM is killed after {GRACE_S:g} s.",
)


def rows(bench: Bench) -> list[Row]:
    """All figures."""
    alone, to_end = bench.shim_alone()
    first = asyncio.run(bench.start_to_first_process())
    hashing = median_seconds(lambda: (code_hash("autores"), code_hash(toy.__name__)), TIMES)
    heeding = asyncio.run(bench.cancel_to_last_end("SIG_DFL"))
    ignoring = asyncio.run(bench.cancel_to_last_end("SIG_IGN"))
    inline = asyncio.run(bench.evaluation(Inline(), QUEUE))
    bare = toy_itself(bench.jobs)
    whole = asyncio.run(bench.evaluation(bench.local(), TIMES))
    queued, given_up = asyncio.run(bench.queue())
    drained = asyncio.run(bench.drain(100))
    leased = median_seconds(grant_all, 5) / QUEUE
    return [
        _row("start to first process", first, alone, "the shim alone", samples=TIMES),
        _row("of which hashing our code", hashing, samples=TIMES),
        _row(f"cancel to end of {DAEMONS} daemons", heeding, samples=3, limit=1.0),
        _row("the same, ignoring SIGTERM", ignoring, heeding, "heeding it", samples=3, limit=1.5),
        _row("toy evaluation, own process", whole, inline, "`inline`", samples=TIMES),
        _row("toy evaluation, `inline`", inline, bare, "the task alone", samples=QUEUE),
        _row("of which `inline` itself", inline - bare, samples=QUEUE, limit=0.0005),
        _row(f"queue a job, of {QUEUE:,}", queued, samples=QUEUE),
        _row("give one of them up", given_up, samples=QUEUE),
        _row("queued job that does nothing", drained, to_end, "the shim alone", samples=100),
        _row(f"lease, of {QUEUE:,} that wait", leased, samples=5 * QUEUE),
    ]


def _row(
    name: str,
    seconds: float,
    baseline: float | None = None,
    compared_with: str = "",
    *,
    samples: int,
    limit: float | None = None,
) -> Row:
    return replace(
        Row(name=name, value=seconds * 1e3, unit="ms", samples=samples),
        baseline=None if baseline is None else baseline * 1e3,
        compared_with=compared_with,
        limit=None if limit is None else limit * 1e3,
    )
