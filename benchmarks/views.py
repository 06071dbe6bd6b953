"""What do the views cost: reports of 1,000 and 20,000 trials, the live screen's share of a core?"""

from __future__ import annotations

import io
import random
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.report import Report, Row, median_seconds
from rich.console import Console

from autores.events import Accepted, Body, Calibrated, Created, Decided, Evaluated, Event, Gated
from autores.executor import Capacity
from autores.export import write_csv
from autores.lineage.view import LineageView
from autores.manifest import Manifest
from autores.plugins.reporters.live.watcher import Settings, Watcher
from autores.plugins.stores.sqlite import SqliteStore
from autores.readmodel import read
from autores.records import (
    Budget,
    Calibration,
    Cost,
    Decision,
    Direction,
    EditSize,
    Interval,
    Lease,
    Measurement,
    Metric,
    Outcome,
    Radius,
    Recipe,
    Submission,
    Task,
    Trial,
)
from autores.report import Sources, render_html
from autores.scene import Scene
from autores.status import Cause, Verdict
from autores.testing.stores import started

FEW, MANY = 1_000, 20_000
BATCH = 500
WATCHED = 20.0
"""Seconds for which the screen is watched."""
SPECIALISTS = ("arch", "optim", "data", "kernels", "loss", "reg", "quant", "schedule")
WORDS = [
    "wider",
    "longer",
    "warmup",
    "momentum",
    "dropout",
    "kernel",
    "cosine",
    "norm",
    "steps",
    "fewer",
    "layers",
    "batch",
]
TASK = Task(
    name="sample",
    title="A sample of a long run",
    metric=Metric(name="loss", direction=Direction.MINIMIZE, unit="bits"),
    recipe=Recipe(path="/nowhere"),
)
LOG = "step 17 loss 3.41\n" * 60
DIFF = (
    "--- a/train.py\n+++ b/train.py\n@@ -1,4 +1,4 @@\n-rate = 0.1\n+rate = 0.2\n" + " x = 1\n" * 20
)


class Life:
    """Trials as real runs have them: few leads, fewer keeps, failures of every kind."""

    def __init__(self, seed: int) -> None:
        self._draw = random.Random(seed)
        self._lead = 0
        self._level = self._best = 1.5

    def trial(self, number: int) -> list[Body]:
        """All that happens to one trial."""
        accepted = Accepted(trial=number, submission=self._submission(number))
        begun: list[Body] = [accepted, Gated(trial=number), started(number)]
        draw = self._draw.random()
        if number and draw < 0.2:
            cause = self._draw.choice((Cause.EXITED, Cause.TRAIN_TIME, Cause.GATE, Cause.MEMORY))
            return [*begun, self._evaluated(number, None, cause)]
        score = self._level + abs(self._draw.gauss(0.0, 0.05))
        leads = bool(number) and draw > 0.985
        if leads:
            score = self._level * 0.999
        begun.append(self._evaluated(number, score, Cause.VALID))
        if number:
            begun.append(Decided(trial=number, decision=self._decision(number, score, leads=leads)))
        return begun

    def _decision(self, number: int, score: float, *, leads: bool) -> Decision:
        if not leads:
            return Decision(verdict=Verdict.DISCARD, policy="milestone", reason="not better")
        keeps = self._draw.random() < 0.2
        gain = self._best - score
        against, self._lead, self._level = self._lead, number, score
        if keeps:
            self._best = score
        return Decision(
            verdict=Verdict.KEEP if keeps else Verdict.LEAD,
            policy="milestone",
            against=against,
            estimate=gain,
            interval=Interval(low=gain / 2, high=gain * 1.5),
        )

    def _submission(self, number: int) -> Submission:
        words = " ".join(self._draw.choices(WORDS, k=18))
        surface = self._draw.choice(("optimizer", "architecture", "data", "schedule"))
        return Submission(
            commit=f"{number:040x}",
            parents=(self._lead,) if number else (),
            hypothesis=f"{words.capitalize()}, since trial {self._lead} had room for it.",
            specialist=self._draw.choice(SPECIALISTS) if number else "seed",
            session=f"s{number}",
            call="0",
            expected_delta=-abs(self._draw.gauss(0.0, 0.01)) if number else None,
            edit=EditSize(radius=Radius.LOCAL, surfaces=(surface,), added=4, removed=2),
        )

    def _evaluated(self, number: int, score: float | None, cause: Cause) -> Evaluated:
        measured = Measurement(phase="train", seed=7, wall=4.0, log=LOG if score is None else "")
        outcome = Outcome(
            cause=cause,
            score=score,
            metrics={"steps": 900.0},
            measurements=(measured,),
            detail="" if score is not None else "600.4 s of 600.0 s were used",
        )
        return Evaluated(trial=number, ordinal=0, outcome=outcome, cost=Cost(seconds=4.0))


def grow(path: Path, trials: int) -> SqliteStore:
    """A store with so many trials."""
    store, life = SqliteStore(path), Life(1)
    store.append(lambda head: [Created(direction=Direction.MINIMIZE, task="sample")])
    known = Calibration(task="sample", profile="", score=1.5, spread=0.004)
    store.append(lambda head: [*life.trial(0), Calibrated(calibration=known)])
    for first in range(1, trials, BATCH):
        bodies = [b for n in range(first, min(first + BATCH, trials)) for b in life.trial(n)]
        store.append(lambda head, bodies=bodies: bodies)  # type: ignore[misc]
    return store


def sources(store: SqliteStore) -> Sources:
    """What a report of it is made from."""
    return Sources(
        name="sample",
        story=read(store, TASK),
        manifest=Manifest(**{name: {} for name in Manifest.__dataclass_fields__}),
        looks=store.looks,
        diff=_diff,
    )


def _diff(old: Trial, new: Trial) -> str:
    return DIFF


def run() -> Report:
    """Measure."""
    with tempfile.TemporaryDirectory() as folder:
        return _measured(Path(folder))


def _measured(folder: Path) -> Report:
    few, many = grow(folder / "few.db", FEW), grow(folder / "many.db", MANY)
    rows = [*_reports(few, FEW, 1.0, 2.0, 5), *_reports(many, MANY, 10.0, 15.0, 1), *_screen(few)]
    for store in (few, many):
        store.close()
    return Report(title="Views of a run", rows=rows)


def _reports(
    store: SqliteStore, trials: int, seconds: float, size: float, times: int
) -> Iterator[Row]:
    of = f"{trials:,} trials"
    yield Row(
        name=f"read model of {of}",
        value=median_seconds(lambda: read(store, TASK), times),
        unit="s",
        samples=times,
    )
    yield Row(
        name=f"report of {of}, all in all",
        value=median_seconds(lambda: render_html(sources(store)), times),
        unit="s",
        limit=seconds,
        samples=times,
    )
    page = render_html(sources(store))
    yield Row(name="its size", value=len(page.encode()) / 2**20, unit="MiB", limit=size)
    story = read(store, TASK)
    csv = median_seconds(lambda: write_csv(story, io.StringIO()), times)
    yield Row(name="CSV of these", value=csv, unit="s", samples=times)


# ------------------------------------------------------------------------------- screen


def _screen(store: SqliteStore) -> Iterator[Row]:
    """A run at 1,000 trials that finishes ten more each second, watched for a while."""
    console = Console(file=io.StringIO(), width=160, height=50, force_terminal=True)
    life = Life(2)
    watcher = Watcher(_scene(store), console, Settings())
    threads = {"before": time.process_time()}
    spent_writing = 0.0
    began, number = time.perf_counter(), store.head().next_trial
    with watcher:
        while time.perf_counter() - began < WATCHED:
            start = time.thread_time()
            events = _more(store, life, number)
            spent_writing += time.thread_time() - start
            for event in events:
                watcher.autores_event(event=event)
            number += 1
            threading.Event().wait(0.1)
    passed = time.perf_counter() - began
    share = (time.process_time() - threads["before"] - spent_writing) / passed
    yield Row(
        name="live screen, share of a core at 1,000 trials",
        value=100 * share,
        unit="%",
        limit=2.0,
    )


def _more(store: SqliteStore, life: Life, number: int) -> tuple[Event, ...]:
    return store.append(lambda head: life.trial(number))


def _scene(store: SqliteStore) -> Scene:
    return Scene(
        folder=Path(),
        task=TASK,
        budget=Budget(trials=5000),
        capacity=Capacity(jobs=8, cpus=8, sandbox="full"),
        lease=Lease.SHARED,
        milestone=20,
        began=time.time(),
        view=lambda: LineageView(store, TASK, specialists=SPECIALISTS),
        stopping=lambda: "",
    )
