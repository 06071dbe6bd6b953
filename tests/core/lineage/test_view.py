from __future__ import annotations

import pytest

from autores.events import Accepted, Body, Calibrated, Gated, Quarantined
from autores.lineage.store import LineageStore, NoSuchTrial, Order, Query, create
from autores.lineage.view import LineageView
from autores.plugins.stores.memory import MemoryStore
from autores.records import Calibration, Metric, Phase, Recipe, Task
from autores.status import Cause, Status, Verdict
from autores.testing.stores import CREATED, life, started, submission, write

TASK = Task(
    name="toy",
    title="Toy",
    metric=Metric(name="loss", direction=CREATED.direction),
    recipe=Recipe(path="/nowhere"),
)


@pytest.fixture
def store() -> LineageStore:
    """Two sessions beside each other, s1 and s2; both began at trial 1."""
    store = MemoryStore()
    create(store, CREATED)
    calibration = Calibration(task="toy", profile="", score=1.0, spread=0.1)
    bodies: list[Body] = [
        *life(0, 1.0, session=""),
        Calibrated(calibration=calibration),
        *life(1, 0.9, Verdict.KEEP, session="s0", specialist="arch", hypothesis="Secret wide"),
        *life(2, 0.7, Verdict.LEAD, session="s1", parents=(1,)),
        *life(3, 0.8, session="s2", parents=(1,), hypothesis="Secret deep"),
        *life(4, Cause.HARNESS, session="s2", parents=(1,)),
        *life(5, 0.85, session="s2", parents=(3, 2), cites=(2, 3)),
        *life(6, 0.6, session="s1", parents=(2,)),
        Quarantined(trial=6, reason="leak"),
        Accepted(trial=7, submission=submission(7, (5,), session="s2")),
        Gated(trial=7),
        started(7),
    ]
    write(store, *bodies)
    return store


def ids(trials: tuple[object, ...]) -> list[int]:
    return [trial.id for trial in trials]  # type: ignore[attr-defined]


def test_the_loop_sees_all(store: LineageStore) -> None:
    view = LineageView(store, TASK, specialists=("arch",), active=("arch",), ending=True)
    assert (view.head, view.lead, view.best) == (2, 2, 1)
    assert view.trial(6).quarantined == "leak"
    assert view.trial(4).status is Status.HARNESS_ABORT
    assert view.calibration is not None
    assert (view.ending, view.specialists, view.active) == (True, ("arch",), ("arch",))
    assert view.looks(3)[0].evaluation.seeds == (0,)
    assert view.error_spent == 0.0
    assert view.tally()["optim", Status.HARNESS_ABORT] == 1
    assert view.number(6) == view.stored(6) == 6


def test_lists_of_the_whole_lineage(store: LineageStore) -> None:
    view = LineageView(store, TASK)
    assert ids(view.leaderboard(9)) == [2, 1, 0]
    assert ids(view.recent(2)) == ids(view.query(Query(order=Order.LATEST, limit=2)))
    assert ids(view.children(1)) == [4, 3, 2]
    assert ids(view.children(1, 1)) == [4]
    assert ids(view.path(7)) == [0, 1, 3, 5, 7]
    assert ids(view.path(7, 2)) == [5, 7]
    assert ids(view.pending()) == [7]
    assert ids(view.by_specialist("arch", 5)) == [1]
    assert sorted(ids(view.by_status(Status.DISCARD, 5))) == [3, 5, 6]
    assert ids(view.search("secret", 5)) == [3, 1]


def test_a_view_follows_the_lineage(store: LineageStore) -> None:
    view = LineageView(store, TASK)
    write(store, *life(8, 0.1, Verdict.KEEP))
    assert (view.head, view.best) == (8, 8)


def test_before_the_first_trial_the_head_is_the_baseline() -> None:
    store = MemoryStore()
    create(store, CREATED)
    view = LineageView(store, TASK)
    assert (view.head, view.lead, view.best, view.calibration) == (0, None, None, None)


def test_sessions_never_see_what_is_no_evidence(store: LineageStore) -> None:
    view = LineageView(store, TASK, active=("arch",)).for_session("s1")
    assert view.active == ("arch",)
    for hidden in (4, 6):
        for ask in (view.trial, view.looks, view.path):
            with pytest.raises(NoSuchTrial):
                ask(hidden)
    assert ids(view.query(Query())) == [0, 1, 2, 3, 5, 7]
    assert ids(view.children(2)) == []
    assert ("optim", Status.HARNESS_ABORT) not in view.tally()
    assert sum(view.tally().values()) == 6


def test_who_submitted_is_told_also_what_is_no_evidence(store: LineageStore) -> None:
    view = LineageView(store, TASK).for_session("s2")
    assert view.shown(4).status is Status.HARNESS_ABORT


def test_sessions_do_not_see_seeds_and_hosts(store: LineageStore) -> None:
    view = LineageView(store, TASK).for_session("s1")
    (look,) = view.looks(3)
    assert (look.evaluation.seeds, look.evaluation.trial) == ((), 3)
    assert look.outcome is not None
    assert look.outcome.score == 0.8


@pytest.fixture
def alone(store: LineageStore) -> LineageView:
    view = LineageView(store, TASK, lineage_on=False, active=("arch",))
    return view.for_session("s2", parent=1)


def test_without_lineage_a_session_sees_the_start_and_its_own(alone: LineageView) -> None:
    assert ids(alone.query(Query())) == [0, 1, 3, 4]
    assert ids(alone.pending()) == [4]
    assert ids(alone.children(0)) == [1]
    assert ids(alone.path(4)) == [0, 1, 3, 4]
    assert ids(alone.path(4, 2)) == [3, 4]
    assert ids(alone.leaderboard(9)) == [0]
    assert sorted(ids(alone.recent(9))) == [0, 1, 3]
    assert ids(alone.search("secret", 9)) == [1]
    assert (alone.head, alone.best, alone.active) == (0, 0, ())
    assert sum(alone.tally().values()) == 4


def test_without_lineage_the_start_is_tree_and_score(alone: LineageView) -> None:
    start = alone.trial(0)
    assert (start.score, start.phase, start.parent) == (0.9, Phase.FINISHED, None)
    assert start.submission.commit == f"{1:040x}"
    assert start.submission.hypothesis == start.submission.specialist == start.arm == ""
    assert alone.looks(0) == ()


def test_without_lineage_numbers_and_gains_are_the_sessions_own(alone: LineageView) -> None:
    third = alone.trial(3)
    assert third.submission.parents == (1, 0)
    assert third.submission.cites == (1,)
    assert third.depth == 2
    assert third.delta == pytest.approx(0.05)
    assert third.decision is not None
    assert (third.decision.verdict, third.decision.against) == (Verdict.DISCARD, None)
    (look,) = alone.looks(3)
    assert look.evaluation.trial == 3


def test_without_lineage_numbers_translate_both_ways(alone: LineageView) -> None:
    assert [alone.stored(n) for n in range(5)] == [1, 3, 4, 5, 7]
    assert [alone.number(n) for n in (1, 3, 4, 5, 7)] == [0, 1, 2, 3, 4]
    assert alone.shown(4).id == 2
    for ask in (alone.number, alone.shown):
        with pytest.raises(NoSuchTrial):
            ask(2)
    for ask in (alone.stored, alone.trial):
        with pytest.raises(NoSuchTrial):
            ask(5)
    with pytest.raises(NoSuchTrial):
        alone.trial(2)


def test_without_lineage_nothing_tells_of_other_sessions(
    alone: LineageView, store: LineageStore
) -> None:
    before = repr([alone.query(Query()), alone.tally(), alone.calibration, alone.error_spent])
    write(store, *life(8, 0.01, Verdict.KEEP, session="s1", parents=(2,)))
    after = repr([alone.query(Query()), alone.tally(), alone.calibration, alone.error_spent])
    assert after == before
    assert "wide" not in after
    assert "1.0" not in repr(alone.calibration)


def test_without_lineage_an_own_lead_becomes_the_head(
    alone: LineageView, store: LineageStore
) -> None:
    write(store, *life(8, 0.01, Verdict.LEAD, session="s2", parents=(1,)))
    assert (alone.head, alone.best) == (5, 0)


def test_without_lineage_a_session_starts_from_the_head(store: LineageStore) -> None:
    view = LineageView(store, TASK, lineage_on=False).for_session("s9")
    assert ids(view.query(Query())) == [0]
    assert view.trial(0).score == 0.7
