"""What each event means, told as histories."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autores.codec import canonical, from_json, strict_loads, to_json
from autores.events import (
    Accepted,
    Body,
    Calibrated,
    Charged,
    Decided,
    Demoted,
    Evaluated,
    Gated,
    Head,
    Marked,
    Quarantined,
    Started,
)
from autores.lineage.book import Book
from autores.lineage.chain import seal
from autores.lineage.fold import Entry, step
from autores.lineage.store import Misfit
from autores.records import (
    Calibration,
    Cost,
    Decision,
    Outcome,
    Phase,
    Severity,
    Split,
    Trial,
    Violation,
)
from autores.status import Cause, Status, Verdict
from autores.testing.stores import CREATED, decided, evaluated, life, started, submission


class History:
    """A lineage that is nothing but a fold."""

    def __init__(self, *bodies: Body) -> None:
        self.book, self.head = Book(), Head()
        self.add(CREATED, *bodies)

    def add(self, *bodies: Body) -> None:
        for body in bodies:
            _, event = seal(body, head=self.head, at=float(self.head.seq))
            change = step(event, self.head, self.book)
            self.book.take(event, change)
            self.head = change.head

    def __getitem__(self, trial: int) -> Trial:
        return self.book.entry(trial).trial


@pytest.fixture
def history() -> History:
    return History(*life(0, 1.0))


def calibrated(*, feasible: bool = True, score: float | None = 1.0) -> Calibrated:
    known = Calibration(task="toy", profile="", score=score, feasible=feasible)
    return Calibrated(calibration=known)


# ------------------------------------------------------------------------------ baseline


def test_a_baseline_that_runs_is_best_and_leads(history: History) -> None:
    assert (history[0].status, history[0].phase) == (Status.BASELINE, Phase.FINISHED)
    assert (history.head.best, history.head.lead, history.head.finished) == (0, 0, 1)


def test_an_infeasible_baseline_leads_and_is_not_best() -> None:
    history = History(*life(0, Cause.GATE))
    assert history[0].status is Status.BASELINE
    assert (history.head.best, history.head.lead) == (None, 0)
    history.add(*life(1, 2.0, Verdict.KEEP))
    assert (history.head.best, history.head.lead, history[1].delta) == (1, 1, None)


def test_calibration_says_whether_the_baseline_is_feasible(history: History) -> None:
    history.add(calibrated(feasible=False))
    assert (history[0].cause, history.head.best, history.head.lead) == (Cause.GATE, None, 0)
    history.add(calibrated())
    assert (history[0].cause, history.head.best) == (Cause.VALID, 0)
    assert history.head.calibration is not None


def test_calibration_does_not_mend_a_baseline_that_fails() -> None:
    history = History(*life(0, Cause.EXITED), calibrated())
    assert (history[0].status, history.head.best, history.head.lead) == (Status.CRASH, None, None)


def test_a_gain_is_over_the_calibrated_level(history: History) -> None:
    history.add(calibrated(score=2.0), *life(1, 0.5))
    assert history[1].delta == 1.5


# ------------------------------------------------------------------------ gates and looks


def test_a_refusal_finishes_a_trial(history: History) -> None:
    warning = Violation(rule="radius", message="large", fix="none", severity=Severity.WARN)
    refusal = Violation(rule="syntax", message="no", fix="mend it", cause=Cause.SYNTAX)
    history.add(
        Accepted(trial=1, submission=submission(1)),
        Gated(trial=1, violations=(warning, refusal), cause=Cause.SYNTAX),
    )
    trial = history[1]
    assert (trial.status, trial.finished, trial.evaluations) == (Status.PREFLIGHT_CRASH, True, 0)
    assert trial.detail == "syntax: no Fix: mend it"
    assert trial.violations == (warning, refusal)
    with pytest.raises(Misfit, match="past its gates"):
        history.add(Gated(trial=1))


def test_the_first_look_is_kept_beside_the_mean(history: History) -> None:
    history.add(*life(1, 0.8, Verdict.LEAD), started(1, 1), evaluated(1, 0.6, 1))
    trial = history[1]
    assert (trial.first_score, trial.looks) == (0.8, 2)
    assert trial.score == pytest.approx(0.7)
    assert trial.delta == pytest.approx(0.2)
    assert trial.counts == {"right": 18, "asked": 20}
    assert trial.cost.seconds == 2.0


def test_a_certification_does_not_rank(history: History) -> None:
    history.add(*life(1, 0.8, Verdict.KEEP))
    look = started(1, 1)
    hidden = replace(look.evaluation, split=Split.CERTIFICATION)
    history.add(Started(evaluation=hidden), evaluated(1, 0.1, 1))
    assert (history[1].score, history[1].counts["asked"], history[1].looks) == (0.8, 10, 2)


def test_a_later_look_that_fails_changes_no_cause(history: History) -> None:
    history.add(*life(1, 0.8, Verdict.LEAD), started(1, 1), evaluated(1, Cause.LOST, 1))
    assert (history[1].status, history[1].score) == (Status.LEAD, 0.8)


def test_an_evaluation_ends_once(history: History) -> None:
    history.add(*life(1, 0.8))
    with pytest.raises(Misfit, match="no such evaluation"):
        history.add(evaluated(1, 0.1))
    history.add(started(1, 1), started(1, 1, attempt=2))
    with pytest.raises(Misfit, match="begun before"):
        history.add(started(1, 1, attempt=2))
    with pytest.raises(Misfit, match="no such evaluation"):
        history.add(evaluated(1, 0.1, 1))
    history.add(evaluated(1, 0.1, 1, attempt=2))


def test_several_evaluations_run_at_once(history: History) -> None:
    history.add(*life(1, 0.8, Verdict.LEAD), started(1, 1), started(1, 2))
    assert history[1].phase is Phase.FINISHED
    assert history.book.entry(1).unsettled
    history.add(evaluated(1, 0.7, 2), evaluated(1, 0.6, 1))
    assert not history.book.entry(1).unsettled


# ----------------------------------------------------------------------------- decisions


def test_measuring_on_leaves_a_lead_what_it_is(history: History) -> None:
    history.add(*life(1, 0.8, Verdict.LEAD))
    moved = history.head.improved_at
    history.add(decided(1, Verdict.MEASURE))
    assert (history[1].status, history.head.lead) == (Status.LEAD, 1)
    assert history.book.entry(1).unsettled
    history.add(decided(1, Verdict.KEEP))
    assert (history[1].status, history.head.best) == (Status.KEEP, 1)
    assert history.head.improved_at > moved


def test_what_leads_last_leads_whatever_its_number(history: History) -> None:
    history.add(*life(1, 0.9, Verdict.MEASURE), *life(2, 0.8, Verdict.LEAD))
    history.add(decided(1, Verdict.LEAD))
    assert history.head.lead == 1
    history.add(decided(1, Verdict.DISCARD))
    assert history.head.lead == 2


def test_a_keep_keeps_its_place_when_it_is_measured_again(history: History) -> None:
    history.add(*life(1, 0.9, Verdict.KEEP), *life(2, 0.8, Verdict.LEAD))
    history.add(started(1, 1), evaluated(1, 0.9, 1), decided(1, Verdict.KEEP))
    assert (history.head.lead, history.head.best) == (2, 1)


def test_nothing_is_decided_without_an_outcome(history: History) -> None:
    history.add(Accepted(trial=1, submission=submission(1)), Gated(trial=1))
    with pytest.raises(Misfit, match="no outcome"):
        history.add(decided(1, Verdict.KEEP))


def test_error_and_costs_add_up(history: History) -> None:
    history.add(*life(1, 0.9, None))
    spending = Decision(verdict=Verdict.MEASURE, policy="p", error_spent=0.01)
    history.add(Decided(trial=1, decision=spending), Decided(trial=1, decision=spending))
    history.add(Charged(session="s", specialist="arch", cost=Cost(dollars=0.5, input_tokens=7)))
    assert history.head.error_spent == pytest.approx(0.02)
    assert (history.head.spent.dollars, history.head.spent.seconds) == (0.5, 2.0)


def test_a_demotion_stays(history: History) -> None:
    history.add(*life(1, 0.9, Verdict.KEEP), Demoted(trial=1, cause=Cause.AUDIT, reason="cheat"))
    trial = history[1]
    assert (trial.status, trial.score, trial.detail) == (Status.DISQUALIFIED, None, "cheat")
    assert (history.head.best, history.head.lead) == (0, 0)
    history.add(decided(1, Verdict.KEEP))
    assert (history[1].status, history.head.best) == (Status.DISQUALIFIED, 0)
    with pytest.raises(Misfit, match="names no cause"):
        history.add(Demoted(trial=1, cause=Cause.VALID, reason=""))


def test_a_quarantine_reaches_children_of_any_parent_and_later_ones(history: History) -> None:
    history.add(*life(1, 0.9), *life(2, 0.9, Verdict.KEEP), *life(3, 0.8, parents=(2, 1)))
    history.add(Quarantined(trial=1, reason="leak"), *life(4, 0.1, Verdict.KEEP, parents=(3,)))
    assert [history[t].quarantined for t in range(5)] == ["", "leak", "", "leak", "leak"]
    assert [history[t].score for t in (1, 3, 4)] == [None, None, None]
    assert history.head.best == 2
    assert not history[4].visible


def test_marks_stand_beside_a_trial(history: History) -> None:
    history.add(Marked(name="star", text="look here", trial=0), Marked(name="note", text="run"))
    assert history[0].marks == {"star": "look here"}


# ---------------------------------------------------------------------------- properties

numbers = st.integers(0, 5)
steps = st.one_of(
    st.builds(
        lambda parents, score, verdict: ("live", parents, score, verdict),
        st.lists(numbers, min_size=1, max_size=2),
        st.sampled_from([0.5, 1.0, Cause.EXITED, Cause.GATE, Cause.HARNESS]),
        st.sampled_from(Verdict),
    ),
    st.builds(lambda t, v: ("decide", t, v), numbers, st.sampled_from(Verdict)),
    st.builds(lambda t: ("demote", t), numbers),
    st.builds(lambda t: ("quarantine", t), numbers),
    st.builds(lambda f: ("calibrate", f), st.booleans()),
)


def told(plan: list[tuple[object, ...]]) -> History:
    history = History(*life(0, 1.0))
    for kind, *given_ in plan:
        count = history.head.next_trial
        match kind, given_:
            case "live", [list() as parents, score, verdict]:
                known = tuple(parent % count for parent in parents)
                history.add(*life(count, score, verdict, parents=known))  # type: ignore[arg-type]
            case "decide", [int() as trial, Verdict() as verdict]:
                history.add(decided(trial % count, verdict))
            case "demote", [int() as trial]:
                history.add(Demoted(trial=trial % count, cause=Cause.GATE, reason="r"))
            case "quarantine", [int() as trial]:
                history.add(Quarantined(trial=trial % count, reason="q"))
            case "calibrate", [bool() as feasible]:
                history.add(calibrated(feasible=feasible))
    return history


@given(st.lists(steps, max_size=25))
def test_best_and_lead_are_what_may_be(plan: list[tuple[object, ...]]) -> None:
    history = told(plan)
    trials = [entry.trial for entry in history.book.entries.values()]
    sound = [t for t in trials if not t.quarantined]
    keeps = [t.id for t in sound if t.status is Status.KEEP]
    leads = [t.id for t in sound if t.status in (Status.KEEP, Status.LEAD)]
    base = [t for t in sound if t.status is Status.BASELINE]
    feasible = [t.id for t in base if t.cause is Cause.VALID]
    assert history.head.best in (keeps or feasible or [None])
    assert history.head.lead in (leads or [t.id for t in base] or [None])
    assert history.head.finished == sum(t.finished for t in trials)


@given(st.lists(steps, max_size=25))
def test_only_what_is_ranked_has_a_score(plan: list[tuple[object, ...]]) -> None:
    for entry in told(plan).book.entries.values():
        trial = entry.trial
        ranked = trial.status is not None and trial.status.ranked and not trial.quarantined
        assert (trial.score is not None) <= ranked
        if ranked and trial.first_score is not None:
            assert trial.score is not None


@given(st.lists(steps, max_size=25))
def test_what_is_quarantined_has_only_quarantined_children(plan: list[tuple[object, ...]]) -> None:
    history = told(plan)
    for entry in history.book.entries.values():
        parents = [history[parent] for parent in entry.trial.submission.parents]
        assert bool(entry.trial.quarantined) >= any(p.quarantined for p in parents)


@given(st.lists(steps, max_size=15))
def test_entries_survive_json(plan: list[tuple[object, ...]]) -> None:
    for entry in told(plan).book.entries.values():
        assert from_json(Entry, strict_loads(canonical(to_json(entry)))) == entry


def test_a_draft_leaves_the_book_alone(history: History) -> None:
    draft = history.book.draft()
    body = Accepted(trial=1, submission=submission(1))
    _, event = seal(body, head=history.head, at=0.0)
    draft.take(event, step(event, history.head, draft))
    assert 1 in draft.entries
    assert 1 not in history.book.entries
    history.book.adopt(draft)
    assert history[1].phase is Phase.QUEUED
    assert history.book.offspring(0) == (1,)


def test_an_outcome_of_nothing_is_refused(history: History) -> None:
    with pytest.raises(Misfit):
        history.add(Evaluated(trial=0, ordinal=3, outcome=Outcome(cause=Cause.LOST)))
