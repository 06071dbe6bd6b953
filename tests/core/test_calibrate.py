from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autores.calibrate import calibration_of, missed_gate, pooled_counts, ran, threshold_of
from autores.records import Calibration, Direction, Gate, Metric, NoisePrior, Outcome, Recipe, Task
from autores.status import Cause

CLOSE = Gate(name="close", hits="close", total="asked", at_least="0.5")
RELATIVE = Gate(name="kept", hits="close", total="asked", slack=2.0)


def task(*gates: Gate, noise: NoisePrior | None = None) -> Task:
    return Task(
        name="toy",
        title="Toy",
        metric=Metric(name="loss", direction=Direction.MINIMIZE, noise=noise),
        recipe=Recipe(path="/nowhere"),
        gates=gates,
    )


def valid(score: float, close: int = 60, **metrics: float) -> Outcome:
    counts = {"close": close, "asked": 100}
    return Outcome(cause=Cause.VALID, score=score, counts=counts, metrics=metrics)


def calibrated(about: Task, *outcomes: Outcome) -> Calibration:
    return calibration_of(about, outcomes, world="w", hardware="h")


def test_level_and_spread_of_the_looks() -> None:
    found = calibrated(task(), valid(1.0, seconds=2.0), valid(3.0, seconds=4.0))
    assert (found.task, found.profile, found.world, found.hardware) == ("toy", "default", "w", "h")
    assert found.score == 2.0
    assert found.spread == pytest.approx(math.sqrt(2))
    assert found.degrees_of_freedom == 1
    assert found.references == {"seconds": 3.0}
    assert found.feasible


def test_looks_that_happen_to_agree_do_not_make_noise_vanish() -> None:
    prior = NoisePrior(sd=0.3, degrees_of_freedom=4.0)
    found = calibrated(task(noise=prior), valid(1.0), valid(1.0), valid(1.0))
    assert 0.1 < found.spread < 0.3
    assert found.degrees_of_freedom == pytest.approx(6.0)


def test_one_look_has_the_noise_of_the_prior_or_none() -> None:
    prior = NoisePrior(sd=0.3, degrees_of_freedom=4.0)
    assert calibrated(task(noise=prior), valid(1.0)).spread == pytest.approx(0.3)
    alone = calibrated(task(), valid(1.0))
    assert (alone.spread, alone.degrees_of_freedom) == (0.0, 0.0)


def test_a_seed_that_misses_its_gate_is_an_infeasible_baseline() -> None:
    missed = Outcome(cause=Cause.GATE, counts={"close": 40, "asked": 100}, metrics={"loss": 1.5})
    found = calibrated(task(CLOSE), missed, missed)
    assert not found.feasible
    assert found.score == 1.5
    assert ran([missed, valid(1.0)])


@pytest.mark.parametrize("cause", [c for c in Cause if c not in (Cause.VALID, Cause.GATE)])
def test_a_look_that_did_not_end_is_no_baseline(cause: Cause) -> None:
    assert not ran([valid(1.0), Outcome(cause=cause)])


def test_gates_are_judged_over_all_looks_together() -> None:
    assert calibrated(task(CLOSE), valid(1.0, close=45), valid(1.0, close=56)).feasible
    assert not calibrated(task(CLOSE), valid(1.0, close=45), valid(1.0, close=54)).feasible


def test_a_fixed_threshold_stays_as_it_was_written() -> None:
    assert calibrated(task(CLOSE), valid(1.0)).thresholds == {"close": "0.5"}


def test_a_relative_threshold_lies_below_the_seed() -> None:
    (threshold,) = calibrated(task(RELATIVE), valid(1.0), valid(1.0)).thresholds.values()
    error = math.sqrt(0.6 * 0.4 / 100)  # of one look of a hundred
    assert float(Fraction(threshold)) == pytest.approx(0.6 - 2 * error, abs=1e-4)
    assert threshold_of(RELATIVE, {}, 3) == "0"


@given(st.integers(0, 500), st.integers(1, 500), st.integers(1, 9), st.floats(0, 5))
def test_the_seed_itself_passes_a_relative_gate(
    hits: int, extra: int, looks: int, slack: float
) -> None:
    gate = Gate(name="g", hits="close", total="asked", slack=slack)
    counts = {"close": hits, "asked": hits + extra}
    threshold = Fraction(threshold_of(gate, counts, looks))
    assert 0 <= threshold <= 1
    assert threshold <= Fraction(hits, hits + extra) + Fraction(1, 10_000)


@given(st.lists(st.dictionaries(st.sampled_from("abc"), st.integers(0, 99))))
def test_counts_are_pooled_exactly(counts: list[dict[str, int]]) -> None:
    pooled = pooled_counts(Outcome(cause=Cause.GATE, counts=c) for c in counts)
    for name in "abc":
        assert pooled.get(name, 0) == sum(c.get(name, 0) for c in counts)


def test_the_first_gate_that_is_missed() -> None:
    about = task(CLOSE, RELATIVE)
    assert missed_gate(about, {"close": 55, "asked": 100}, {"kept": "0.58"}) == (RELATIVE, 3)
    assert missed_gate(about, {"close": 49, "asked": 100}, {"kept": "0.58"}) == (CLOSE, 1)
    assert missed_gate(about, {"close": 58, "asked": 100}, {"kept": "0.58"}) is None
    assert missed_gate(about, {"close": 55, "asked": 100}, {}) is None  # not calibrated yet
    assert missed_gate(about, {}, {"kept": "0.58"}) is None  # nothing was counted
