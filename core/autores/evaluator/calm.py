"""Whether the machine kept still while something was timed.

Scores stay raw seconds: to correct them by a reference would reward a candidate that leaves
the machine slow. What moved only leads to another measurement.
"""

from __future__ import annotations

import contextlib
import os
import statistics
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from autores.records import Measurement

CHUNKS, SECONDS = 20, 1.0
"""A pulse takes at least so many pieces of work, and so long."""
COOL_DOWN = 0.3
"""Seconds in which clocks and caches forget a candidate."""
MOVED = 0.05
"""A piece of work that takes so much longer or shorter than before means that speed moved."""
STOLEN = 0.02
"""Of the time, by the hypervisor."""
PREEMPTED = 60.0
"""Times a second; alone on its processors a candidate is interrupted a few times."""
STAT = Path("/proc/stat")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pulse:
    """The machine at one moment."""

    at: float
    chunk: float
    """Seconds of a fixed piece of work: the median."""
    stolen: float
    """Seconds that the hypervisor has ever taken from these processors."""


def take_pulse(cpus: frozenset[int]) -> Pulse:
    """Work for a second on the processors that candidates use; all of ours if none is named."""
    with _bound_to(cpus):
        chunk = statistics.median(_chunks(_work()))
    return Pulse(at=time.monotonic(), chunk=chunk, stolen=_stolen(cpus))


def unrest(before: Pulse, after: Pulse, measured: Iterable[Measurement]) -> str:
    """What moved between two pulses; nothing if the machine was calm."""
    ratio = after.chunk / before.chunk
    if not 1 / (1 + MOVED) <= ratio <= 1 + MOVED:
        return f"the machine's speed moved by a factor of {ratio:.2f}"
    stolen = (after.stolen - before.stolen) / max(1e-9, after.at - before.at)
    if stolen > STOLEN:
        return f"{stolen:.0%} of the time was stolen"
    rows = [m for m in measured if m.cpu > 0]
    rate = sum(m.preemptions for m in rows) / max(1e-9, sum(m.wall for m in rows))
    return f"preempted {rate:.0f} times a second" if rate > PREEMPTED else ""


def _work() -> Callable[[], object]:
    """About thirty milliseconds of arithmetic on more memory than the nearest caches hold."""
    values, room = np.linspace(0.0, 1.0, 1 << 20, dtype=np.float32), np.empty(1 << 20, np.float32)

    def work() -> None:
        for _ in range(24):
            np.multiply(values, values, out=room)
            np.sqrt(room, out=room)

    work()
    return work


def _chunks(work: Callable[[], object]) -> Iterator[float]:
    begun, count = time.perf_counter(), 0
    while count < CHUNKS or time.perf_counter() - begun < SECONDS:
        start = time.perf_counter()
        work()
        yield time.perf_counter() - start
        count += 1


@contextlib.contextmanager
def _bound_to(cpus: frozenset[int]) -> Iterator[None]:
    """Keep this thread on some processors, where the system can."""
    if not cpus or not hasattr(os, "sched_setaffinity"):
        yield
        return
    known = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cpus)
    try:
        yield
    finally:
        os.sched_setaffinity(0, known)


def _stolen(cpus: frozenset[int]) -> float:
    """0 where the system does not say."""
    names = {f"cpu{cpu}" for cpu in cpus} or {"cpu"}
    try:
        rows = [line.split() for line in STAT.read_text().splitlines()]
    except OSError:
        return 0.0
    ticks = sum(int(row[8]) for row in rows if row[0] in names and len(row) > 8)
    return ticks / os.sysconf("SC_CLK_TCK") / max(1, len(cpus))
