from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autores.proof import lack_of_proof, proves_gates
from autores.records import (
    Calibration,
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
from autores.statistics import binomial_tail, compare
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


def test_a_first_look_proves_nothing() -> None:
    lack = lack_of_proof(TASK, [look(1_000, Purpose.FIRST), *[look(950)] * 2], CALIBRATED)
    assert lack is not None and lack.looks == 1


def test_fresh_looks_are_pooled_whether_or_not_each_passed() -> None:
    assert lack_of_proof(TASK, [look(890), look(950), look(950)], CALIBRATED) is None


def test_fresh_looks_below_the_gate_refuse_it_whatever_the_first_said() -> None:
    lack = lack_of_proof(TASK, [look(1_000, Purpose.FIRST), *[look(899)] * 3], CALIBRATED)
    assert lack is not None and lack.looks == 0
    assert "3 short of 0.9" in lack.reason


@given(st.integers(2_700, 3_000))
def test_the_bound_is_that_of_an_exact_test(right: int) -> None:
    looks = [look(right // 3), look(right // 3), look(right - 2 * (right // 3))]
    chance = binomial_tail(right, 3_000, float(Fraction("0.89")))
    assert (lack_of_proof(TASK, looks, CALIBRATED) is None) == (chance <= 0.05)


@pytest.mark.parametrize("calibration", [None, Calibration(task="toy", profile="default")])
def test_without_a_threshold_there_is_nothing_to_prove(calibration: Calibration | None) -> None:
    assert lack_of_proof(TASK, [], calibration) is None


def test_verification_counts_its_own_looks_alone() -> None:
    tested = compare(1.0, 0.1, 10)
    confirming = proves_gates(TASK, [look(950)] * 3, CALIBRATED)(tested)
    verifying = proves_gates(TASK, [look(950, Purpose.VERIFY)] * 3, CALIBRATED)(tested)
    assert (confirming.holds, verifying.holds) == (False, True)
    assert "3 more" in confirming.detail
