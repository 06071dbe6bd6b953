from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autores.events import Body, Calibrated, Charged, Demoted, Quarantined, Steered
from autores.lineage.chain import Link
from autores.lineage.store import LineageStore, create
from autores.plugins.stores.memory import MemoryStore
from autores.readmodel import read
from autores.records import Calibration, Cost, Direction, Metric, Recipe, Task
from autores.status import Cause, Status, Verdict
from autores.testing.stores import CREATED, decided, life, write

TASK = Task(
    name="toy",
    title="Toy",
    metric=Metric(name="loss", direction=Direction.MINIMIZE),
    recipe=Recipe(path="/nowhere"),
)


def lineage(*bodies: Body) -> LineageStore:
    store = MemoryStore()
    create(store, CREATED)
    write(store, *bodies)
    return store


def run() -> LineageStore:
    return lineage(
        *life(0, 1.0),
        Calibrated(calibration=Calibration(task="toy", profile="", score=1.5)),
        *life(1, 1.4, Verdict.LEAD, parents=[0]),
        *life(2, Cause.EXITED, parents=[1]),
        *life(3, 1.2, Verdict.KEEP, parents=[2], specialist="arch"),
        *life(4, 2.0, Verdict.DISCARD, parents=[3], expected_delta=-0.5),
        *life(5, 1.1, Verdict.LEAD, parents=[3], cites=(2, 4), expected_delta=-0.2),
        Charged(session="s", specialist="arch", cost=Cost(input_tokens=7)),
        Steered(action="hint", text="try harder"),
    )


def test_a_story_holds_what_the_store_holds() -> None:
    story = read(run(), TASK)
    assert list(story.trials) == [0, 1, 2, 3, 4, 5]
    assert (story.submitted, story.baseline) == (5, 1.5)
    assert story.gain(3) == pytest.approx(0.3)
    assert story.gain(0) == 0.0
    assert story.gain(2) is None
    assert [t.id for t in story.path()] == [0, 1, 2, 3, 5]
    assert [t.id for t in story.keeps] == [3]
    assert story.children == {0: (1,), 1: (2,), 2: (3,), 3: (4, 5)}
    assert story.statuses[Status.LEAD] == 2
    assert story.causes == {Cause.EXITED: 1}
    assert [event.kind for event in story.notes] == ["calibrated", "steered"]
    assert story.chain.events == story.head.seq
    assert story.chain.flaws == ()


def test_a_story_tells_how_the_best_came_to_be() -> None:
    story = read(run(), TASK)
    assert [(c.trial, c.after) for c in story.leads] == [(0, 0), (1, 1), (3, 3), (5, 5)]
    assert [(c.trial, c.after) for c in story.bests] == [(0, 0), (3, 3)]


def test_a_story_groups_trials() -> None:
    story = read(run(), TASK)
    arch, optim = story.specialists
    assert (arch.name, arch.trials, arch.count(Status.KEEP), arch.cost.tokens) == ("arch", 1, 1, 7)
    assert (optim.trials, optim.failed, optim.cost.seconds) == (4, 1, 4.0)
    assert optim.best == pytest.approx(0.1)
    (repair,) = story.repairs
    assert (repair.failed, repair.by, repair.cited) == (2, 3, False)
    assert story.foresight.promised == 2
    assert (story.foresight.kept_promises, story.foresight.right_signs) == (1, 1)
    assert story.foresight.slope is not None


def test_an_infeasible_baseline_is_never_best() -> None:
    calibration = Calibration(task="toy", profile="", score=1.5, feasible=False)
    store = lineage(*life(0, 1.0), Calibrated(calibration=calibration))
    story = read(store, TASK)
    assert story.bests == ()
    assert [c.trial for c in story.leads] == [0]


class Cut(MemoryStore):
    """A store from which somebody took an event."""

    def links(self, seq: int, *, limit: int = 1000) -> tuple[Link, ...]:
        return tuple(link for link in super().links(seq, limit=limit) if link.seq != 3)


def test_a_broken_chain_is_noticed() -> None:
    store = Cut()
    create(store, CREATED)
    write(store, *life(0, 1.0), *life(1, 0.9))
    assert any("missing" in flaw for flaw in read(store, TASK).chain.flaws)


def test_an_empty_lineage_is_a_story_too(tmp_path: Path) -> None:
    story = read(MemoryStore(), TASK)
    assert (story.submitted, story.baseline, story.path(), story.bests) == (0, None, (), ())


@given(st.lists(st.tuples(st.sampled_from("lkdxq"), st.integers(0, 30)), max_size=14))
@settings(max_examples=40, deadline=None)
def test_the_last_change_names_whom_the_head_names(steps: list[tuple[str, int]]) -> None:
    store = lineage(*life(0, 1.0))
    for step, pick in steps:
        trial = store.head().next_trial
        existing = pick % trial
        match step:
            case "x" if existing:
                write(store, Demoted(trial=existing, cause=Cause.GATE, reason="below its gate"))
            case "q" if existing:
                write(store, Quarantined(trial=existing, reason="ours"))
            case "d" if existing:
                write(store, decided(existing, Verdict.DISCARD))
            case "l" | "k":
                verdict = Verdict.LEAD if step == "l" else Verdict.KEEP
                write(store, *life(trial, 0.5, verdict, parents=[existing]))
    story = read(store, TASK)
    assert story.bests[-1].trial == story.head.best
    assert story.leads[-1].trial == story.head.lead
