from __future__ import annotations

import itertools

import pytest

from autores.status import Cause, Status, Verdict, status_of

BY_CAUSE = {
    Status.ILLEGAL: "illegal",
    Status.PREFLIGHT_CRASH: "syntax launch smoke smoke_time",
    Status.TRAIN_BUDGET_OVERRUN: "prepare_time train_time",
    Status.EVAL_BUDGET_OVERRUN: "inference_time stalled",
    Status.CRASH: (
        "exited signalled protocol not_finite memory disk processes output artifact_missing"
    ),
    Status.SIZE_BLOCKED: "artifact_bytes",
    Status.DISQUALIFIED: "gate audit",
    Status.HARNESS_ABORT: "harness lost cancelled",
}
EXPECTED = {Cause(word): status for status, words in BY_CAUSE.items() for word in words.split()}
BY_VERDICT = {
    None: None,
    Verdict.MEASURE: None,
    Verdict.DISCARD: Status.DISCARD,
    Verdict.LEAD: Status.LEAD,
    Verdict.KEEP: Status.KEEP,
}


@pytest.mark.parametrize(
    ("cause", "verdict", "baseline"),
    list(itertools.product([None, *Cause], [None, *Verdict], [False, True])),
)
def test_the_whole_table(cause: Cause | None, verdict: Verdict | None, baseline: bool) -> None:
    if cause is None:
        expected = None
    elif baseline and cause in (Cause.VALID, Cause.GATE):
        expected = Status.BASELINE
    elif cause is Cause.VALID:
        expected = BY_VERDICT[verdict]
    else:
        expected = EXPECTED[cause]
    assert status_of(cause, verdict, baseline=baseline) is expected


def test_every_cause_and_verdict_stands_in_the_table() -> None:
    assert set(EXPECTED) == set(Cause) - {Cause.VALID}
    assert set(BY_VERDICT) == {None, *Verdict}


@pytest.mark.parametrize("cause", list(Cause))
def test_a_cause_names_its_status(cause: Cause) -> None:
    assert cause.status is EXPECTED.get(cause)


@pytest.mark.parametrize("status", list(Status))
def test_a_status_is_found_by_its_name_in_files(status: Status) -> None:
    assert Status(status.value) is status
    assert status.value == status.name.lower()


def test_what_a_status_means() -> None:
    ranked = {Status.BASELINE, Status.KEEP, Status.LEAD, Status.DISCARD}
    assert {s for s in Status if s.ranked} == ranked
    assert {s for s in Status if not s.shown} == {Status.HARNESS_ABORT}
    assert {s for s in Status if not s.ran} == {Status.ILLEGAL}


def test_each_status_looks_different() -> None:
    assert len({s.glyph for s in Status}) == len(Status)
    assert all(len(s.glyph) == 1 and s.colour for s in Status)
