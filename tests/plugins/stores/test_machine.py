"""Both stores go through the same histories, whatever is appended, and always agree."""

from __future__ import annotations

import shutil
import tempfile
from itertools import count
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from autores.errors import AutoresError
from autores.events import Accepted, Body, Calibrated, Charged, Demoted, Gated, Marked, Quarantined
from autores.lineage.audit import audit
from autores.lineage.store import Order, Query, create
from autores.plugins.stores.memory import MemoryStore
from autores.plugins.stores.sqlite import SqliteStore
from autores.records import Calibration, Cost, Phase
from autores.status import Cause, Status, Verdict
from autores.testing.stores import CREATED, decided, evaluated, started, submission

trials = st.integers(0, 8)
scores = st.sampled_from([0.5, 1.0, 1.5, Cause.EXITED, Cause.GATE, Cause.HARNESS])
names = st.sampled_from(["arch", "optim"])
texts = st.text(st.sampled_from("ab é_x1-\x1b\t\n\"'*"), max_size=12)
bodies = st.one_of(
    st.builds(
        lambda trial, parents, who, text, call: Accepted(
            trial=trial,
            submission=submission(
                trial, parents, specialist=who, session=who, hypothesis=text, call=call, tree=call
            ),
        ),
        trials,
        st.lists(trials, max_size=3),
        names,
        texts,
        st.sampled_from("abcdefghijkl"),
    ),
    st.builds(Gated, trial=trials, cause=st.sampled_from([Cause.VALID, Cause.ILLEGAL])),
    st.builds(started, trials, st.integers(0, 2), attempt=st.integers(1, 2)),
    st.builds(evaluated, trials, scores, st.integers(0, 2), attempt=st.integers(1, 2)),
    st.builds(decided, trials, st.sampled_from(Verdict)),
    st.builds(
        Demoted, trial=trials, cause=st.sampled_from([Cause.GATE, Cause.AUDIT]), reason=texts
    ),
    st.builds(Quarantined, trial=trials, reason=texts),
    st.builds(Marked, name=names, text=texts, trial=st.none() | trials),
    st.builds(Charged, session=names, specialist=names, cost=st.builds(Cost, dollars=st.just(0.5))),
    st.builds(
        lambda feasible: Calibrated(
            calibration=Calibration(task="toy", profile="", score=1.0, feasible=feasible)
        ),
        st.booleans(),
    ),
)
queries = st.builds(
    Query,
    statuses=st.lists(st.sampled_from(Status), max_size=3).map(tuple),
    phases=st.lists(st.sampled_from(Phase), max_size=2).map(tuple),
    specialist=st.none() | names,
    session=st.none() | names,
    parent=st.none() | trials,
    tree=st.none() | st.sampled_from("abc"),
    text=st.just("") | texts,
    visible=st.booleans(),
    unsettled=st.booleans(),
    before=st.none() | trials,
    order=st.sampled_from(Order),
    limit=st.none() | st.integers(0, 4),
)


class BothStores(RuleBasedStateMachine):
    """A store on disk beside dictionaries."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.steps = count()
        self.memory = MemoryStore(clock=self.clock)
        self.disk = self.opened()

    def clock(self) -> float:
        return self.now

    def opened(self) -> SqliteStore:
        return SqliteStore(self.folder / "lineage.db", clock=self.clock)

    def append(self, *given: Body) -> None:
        """To both; what one refuses the other must refuse for the same reason."""
        self.now = float(next(self.steps)) / 2
        answers = []
        for store in (self.memory, self.disk):
            try:
                answers.append(store.append(lambda head: given))
            except AutoresError as error:
                answers.append((type(error), str(error)))
        assert answers[0] == answers[1]

    @initialize()
    def begin(self) -> None:
        self.now = 0.0
        for store in (self.memory, self.disk):
            create(store, CREATED)

    @rule(given=st.lists(bodies, min_size=1, max_size=3))
    def anything(self, given: list[Body]) -> None:
        self.append(*given)

    @rule(parents=st.lists(trials, min_size=1, max_size=2), score=scores, who=names, text=texts)
    def live(self, parents: list[int], score: float | Cause, who: str, text: str) -> None:
        trial = self.memory.head().next_trial
        known = [parent % trial for parent in parents] if trial else []
        given = submission(
            trial, known, specialist=who, session=who, hypothesis=text, call=f"live {trial}"
        )
        self.append(Accepted(trial=trial, submission=given), started(trial))
        self.append(evaluated(trial, score))

    @precondition(lambda self: self.memory.head().next_trial > 0)
    @rule(trial=trials, verdict=st.sampled_from(Verdict))
    def decide(self, trial: int, verdict: Verdict) -> None:
        self.append(decided(trial % self.memory.head().next_trial, verdict))

    @rule()
    def reopen(self) -> None:
        self.disk.close()
        self.disk = self.opened()

    @rule(query=queries)
    def ask(self, query: Query) -> None:
        assert self.disk.query(query) == self.memory.query(query)

    @invariant()
    def they_agree(self) -> None:
        assert self.disk.head() == self.memory.head()
        assert self.disk.query(Query()) == self.memory.query(Query())
        for visible in (False, True):
            assert self.disk.tally(visible=visible) == self.memory.tally(visible=visible)
        for trial in range(self.memory.head().next_trial):
            assert self.disk.looks(trial) == self.memory.looks(trial)
            assert self.disk.path(trial) == self.memory.path(trial)

    def teardown(self) -> None:
        assert self.disk.since(0, limit=10_000) == self.memory.since(0, limit=10_000)
        assert audit(self.disk) == ()
        assert audit(self.memory) == ()
        self.disk.close()
        shutil.rmtree(self.folder)


def test_both_stores_agree_whatever_happens() -> None:
    run_state_machine_as_test(
        BothStores,
        settings=settings(
            max_examples=40,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )
