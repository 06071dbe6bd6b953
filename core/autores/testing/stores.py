"""What every lineage store must do, as tests that any store runs.

A store's own test derives from `StoreConformance` and overrides one fixture::

    class TestMine(StoreConformance):
        @pytest.fixture
        def reopen(self, tmp_path):
            return lambda: MyStore(tmp_path / "lineage")
"""

# The name of a test says what it checks.
# ruff: noqa: D102

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from autores.events import (
    Accepted,
    Body,
    Created,
    Decided,
    Demoted,
    Evaluated,
    Gated,
    Head,
    Marked,
    Quarantined,
    Started,
)
from autores.lineage.audit import audit
from autores.lineage.select import arrange, matches
from autores.lineage.store import (
    DuplicateSubmission,
    LineageStore,
    Misfit,
    NoSuchTrial,
    Order,
    OtherLineage,
    Query,
    create,
)
from autores.records import (
    Cost,
    Decision,
    Direction,
    Evaluation,
    Outcome,
    Phase,
    Purpose,
    Submission,
)
from autores.status import Cause, Status, Verdict

CREATED = Created(direction=Direction.MINIMIZE, task="toy", profile="default")
Reopen = Callable[[], LineageStore]


# ------------------------------------------------------------------------------- writing


def submission(number: int, parents: Sequence[int] = (0,), **fields: Any) -> Submission:
    """What somebody might submit as trial `number`."""
    return Submission(
        **{
            "commit": f"{number:040x}",
            "parents": tuple(parents) if number else (),
            "hypothesis": f"Try number {number}",
            "specialist": "optim",
            "session": "s1",
            "call": str(number),
            "tree": f"tree {number % 5}",
        }
        | fields
    )


def started(trial: int, ordinal: int = 0, *, attempt: int = 1, pair: str = "") -> Started:
    """An evaluation of a trial begins."""
    return Started(
        evaluation=Evaluation(
            trial=trial,
            ordinal=ordinal,
            purpose=Purpose.CONFIRM if ordinal else Purpose.FIRST,
            commit=f"{trial:040x}",
            seeds=(ordinal,),
            attempt=attempt,
            pair=pair,
        )
    )


def evaluated(trial: int, score: float | Cause, ordinal: int = 0, *, attempt: int = 1) -> Evaluated:
    """An evaluation ends with a score, or with what stopped it."""
    outcome = (
        Outcome(cause=score)
        if isinstance(score, Cause)
        else Outcome(cause=Cause.VALID, score=score, counts={"right": 9, "asked": 10})
    )
    cost = Cost(seconds=1.0)
    return Evaluated(trial=trial, ordinal=ordinal, outcome=outcome, attempt=attempt, cost=cost)


def decided(trial: int, verdict: Verdict) -> Decided:
    """A policy decides."""
    return Decided(trial=trial, decision=Decision(verdict=verdict, policy="strict"))


def write(store: LineageStore, *bodies: Body) -> None:
    """Append some bodies as they are."""
    store.append(lambda head: bodies)


def life(
    trial: int,
    score: float | Cause = 1.0,
    verdict: Verdict | None = Verdict.DISCARD,
    **fields: Any,
) -> list[Body]:
    """A whole trial, by default a child of trial 0: accepted, gated, measured and decided."""
    bodies: list[Body] = [
        Accepted(trial=trial, submission=submission(trial, **fields), arm="specialists"),
        Gated(trial=trial),
        started(trial),
        evaluated(trial, score),
    ]
    if trial and verdict is not None and not isinstance(score, Cause):
        bodies.append(decided(trial, verdict))
    return bodies


# --------------------------------------------------------------------------------- suite


class StoreConformance:
    """The promises of `autores.lineage.store.LineageStore`, as tests."""

    @pytest.fixture
    def reopen(self) -> Reopen:
        """Override: a function that opens the same lineage, empty at first, once more."""
        raise NotImplementedError

    @pytest.fixture
    def store(self, reopen: Reopen) -> LineageStore:
        """A lineage that has begun."""
        store = reopen()
        create(store, CREATED)
        return store

    @pytest.fixture
    def filled(self, store: LineageStore) -> LineageStore:
        """One of each: a baseline, a keep, leads, failures, quarantined and unfinished trials."""
        write(store, *life(0, 1.0))
        write(store, *life(1, 0.9, Verdict.KEEP, specialist="arch", hypothesis="Wider layers"))
        write(store, *life(2, 0.95, hypothesis="Wide windows, long warm-up"))
        write(store, *life(3, Cause.TRAIN_TIME, session="s2"))
        write(store, *life(4, Cause.HARNESS))
        write(store, *life(5, 0.8, Verdict.LEAD, specialist="arch"))
        write(store, *life(6, 0.7, Verdict.KEEP), Quarantined(trial=6, reason="leak"))
        write(store, Accepted(trial=7, submission=submission(7, (6, 5))), Gated(trial=7))
        write(store, Accepted(trial=8, submission=submission(8, (5,))), Gated(trial=8), started(8))
        write(store, *life(9, 0.85, None, specialist="arch"))
        write(store, *life(10, 0.9, Verdict.KEEP), Demoted(trial=10, cause=Cause.GATE, reason="x"))
        return store

    # ---------------------------------------------------------------------------- writing

    def test_a_new_store_is_empty(self, reopen: Reopen) -> None:
        store = reopen()
        head = store.head()
        assert (head.seq, head.created, head.next_trial, head.best) == (0, None, 0, None)
        assert store.query(Query()) == ()
        assert store.since(0) == ()
        assert store.tally() == {}

    def test_a_lineage_begins_once(self, store: LineageStore) -> None:
        assert create(store, CREATED) == store.head()
        with pytest.raises(OtherLineage):
            create(store, Created(direction=Direction.MINIMIZE, task="other"))
        with pytest.raises(Misfit):
            write(store, CREATED)
        assert store.head().seq == 1

    def test_events_read_back_as_they_were_appended(self, store: LineageStore) -> None:
        written = store.append(lambda head: life(0))
        assert [event.seq for event in written] == [2, 3, 4, 5]
        assert store.since(1) == written
        assert store.since(2, limit=2) == written[1:3]
        assert store.since(5) == ()
        assert [link.open() for link in store.links(1)] == list(written)
        assert store.head().hash == written[-1].hash

    def test_text_is_cleaned_before_it_is_hashed(self, store: LineageStore) -> None:
        given = submission(0, hypothesis="two\nlines\x1b[2J\tand a tab")
        (event,) = store.append(lambda head: [Accepted(trial=0, submission=given)])
        assert store.since(1) == (event,)
        hypothesis = store.get(0).submission.hypothesis
        assert hypothesis.isprintable()
        assert [t.id for t in store.query(Query(text="lines tab"))] == [0]
        assert audit(store) == ()

    def test_nothing_to_append_writes_nothing(self, store: LineageStore) -> None:
        before = store.head()
        assert store.append(lambda head: (), secrets={"k": b"v"}) == ()
        assert store.head() == before
        assert store.secret("k") is None

    def test_what_build_raises_is_raised_and_nothing_written(self, store: LineageStore) -> None:
        def build(head: Head) -> Sequence[Body]:
            raise KeyError("mine")

        with pytest.raises(KeyError, match="mine"):
            store.append(build)
        assert store.head().seq == 1
        write(store, *life(0))
        assert store.head().seq == 5

    def test_build_sees_the_head_and_may_read(self, filled: LineageStore) -> None:
        seen: list[Head] = []

        def build(head: Head) -> Sequence[Body]:
            seen.extend((head, filled.head()))
            return [Marked(name="parent", text=filled.get(1).submission.hypothesis)]

        before = filled.head()
        filled.append(build)
        assert seen == [before, before]

    def test_each_sees_what_those_before_it_left(self, store: LineageStore) -> None:
        def second(head: Head) -> Sequence[Body]:
            hypothesis = store.get(0).submission.hypothesis
            assert (store.head(), store.query(Query())) == (head, (store.get(0),))
            return [Marked(name="seen", text=hypothesis)]

        written = store.append_each([lambda head: life(0), second])
        events = [event for found in written if isinstance(found, tuple) for event in found]
        assert store.since(1) == tuple(events)
        assert len(events) == 5
        assert audit(store) == ()

    def test_what_one_of_them_raises_costs_the_others_nothing(self, store: LineageStore) -> None:
        def broken(head: Head) -> Sequence[Body]:
            raise KeyError("mine")

        found = store.append_each(
            [
                lambda head: life(0),
                broken,
                lambda head: [*life(1), Gated(trial=99)],
                lambda head: [Accepted(trial=1, submission=submission(0))],
                lambda head: (),
                lambda head: life(1),
            ]
        )
        assert [type(one) for one in found] == [
            *(tuple, KeyError, NoSuchTrial, DuplicateSubmission, tuple, tuple)
        ]
        assert [trial.id for trial in store.query(Query())] == [0, 1]
        assert store.head().next_trial == 2
        assert sum(store.tally().values()) == 2
        assert audit(store) == ()

    def test_all_of_an_append_or_nothing(self, store: LineageStore) -> None:
        before = store.head()
        with pytest.raises(NoSuchTrial):
            store.append(lambda head: [*life(0), Gated(trial=99)], secrets={"k": b"v"})
        assert store.head() == before
        assert store.secret("k") is None
        assert store.query(Query()) == store.query(Query(text="try")) == ()
        assert store.tally() == {}
        assert store.since(1) == ()
        with pytest.raises(NoSuchTrial):
            store.get(0)
        write(store, *life(0))
        assert audit(store) == ()

    def test_a_retried_call_is_answered_with_its_trial(self, filled: LineageStore) -> None:
        again = Accepted(trial=11, submission=submission(11, call="5"))
        with pytest.raises(DuplicateSubmission) as caught:
            write(filled, again)
        assert caught.value.trial == 5
        assert filled.head().next_trial == 11

    @pytest.mark.parametrize(
        "body",
        [
            Accepted(trial=12, submission=submission(12)),
            Gated(trial=1),
            started(8),
            started(8, 2),
            evaluated(1, 1.0),
            evaluated(8, 1.0, attempt=2),
            decided(7, Verdict.KEEP),
        ],
    )
    def test_what_does_not_fit_is_refused(self, filled: LineageStore, body: Body) -> None:
        before = filled.head()
        with pytest.raises(Misfit):
            write(filled, body)
        assert filled.head() == before

    def test_unknown_trials_are_refused(self, filled: LineageStore) -> None:
        for call in (filled.get, filled.looks, filled.path):
            with pytest.raises(NoSuchTrial):
                call(11)
        with pytest.raises(NoSuchTrial):
            write(filled, Marked(name="star", text="?", trial=11))

    def test_secrets_stand_beside_the_events(self, store: LineageStore) -> None:
        store.append(lambda head: life(0), secrets={"0.0": b"\x00\xffkey"})
        assert store.secret("0.0") == b"\x00\xffkey"
        assert store.secret("0.1") is None
        assert not any("key" in link.body for link in store.links(0))
        with pytest.raises(Misfit):
            store.append(lambda head: life(1), secrets={"0.0": b"other"})
        assert store.secret("0.0") == b"\x00\xffkey"
        assert store.head().next_trial == 1

    # ----------------------------------------------------------------------------- trials

    def test_the_life_of_a_trial(self, store: LineageStore) -> None:
        write(store, *life(0))
        phases = []
        for body in life(1, 0.5, Verdict.KEEP):
            write(store, body)
            phases.append(store.get(1).phase)
        assert phases == [
            Phase.QUEUED,
            Phase.QUEUED,
            Phase.RUNNING,
            Phase.MEASURED,
            Phase.FINISHED,
        ]
        trial = store.get(1)
        assert (trial.status, trial.score, trial.delta) == (Status.KEEP, 0.5, 0.5)
        assert (store.head().best, store.head().lead, store.head().finished) == (1, 1, 2)

    def test_what_was_returned_stays_as_it_is(self, store: LineageStore) -> None:
        write(store, *life(0)[:2])
        trial, head, looks = store.get(0), store.head(), store.looks(0)
        write(store, *life(0)[2:])
        assert (trial.phase, head.seq, looks) == (Phase.QUEUED, 3, ())

    def test_a_second_attempt_takes_the_place_of_the_first(self, filled: LineageStore) -> None:
        write(filled, started(8, attempt=2))
        (look,) = filled.looks(8)
        assert (look.evaluation.attempt, look.outcome) == (2, None)
        with pytest.raises(Misfit):
            write(filled, evaluated(8, 0.1))
        write(filled, evaluated(8, 0.6, attempt=2))
        (look,) = filled.looks(8)
        assert look.outcome is not None
        assert (look.outcome.score, filled.get(8).evaluations, filled.get(8).looks) == (0.6, 1, 1)

    def test_looks_stand_in_order_with_their_outcomes(self, filled: LineageStore) -> None:
        write(filled, started(1, 1, pair="p"), started(1, 2), evaluated(1, 0.7, 2))
        looks = filled.looks(1)
        assert [look.evaluation.ordinal for look in looks] == [0, 1, 2]
        assert [look.outcome and look.outcome.score for look in looks] == [0.9, None, 0.7]
        assert looks[1].evaluation.pair == "p"
        assert filled.looks(7) == ()

    def test_a_demoted_or_quarantined_keep_is_not_best(self, filled: LineageStore) -> None:
        assert (filled.head().best, filled.head().lead) == (1, 5)
        write(filled, Demoted(trial=5, cause=Cause.AUDIT, reason="cheats"))
        assert (filled.head().best, filled.head().lead) == (1, 1)
        write(filled, Quarantined(trial=1, reason="leak"))
        assert (filled.head().best, filled.head().lead) == (0, 0)

    def test_quarantine_reaches_all_that_descends(self, filled: LineageStore) -> None:
        assert filled.get(7).quarantined == "leak"
        write(filled, Quarantined(trial=5, reason="bug"))
        reasons = [filled.get(trial).quarantined for trial in (5, 7, 8)]
        assert reasons == ["bug", "leak", "bug"]

    # ---------------------------------------------------------------------------- queries

    @pytest.mark.parametrize("order", Order)
    @pytest.mark.parametrize(
        "query",
        [
            Query(),
            Query(limit=3),
            Query(limit=0),
            Query(visible=True),
            Query(statuses=(Status.KEEP,)),
            Query(statuses=(Status.KEEP, Status.LEAD, Status.BASELINE, Status.KEEP), limit=2),
            Query(phases=(Phase.QUEUED, Phase.RUNNING, Phase.MEASURED)),
            Query(phases=(Phase.FINISHED, Phase.RUNNING), visible=True),
            Query(specialist="arch", limit=2),
            Query(specialist="nobody"),
            Query(session="s2"),
            Query(parent=5),
            Query(tree="tree 1", limit=1),
            Query(tree="tree 9"),
            Query(parent=0, before=4, visible=True),
            Query(text="wid"),
            Query(text="WIDE warm"),
            Query(text="try number", statuses=(Status.DISCARD, Status.KEEP), limit=1),
            Query(text='"quoted" OR (bad*', visible=True),
            Query(text="--"),
        ],
    )
    def test_a_query_finds_what_it_asks_for(
        self, filled: LineageStore, query: Query, order: Order
    ) -> None:
        query = Query(**{name: getattr(query, name) for name in query.__slots__} | {"order": order})
        everything = [filled.get(trial) for trial in range(11)]
        right = arrange((t for t in everything if matches(t, query)), query, CREATED.direction)
        assert filled.query(query) == right

    def test_a_query_finds_what_is_unsettled(self, filled: LineageStore) -> None:
        assert [t.id for t in filled.query(Query(unsettled=True))] == [7, 8, 9]
        write(filled, decided(5, Verdict.MEASURE))
        assert [t.id for t in filled.query(Query(unsettled=True))] == [5, 7, 8, 9]
        write(filled, started(1, 1))
        assert [t.id for t in filled.query(Query(unsettled=True, limit=2))] == [1, 5]

    def test_a_path_leads_from_the_root(self, filled: LineageStore) -> None:
        assert [t.id for t in filled.path(8)] == [0, 5, 8]
        assert [t.id for t in filled.path(8, limit=2)] == [5, 8]
        assert [t.id for t in filled.path(7)] == [0, 6, 7]
        assert [t.id for t in filled.path(0)] == [0]

    @pytest.mark.parametrize("visible", [False, True])
    def test_a_tally_counts(self, filled: LineageStore, visible: bool) -> None:
        trials = filled.query(Query(visible=visible))
        right = Counter((t.submission.specialist, t.status) for t in trials)
        assert dict(filled.tally(visible=visible)) == dict(right)

    # ------------------------------------------------------------------------- many users

    def test_another_handle_sees_the_same(self, filled: LineageStore, reopen: Reopen) -> None:
        other = reopen()
        assert other.head() == filled.head()
        assert other.since(0) == filled.since(0)
        assert other.query(Query()) == filled.query(Query())
        assert [other.looks(t) for t in range(11)] == [filled.looks(t) for t in range(11)]
        write(other, *life(11, 0.1, Verdict.KEEP))
        assert filled.head().best == 11
        write(filled, *life(12))
        assert other.get(12).status is Status.DISCARD
        assert audit(other) == ()

    def test_threads_get_numbers_of_their_own(self, store: LineageStore, reopen: Reopen) -> None:
        write(store, *life(0))
        handles = [store, reopen()]

        def accept(call: int) -> int:
            def build(head: Head) -> Sequence[Body]:
                given = submission(head.next_trial, call=f"c{call}")
                return [Accepted(trial=head.next_trial, submission=given)]

            (event,) = handles[call % 2].append(build)
            assert isinstance(event.body, Accepted)
            return event.body.trial

        with ThreadPoolExecutor(4) as pool:
            trials = list(pool.map(accept, range(40)))
        assert sorted(trials) == list(range(1, 41))
        assert audit(store) == ()

    def test_waiting_ends_with_the_next_event(self, store: LineageStore, reopen: Reopen) -> None:
        assert store.wait(0, 60.0).seq == 1
        began = time.monotonic()
        assert store.wait(1, 0.01).seq == 1
        writer = threading.Timer(0.05, lambda: write(reopen(), *life(0)))
        writer.start()
        assert store.wait(1, 60.0).seq == 5
        writer.join()
        assert time.monotonic() - began < 30.0

    def test_a_lease_has_one_owner(self, store: LineageStore, reopen: Reopen) -> None:
        other = reopen()
        assert store.lease("supervisor", "one", 60.0)
        assert store.lease("supervisor", "one", 60.0)
        assert not other.lease("supervisor", "two", 60.0)
        assert not store.lease("supervisor", "two", 60.0)
        assert other.lease("pack", "two", 60.0)
        other.release("supervisor", "two")
        assert not other.lease("supervisor", "two", 60.0)
        store.release("supervisor", "one")
        assert other.lease("supervisor", "two", 60.0)
        assert not store.lease("supervisor", "one", 60.0)

    def test_a_lease_runs_out(self, store: LineageStore, reopen: Reopen) -> None:
        other = reopen()
        assert store.lease("supervisor", "one", 0.02)
        time.sleep(0.05)
        assert other.lease("supervisor", "two", 60.0)
        assert not store.lease("supervisor", "one", 60.0)
        assert not store.lease("supervisor", "one", 60.0)

    def test_a_cursor_remembers(self, store: LineageStore, reopen: Reopen) -> None:
        assert store.cursor("reporter") == 0
        store.set_cursor("reporter", 7)
        assert (reopen().cursor("reporter"), store.cursor("other")) == (7, 0)

    def test_all_that_it_says_follows_from_its_events(self, filled: LineageStore) -> None:
        assert audit(filled, head_hash=filled.since(3, limit=1)[0].hash) == ()

    def test_closing_twice_is_allowed(self, store: LineageStore) -> None:
        store.close()
        store.close()
