"""Does the lineage store slow down as trials come in? 1,000 beside 100,000."""

from __future__ import annotations

import gc
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path

from benchmarks.report import Report, Row

from autores.agent import SessionBrief
from autores.config import SettingsBook
from autores.context import render
from autores.events import Accepted, Body, Created, Evaluated, Gated
from autores.lineage.view import LineageView
from autores.plugins import context
from autores.plugins.stores.sqlite import SqliteStore
from autores.records import (
    Artifact,
    Cost,
    Direction,
    Measurement,
    Outcome,
    Sample,
    Specialist,
)
from autores.status import Cause, Verdict
from autores.testing.stores import decided, started, submission
from autores.testing.toy import autores_task

FEW, MANY = 1_000, 100_000
TIMED, ROUNDS = 300, 3
BATCH = 500
SPECIALISTS = tuple(f"specialist-{number}" for number in range(10))
TOPICS = (
    "wider",
    "longer",
    "warmup",
    "momentum",
    "dropout",
    "kernel",
    "schedule",
    "cosine",
    "norm",
)
WHO = Specialist(key=SPECIALISTS[0], title="One of ten", surfaces=("*",), preamble="")
SETTINGS = SettingsBook({}, {context.Settings: "context"})
TASK = autores_task("")


class Life:
    """Trials as they come: mostly worse, some that fail, few that are kept."""

    def __init__(self, seed: int) -> None:
        self._draw = random.Random(seed)
        self._lead = 0
        self._best = 1.0

    def begin(self, trial: int) -> list[Body]:
        """All but the end of a trial."""
        who = self._draw.choice(SPECIALISTS)
        words = " ".join(self._draw.choices(TOPICS, k=12))
        given = submission(
            trial, (self._lead,), specialist=who, session=f"s{trial}", hypothesis=words
        )
        return [Accepted(trial=trial, submission=given), Gated(trial=trial), started(trial)]

    def end(self, trial: int) -> list[Body]:
        """What finishes it."""
        if trial and self._draw.random() < 0.1:
            outcome = Outcome(cause=self._draw.choice((Cause.EXITED, Cause.TRAIN_TIME)))
            return [Evaluated(trial=trial, ordinal=0, outcome=outcome)]
        better = self._draw.random() < 0.01
        score = self._best - 0.0001 if better else self._best + self._draw.expovariate(10.0)
        bodies: list[Body] = [
            Evaluated(trial=trial, ordinal=0, outcome=_measured(score), cost=Cost(seconds=9.5))
        ]
        if better:
            self._lead, self._best = trial, score
        if trial:
            bodies.append(decided(trial, Verdict.KEEP if better else Verdict.DISCARD))
        return bodies


def _measured(score: float) -> Outcome:
    return Outcome(
        cause=Cause.VALID,
        score=score,
        counts={"right": 9_412, "asked": 10_000},
        samples=(Sample(seed=7, score=score, counts={"right": 9_412, "asked": 10_000}),),
        metrics={"train_seconds": 4.0, "steps": 900.0},
        measurements=tuple(
            Measurement(phase=phase, seed=7, wall=4.0, cpu=3.9, peak_memory=1 << 28, exit=0)
            for phase in ("prepare", "train", "inference")
        ),
        artifact=Artifact(sha256="0" * 64, code_bytes=9_000, weight_bytes=1_900_000),
    )


class Grown:
    """A store that has grown to some number of trials."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.store = SqliteStore(path)
        self.store.append(lambda head: [Created(direction=Direction.MINIMIZE, task="toy")])
        self._life = Life(1)

    def grow(self, trials: int) -> None:
        """Fill up to so many, many to a transaction."""
        while (first := self.store.head().next_trial) < trials:
            numbers = range(first, min(first + BATCH, trials))
            bodies = [b for n in numbers for b in (*self._life.begin(n), *self._life.end(n))]
            self.store.append(lambda head, bodies=bodies: bodies)  # type: ignore[misc]

    def finish_times(self) -> list[float]:
        """Seconds for the transaction that finishes a trial, each with its fsync."""
        return list(self._finish_times())

    def _finish_times(self) -> Iterator[float]:
        for _ in range(TIMED):
            trial = self.store.head().next_trial
            begun, ended = self._life.begin(trial), self._life.end(trial)
            for body in begun:
                self.store.append(lambda head, body=body: [body])  # type: ignore[misc]
            start = time.perf_counter()
            self.store.append(lambda head, ended=ended: ended)  # type: ignore[misc]
            yield time.perf_counter() - start

    def context_times(self) -> list[float]:
        """Seconds to render a session's context, just after a trial finished."""
        times = []
        for _ in range(TIMED // 3):
            trial = self.store.head().next_trial
            bodies = [*self._life.begin(trial), *self._life.end(trial)]
            self.store.append(lambda head, bodies=bodies: bodies)  # type: ignore[misc]
            start = time.perf_counter()
            assert _context(LineageView(self.store, TASK))
            times.append(time.perf_counter() - start)
        return times


def _context(view: LineageView) -> str:
    """What a session that starts from the head is told."""
    brief = SessionBrief(
        id="another", task=TASK, specialist=WHO, specialists=(WHO,), parent=view.head
    )
    sections = context.autores_context(view.for_session("another"), brief, SETTINGS)
    return render(sections)


def _append_bare(folder: Path) -> list[float]:
    """Seconds to append and fsync as many bytes to a file: what the disk alone takes."""
    times = []
    with (folder / "bare").open("wb") as file:
        for _ in range(TIMED):
            start = time.perf_counter()
            file.write(b"\0" * 4096)
            file.flush()
            os.fdatasync(file.fileno())
            times.append(time.perf_counter() - start)
    return times


_OPEN = """
import os, sys, time
from pathlib import Path
from autores.lineage.store import Query
from autores.plugins.stores.sqlite import SqliteStore

def resident():
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20

before, start = resident(), time.perf_counter()
store = SqliteStore(Path(sys.argv[1]))
head, left = store.head(), store.query(Query(unsettled=True))
took = time.perf_counter() - start
print(took, resident(), resident() - before)
"""


def _opened(path: Path) -> tuple[float, float, float]:
    """Seconds, MiB and added MiB of a fresh process that opens the store to resume."""
    command = [sys.executable, "-c", _OPEN, str(path)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    seconds, resident, added = map(float, done.stdout.split())
    return seconds, resident, added


def run() -> Report:
    """Grow one store, and measure it on the way."""
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        return _run(Path(folder))


def _run(folder: Path) -> Report:
    bare = _append_bare(folder)
    grown = [Grown(folder / f"{name}.db") for name in ("few", "many")]
    began = time.perf_counter()
    for store, trials in zip(grown, (FEW, MANY), strict=True):
        store.grow(trials)
    filling = (MANY + FEW) / (time.perf_counter() - began)
    gc.collect()
    finish = _interleaved(grown, Grown.finish_times)
    context = _interleaved(grown, Grown.context_times)
    opened = [statistics.median(_opened(g.path)[0] for _ in range(5)) for g in grown]
    _, resident, added = _opened(grown[1].path)
    size = grown[1].path.stat().st_size / MANY
    for store in grown:
        store.store.close()
    ms = [[1e3 * value for value in pair] for pair in (finish, context, opened)]
    few, many = f"at {FEW:,} trials", f"{MANY:,} trials"
    return Report(
        title="Lineage store (SQLite, WAL, synchronous=FULL)",
        rows=[
            Row(
                name="finish a trial durably, 1,000 trials",
                value=ms[0][0],
                unit="ms",
                baseline=1e3 * statistics.median(bare),
                compared_with="append 4 KiB to a file and fdatasync",
                limit=2.0,
                samples=TIMED * ROUNDS,
            ),
            _row(f"finish a trial durably, {many}", ms[0], few, 2.0, TIMED * ROUNDS),
            _ratio("the same, slower by", ms[0]),
            _row(f"render a session's context, {many}", ms[1], few, 5.0, TIMED // 3 * ROUNDS),
            _ratio("the same, slower by", ms[1]),
            _row(f"open and find what is unsettled, {many}", ms[2], few, 500.0, 5),
            Row(name="memory of that process", value=resident, unit="MiB", limit=150.0),
            Row(name="of it for the store", value=added, unit="MiB"),
            Row(name="size per trial", value=size, unit="B"),
            Row(name="trials filled in, 500 to a transaction", value=filling, unit="/s"),
        ],
    )


def _interleaved(grown: list[Grown], measure: Callable[[Grown], list[float]]) -> list[float]:
    """Medians of both stores, measured in turns, so that a busy machine hits both."""
    times = [[measure(store) for store in grown] for _ in range(ROUNDS)]
    return [statistics.median(chain.from_iterable(own)) for own in zip(*times, strict=True)]


def _row(name: str, pair: list[float], compared_with: str, limit: float, samples: int) -> Row:
    return Row(
        name=name,
        value=pair[1],
        unit="ms",
        baseline=pair[0],
        compared_with=compared_with,
        limit=limit,
        samples=samples,
    )


def _ratio(name: str, pair: list[float]) -> Row:
    return Row(name=name, value=pair[1] / pair[0], unit="×", limit=1.3)
