from __future__ import annotations

import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autores.errors import UserError
from autores.records import Direction
from autores.statistics import Comparison
from autores.verify import Check, at_least, verify

SIDE = st.lists(st.integers(-1000, 1000).map(float), min_size=2, max_size=15)


@given(SIDE, SIDE)
def test_the_verdict_does_not_depend_on_unit_or_direction(a: list[float], b: list[float]) -> None:
    plain = verify(a, b, direction=Direction.MAXIMIZE)
    turned = verify([4 - 2 * x for x in a], [4 - 2 * x for x in b], direction=Direction.MINIMIZE)
    assert turned.verified == plain.verified
    assert turned.effect == pytest.approx(2 * plain.effect)
    assert turned.p == pytest.approx(plain.p)
    json.dumps(plain.as_mapping(), allow_nan=False)


def test_a_clear_gain_is_verified_and_described() -> None:
    rng = random.Random(2)
    trial = [rng.gauss(9.0, 1) for _ in range(30)]
    against = [rng.gauss(10.5, 1) for _ in range(30)]
    found = verify(trial, against, direction=Direction.MINIMIZE)
    assert found.verified
    assert found.looks == (30, 30)
    assert found.welch.low < 1.5 < found.welch.high
    assert found.bootstrap.low < 1.5 < found.bootstrap.high
    assert found.effect_size == pytest.approx(1.5, abs=0.5)


def test_the_tasks_own_terms_can_refuse_what_is_significant() -> None:
    trial, against = [1.0, 1.001, 0.999], [0.9, 0.901, 0.899]

    def gate(tested: Comparison) -> Check:
        return Check(name="gate", holds=False, detail="3 images short")

    refused = verify(
        trial,
        against,
        direction=Direction.MAXIMIZE,
        conditions=[at_least("0.005 nats", 0.005), gate],
    )
    assert [check.holds for check in refused.checks] == [True, True, False]
    assert not refused.verified
    small = at_least("least effect", 0.2)
    assert not verify(trial, against, direction=Direction.MAXIMIZE, conditions=[small]).verified


def test_equal_sides_are_hardly_ever_verified() -> None:
    rng = random.Random(5)

    def verified() -> bool:
        a, b = ([rng.gauss(0, 1) for _ in range(5)] for _ in range(2))
        return verify(a, b, direction=Direction.MAXIMIZE, error=0.05).verified

    assert 0.025 < sum(verified() for _ in range(600)) / 600 < 0.08


def test_one_look_is_not_enough() -> None:
    with pytest.raises(UserError, match="raise --seeds"):
        verify([1.0], [2.0, 3.0], direction=Direction.MAXIMIZE)
