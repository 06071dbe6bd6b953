from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autores.evaluator import curve
from autores.evaluator.curve import MOST_POINTS, Curve
from autores.evaluator.wire import BadMessage


@given(st.integers(0, 3000))
def test_however_long_it_is_both_ends_and_an_even_share_are_kept(lines: int) -> None:
    made = Curve()
    for step in range(lines):
        made.add(step / 10, step, {"loss": 1.0})
    steps = [point.step for point in made.points]
    assert len(steps) <= MOST_POINTS + 1
    assert steps == sorted(set(steps))
    if lines:
        assert (steps[0], steps[-1]) == (0, lines - 1)
        gaps = {b - a for a, b in itertools.pairwise(steps[:-1])}
        assert len(gaps) <= 1


def test_names_are_harmless() -> None:
    made = Curve()
    made.add(0.0, 0, {"loss\x1b[2J\n": 1.0})
    assert set(made.points[0].values) == {"loss\\x1b[2J ⏎"}


def test_a_flood_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(curve, "MOST_LINES", 3)
    made = Curve()
    for step in range(3):
        made.add(0.0, step, {})
    with pytest.raises(BadMessage, match="3 lines"):
        made.add(0.0, 3, {})
