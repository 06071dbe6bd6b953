from __future__ import annotations

import inspect
import math
from dataclasses import FrozenInstanceError, fields, is_dataclass
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autores import records
from autores.records import (
    Artifact,
    Cost,
    Direction,
    Evaluation,
    Gate,
    Limits,
    Measurement,
    Metric,
    Outcome,
    Phase,
    Purpose,
    Radius,
    Sample,
    Severity,
    Submission,
    Trial,
    Violation,
)
from autores.status import Cause, Status

BAD_NUMBERS = [math.nan, math.inf, -math.inf, True, "0.5", None]
KINDS = [k for k in vars(records).values() if inspect.isclass(k) and is_dataclass(k)]
COSTS = st.builds(
    Cost,
    seconds=st.integers(0, 10**6),
    gpu_seconds=st.integers(0, 10**6),
    input_tokens=st.integers(0, 10**9),
    output_tokens=st.integers(0, 10**9),
    cache_read_tokens=st.integers(0, 10**9),
    cache_write_tokens=st.integers(0, 10**9),
    dollars=st.integers(0, 1000),
)


def submission(**fields: Any) -> Submission:
    return Submission(
        **{
            "commit": "c",
            "parents": (3, 2),
            "hypothesis": "h",
            "specialist": "optim",
            "session": "s",
            "call": "0",
        }
        | fields
    )


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_records_are_frozen_slotted_and_keyword_only(kind: Any) -> None:
    assert kind.__dataclass_params__.frozen
    assert all(f.kw_only for f in fields(kind))
    assert "__slots__" in vars(kind)


def test_a_record_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        Cost().seconds = 1.0  # type: ignore[misc]


# ------------------------------------------------------------------------ finite numbers


@pytest.mark.parametrize("number", BAD_NUMBERS)
def test_no_outcome_has_a_number_that_is_not_finite(number: Any) -> None:
    with pytest.raises(ValueError):
        Outcome(cause=Cause.VALID, score=number)
    for cause, score in ((Cause.VALID, 1.0), (Cause.GATE, None)):
        with pytest.raises(ValueError, match=r"'loss'.* is not a finite number"):
            Outcome(cause=cause, score=score, metrics={"loss": number})


@pytest.mark.parametrize("number", BAD_NUMBERS)
def test_no_part_of_an_outcome_has_one_either(number: Any) -> None:
    with pytest.raises(ValueError, match=r"Sample\.score"):
        Sample(seed=0, score=number)
    with pytest.raises(ValueError, match="metrics"):
        Sample(seed=0, score=0.5, metrics={"loss": number})
    with pytest.raises(ValueError, match=r"Measurement\.wall"):
        Measurement(phase="train", seed=0, wall=number)
    with pytest.raises(ValueError, match=r"Measurement\.cpu"):
        Measurement(phase="train", seed=0, wall=1.0, cpu=number)


@pytest.mark.parametrize("count", [1.0, True, "1", None])
def test_counts_are_exact(count: Any) -> None:
    with pytest.raises(ValueError, match="count 'right' is not an integer"):
        Outcome(cause=Cause.GATE, counts={"right": count})


@pytest.mark.parametrize("cause", [c for c in Cause if c is not Cause.VALID])
def test_only_a_valid_outcome_has_a_score(cause: Cause) -> None:
    with pytest.raises(ValueError, match="score if and only if"):
        Outcome(cause=cause, score=0.5)
    with pytest.raises(ValueError, match="score if and only if"):
        Outcome(cause=Cause.VALID)
    assert Outcome(cause=cause).score is None


@given(st.floats(), st.sampled_from(Cause))
def test_whatever_is_built_is_finite(score: float, cause: Cause) -> None:
    try:
        outcome = Outcome(cause=cause, score=score)
    except ValueError:
        assert not math.isfinite(score) or cause is not Cause.VALID
    else:
        assert outcome.score is not None and math.isfinite(outcome.score)


# ------------------------------------------------------------------------------- numbers


@given(st.floats(-1e9, 1e9), st.floats(-1e9, 1e9))
def test_gains_are_positive_where_it_got_better(old: float, new: float) -> None:
    assert Direction.MINIMIZE.gain(old, new) == -Direction.MAXIMIZE.gain(old, new)
    assert (Direction.MAXIMIZE.gain(old, new) > 0) == (new > old)


def test_a_metric_renders_its_values() -> None:
    metric = Metric(name="wall", direction=Direction.MINIMIZE, unit="s", format=".2f")
    assert metric.render(1.2345) == "1.23 s"
    assert metric.render(None) == "–"
    assert Metric(name="loss", direction=Direction.MINIMIZE).render(0.5) == "0.5000"


@given(
    st.integers(0, 10_000),
    st.integers(0, 10_000),
    st.fractions(0, 1, max_denominator=10_000),
)
def test_a_gate_is_exact(hits: int, total: int, threshold: Fraction) -> None:
    gate = Gate(name="g", hits="right", total="asked")
    missing = gate.shortfall({"right": hits, "asked": total}, str(threshold))
    assert (missing <= 0) == (hits >= threshold * total)
    if missing > 0:
        assert gate.shortfall({"right": hits + missing, "asked": total}, str(threshold)) == 0


def test_a_gate_knows_no_rounding() -> None:
    gate = Gate(name="g", hits="right", total="asked", at_least="0.96")
    assert gate.shortfall({"right": 9600, "asked": 10_000}, "0.96") == 0
    assert gate.shortfall({"right": 9599, "asked": 10_000}, "0.96") == 1


@given(COSTS, COSTS, COSTS)
def test_costs_add_up(one: Cost, two: Cost, three: Cost) -> None:
    assert one + Cost() == one
    assert one + two == two + one
    assert (one + two) + three == one + (two + three)
    assert (one + two).tokens == one.tokens + two.tokens


def test_limits_end_later_than_all_phases_together() -> None:
    limits = Limits(wall={"train": 100.0, "inference": 20.0}, artifact_bytes=1)
    assert limits.total_wall > 120.0


def test_sums() -> None:
    measured = (
        Measurement(phase="train", seed=0, wall=2.0),
        Measurement(phase="train", seed=1, wall=3.0),
    )
    assert Outcome(cause=Cause.GATE, measurements=measured).wall == 5.0
    assert Artifact(sha256="", code_bytes=2, weight_bytes=3).total_bytes == 5


def test_radii_are_ordered() -> None:
    assert sorted(Radius, key=lambda r: r.rank) == [
        Radius.LITERAL,
        Radius.LOCAL,
        Radius.STRUCTURAL,
    ]


# -------------------------------------------------------------------------------- trials


def test_an_evaluation_has_an_id() -> None:
    evaluation = Evaluation(trial=17, ordinal=2, purpose=Purpose.FIRST, commit="c", seeds=())
    assert evaluation.id == "17.2"


def test_a_violation_says_rule_place_and_fix() -> None:
    violation = Violation(rule="scope", message="Not yours.", fix="Restore it.")
    assert str(violation) == "scope: Not yours. Fix: Restore it."
    placed = Violation(rule="scope", message="No.", fix="Mend.", path="fit.py", line=3)
    assert str(placed) == "fit.py:3: scope: No. Fix: Mend."
    whole = Violation(rule="names", message="No.", fix="Mend.", path="a b.py")
    assert str(whole) == "a b.py: names: No. Fix: Mend."
    assert violation.severity is Severity.REFUSE


def test_a_trial_begins_queued() -> None:
    trial = Trial.accept(4, submission(), arm="specialists", at=12.0, depth=2)
    assert (trial.id, trial.phase, trial.accepted_at, trial.depth) == (4, Phase.QUEUED, 12.0, 2)
    assert not trial.finished
    assert trial.parent == 3
    assert Trial(id=0, submission=submission(parents=())).parent is None


@pytest.mark.parametrize("status", [None, *Status])
def test_what_agents_may_see(status: Status | None) -> None:
    shown = Trial(id=1, submission=submission(), status=status)
    hidden = Trial(id=1, submission=submission(), status=status, quarantined="leak")
    assert shown.visible == (status is not Status.HARNESS_ABORT)
    assert not hidden.visible
