from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autores.proof import Lack, fresh, lack_of_proof, paid, proof, unpaid
from autores.records import (
    Calibration,
    Debt,
    Direction,
    Evaluation,
    Gate,
    Look,
    Metric,
    Outcome,
    Purpose,
    Recipe,
    Task,
)
from autores.statistics import binomial_tail
from autores.status import Cause

GATE = Gate(name="accuracy", hits="right", total="asked", proof_looks=3, proof_margin="0.01")
TASK = Task(
    name="toy",
    title="Toy",
    metric=Metric(name="seconds", direction=Direction.MINIMIZE),
    recipe=Recipe(path="/nowhere"),
    gates=(GATE,),
)
CALIBRATED = Calibration(task="toy", profile="default", thresholds={"accuracy": "0.9"})


def look(right: int, purpose: Purpose = Purpose.CONFIRM, asked: int = 1_000) -> Look:
    evaluation = Evaluation(trial=1, ordinal=0, purpose=purpose, commit="c", seeds=(1,))
    counts = {"right": right, "asked": asked}
    return Look(evaluation=evaluation, outcome=Outcome(cause=Cause.GATE, counts=counts))


def lack(*looks: Look, calibration: Calibration | None = CALIBRATED) -> Lack | None:
    return lack_of_proof(TASK, fresh(looks), calibration)


def test_a_first_look_proves_nothing() -> None:
    found = lack(look(1_000, Purpose.FIRST), *[look(950)] * 2)
    assert found is not None and found.looks == 1


def test_fresh_looks_are_pooled_whether_or_not_each_passed() -> None:
    assert lack(look(890), look(950), look(950)) is None


def test_fresh_looks_below_the_gate_refuse_it_whatever_the_first_said() -> None:
    found = lack(look(1_000, Purpose.FIRST), *[look(899)] * 3)
    assert found is not None and found.looks == 0
    assert "3 short of 0.9" in found.reason


@given(st.integers(2_700, 3_000))
def test_the_bound_is_that_of_an_exact_test(right: int) -> None:
    looks = [look(right // 3), look(right // 3), look(right - 2 * (right // 3))]
    chance = binomial_tail(right, 3_000, float(Fraction("0.89")))
    assert (lack(*looks) is None) == (chance <= 0.05)


@pytest.mark.parametrize("calibration", [None, Calibration(task="toy", profile="default")])
def test_without_a_threshold_there_is_nothing_to_prove(calibration: Calibration | None) -> None:
    assert lack(calibration=calibration) is None


def test_verification_says_whether_the_gates_are_proven() -> None:
    (holds,) = proof(TASK, fresh([look(950)] * 3), CALIBRATED)
    (fails,) = proof(TASK, fresh([look(950)] * 2), CALIBRATED)
    assert (holds.holds, fails.holds) == (True, False)
    assert "1 more" in fails.detail


def test_tasks_whose_gates_ask_for_no_proof_get_no_check() -> None:
    lenient = replace(TASK, gates=(replace(GATE, proof_margin=None),))
    assert proof(lenient, [], CALIBRATED) == ()
    assert lack_of_proof(lenient, [], CALIBRATED) is None


OWING = replace(TASK, debts=(Debt(name="the audit", owed="due", paid="audited"),))


@pytest.mark.parametrize(
    ("audited", "looks", "more"),
    [(100, 1, None), (120, 3, None), (99, 1, 1), (5, 1, 1), (4, 1, 0), (0, 1, 0)],
)
def test_a_debt_is_paid_by_more_looks_unless_they_would_be_too_many(
    audited: int, looks: int, more: int | None
) -> None:
    found = unpaid(OWING, {"due": 100, "audited": audited}, looks)
    assert (found and found.looks) == more
    (check,) = paid(OWING, {"due": 100, "audited": audited})
    assert check.holds == (found is None)


def test_who_owes_nothing_has_paid() -> None:
    assert unpaid(OWING, {}, 1) is None
    assert unpaid(TASK, {"due": 5}, 1) is None
    assert paid(TASK, {"due": 5}) == ()
