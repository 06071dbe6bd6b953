from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from autores.tasks.airbench.scoring import BadAnswer, count_right, is_hopeless, overrun

LABELS = np.array([3, 0, 9], np.uint8)


def _sure_of(classes: list[int]) -> np.ndarray:
    return np.eye(10, dtype=np.float32)[classes]


def test_right_answers_are_counted() -> None:
    assert count_right(_sure_of([3, 0, 9]), LABELS) == 3
    assert count_right(_sure_of([3, 1, 1]), LABELS) == 1


def test_ties_are_wrong() -> None:
    assert count_right(np.zeros((3, 10), np.float32), LABELS) == 0
    answer = _sure_of([3, 0, 9])
    answer[0, 5] = 1
    assert count_right(answer, LABELS) == 2


@given(hnp.arrays(np.float32, (20, 10), elements=st.integers(-3, 3).map(float)))
def test_a_strict_maximum_and_nothing_else_is_right(answer: np.ndarray) -> None:
    labels = np.arange(20, dtype=np.uint8) % 10
    strict = sum(
        all(row[label] > v for i, v in enumerate(row) if i != label)
        for row, label in zip(answer, labels, strict=True)
    )
    assert count_right(answer, labels) == strict


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_refused_as_such(value: float) -> None:
    answer = _sure_of([3, 0, 9])
    answer[1, 1] = value
    with pytest.raises(BadAnswer) as caught:
        count_right(answer, LABELS)
    assert not caught.value.finite


@pytest.mark.parametrize("shape", [(3,), (2, 10), (3, 11), (3, 10, 1), (0, 10)])
def test_another_shape_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(BadAnswer, match="instead of"):
        count_right(np.zeros(shape, np.float32), LABELS)


def test_hopeless_means_certain_or_nearly_so() -> None:
    assert not is_hopeless(0, 0, 100_000, "0.96")
    assert not is_hopeless(9_590, 10_000, 90_000, "0.96")
    assert is_hopeless(9_300, 10_000, 90_000, "0.96")
    assert is_hopeless(59_000, 90_000, 10_000, "0.96")
    assert not is_hopeless(0, 100_000, 0, "0.96")


@given(st.integers(0, 3_000), st.integers(1, 6_000))
def test_what_the_gate_cannot_refuse_any_more_is_never_hopeless(right: int, to_come: int) -> None:
    if right >= 0.5 * (3_000 + to_come):
        assert not is_hopeless(right, 3_000, to_come, "0.5")


def test_only_the_excess_of_a_preparation_counts() -> None:
    assert overrun(5.0, None) == 0.0
    assert overrun(2.5, 2.0) == 0.0
    assert overrun(3.0, 2.0) == pytest.approx(0.5)
