from __future__ import annotations

import pytest

from autores.events import Accepted, Body, Calibrated, Gated
from autores.lineage.store import create
from autores.lineage.view import LineageView
from autores.plugins.stores.memory import MemoryStore
from autores.readmodel import Moment
from autores.records import Calibration, Direction, Metric, Recipe, Task
from autores.status import Cause, Status, Verdict
from autores.testing.stores import CREATED, decided, evaluated, life, started, submission

TASK = Task(
    name="toy",
    title="Toy",
    metric=Metric(name="loss", direction=Direction.MINIMIZE),
    recipe=Recipe(path="/nowhere"),
)


class Running:
    """A lineage, and a moment that hears of all that happens to it."""

    def __init__(self, *before: Body) -> None:
        self.store = MemoryStore()
        create(self.store, CREATED)
        self.store.append(lambda head: before)
        view = LineageView(self.store, TASK, specialists=("optim", "arch"), active=("arch",))
        self.moment = Moment(view=view)

    def append(self, *bodies: Body) -> None:
        for event in self.store.append(lambda head: bodies):
            self.moment.take(event)


SEED = life(0, 1.0, specialist="seed")


def test_it_knows_what_each_specialist_does() -> None:
    run = Running(*SEED)
    run.append(Accepted(trial=1, submission=submission(1)))
    optim, arch = run.moment.now(recent=3).doing
    assert (optim.trial, optim.what) == (1, "gates")
    assert (arch.trial, arch.what) == (None, "proposing")
    run.append(Gated(trial=1), started(1))
    now = run.moment.now(recent=3)
    assert (now.doing[0].what, now.measuring, now.queued) == ("first look", 1, 0)
    run.append(evaluated(1, 0.8), decided(1, Verdict.LEAD))
    now = run.moment.now(recent=3)
    assert (now.doing[0].trial, now.measuring, now.doing[0].finished) == (None, 0, 1)
    assert now.doing[0].last is not None
    assert now.doing[0].last.status is Status.LEAD


def test_it_knows_how_the_best_came_to_be() -> None:
    run = Running(*SEED)
    run.append(*life(1, 0.9, Verdict.LEAD), *life(2, 5.0), *life(3, 0.7, Verdict.KEEP))
    now = run.moment.now(recent=2)
    assert now.curve == pytest.approx((0.0, 0.1, 0.3))
    assert now.best is not None
    assert now.best.id == 3
    assert now.gain(now.best) == pytest.approx(0.3)
    assert [t.id for t in now.recent] == [3, 2]
    assert now.statuses[Status.DISCARD] == 1


def test_the_calibrated_score_is_the_baseline() -> None:
    run = Running(*SEED)
    run.append(Calibrated(calibration=Calibration(task="toy", profile="", score=1.25)))
    assert run.moment.now(recent=1).baseline == 1.25


def test_a_crash_ends_what_is_done() -> None:
    run = Running(*SEED)
    run.append(*life(1, Cause.EXITED))
    assert run.moment.now(recent=1).doing[0].trial is None


def test_a_moment_that_begins_late_knows_what_was_before() -> None:
    run = Running(
        *SEED,
        *life(1, 0.9, Verdict.LEAD),
        Accepted(trial=2, submission=submission(2)),
    )
    now = run.moment.now(recent=1)
    assert now.curve == pytest.approx((0.0, 0.1))
    assert (now.doing[0].trial, now.doing[0].what) == (2, "gates")


def test_an_event_that_comes_twice_changes_nothing() -> None:
    run = Running(*SEED)
    run.append(*life(1, 0.9, Verdict.LEAD))
    before = run.moment.now(recent=1)
    for event in run.store.since(0):
        run.moment.take(event)
    assert run.moment.now(recent=1) == before


def test_a_run_without_a_baseline_can_be_shown() -> None:
    now = Running().moment.now(recent=5)
    assert (now.baseline, now.best, now.recent, now.submitted) == (None, None, (), 0)
