from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from autores.evaluator.failure import Failed
from autores.scoring.accuracy import count_right
from autores.status import Cause


@given(
    hnp.arrays(np.float16, (12, 5), elements=st.integers(-2, 2).map(float)),
    hnp.arrays(np.int64, 12, elements=st.integers(0, 4)),
)
def test_only_a_strict_maximum_counts(scores: np.ndarray, labels: np.ndarray) -> None:
    expected = sum(
        all(row[label] > other for n, other in enumerate(row) if n != label)
        for row, label in zip(scores, labels, strict=True)
    )
    assert count_right(scores, labels) == expected


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_no_answer(value: float) -> None:
    scores = np.zeros((3, 2))
    scores[1, 0] = value
    with pytest.raises(Failed) as caught:
        count_right(scores, np.zeros(3, np.int64))
    assert caught.value.cause is Cause.NOT_FINITE
