from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autores.plugins.agents.evolve.genome import Edit, edited
from autores.plugins.agents.evolve.history import Fate, Margin, Observation
from autores.plugins.agents.evolve.model import (
    Judgement,
    Model,
    Yardstick,
    expected_improvement,
    rewards,
)
from autores.records import Direction

MIN = Yardstick.of(Direction.MINIMIZE, [1.0])


def lr(new: str) -> Edit:
    return Edit(gene="t.py::lr", old="0.1", new=new)


def trial(number: int, *edits: Edit, **fields: object) -> Observation:
    return Observation(id=number, genome=edited({}, edits), edits=edits, parent=0, **fields)  # type: ignore[arg-type]


@given(st.sampled_from(Direction), st.floats(0.1, 100), st.floats(0.1, 100))
def test_heights_order_scores_as_the_metric_does(
    direction: Direction, one: float, other: float
) -> None:
    yard = Yardstick.of(direction, [one, other])
    better = direction.gain(one, other) > 0
    assert (yard.height(other) > yard.height(one)) is better


@given(st.sampled_from(Direction), st.floats(0.1, 100), st.floats(-0.5, 0.5))
def test_a_change_is_what_the_gain_means_in_the_metrics_unit(
    direction: Direction, score: float, gain: float
) -> None:
    yard = Yardstick.of(direction, [score])
    after = score + yard.change(score, gain)
    assert yard.height(after) - yard.height(score) == pytest.approx(gain, abs=1e-9)


def test_scores_that_are_not_positive_are_taken_as_they_are() -> None:
    yard = Yardstick.of(Direction.MAXIMIZE, [-1.0, 2.0])
    assert yard.height(2.0) - yard.height(-1.0) == 3.0 and yard.change(2.0, 0.5) == 0.5


def test_a_candidate_that_may_miss_the_gate_is_worth_less() -> None:
    seen = [
        Observation(id=0, genome={}, score=1.0, margins={"g": Margin(value=0.02, sd=0.004)}),
        trial(1, lr("0.2"), score=0.8, fate=Fate.MISSED,
              margins={"g": Margin(value=-0.05, sd=0.004)}),
        trial(2, lr("0.05"), score=1.1, margins={"g": Margin(value=0.06, sd=0.004)}),
    ]  # fmt: skip
    model = Model(seen, MIN, 0.01)
    judged = model.judge({}, [(edited({}, [lr(x)]), [lr(x)]) for x in ("0.19", "0.12", "0.06")])
    assert judged.fits[0] < 0.1 and judged.fits[2] > 0.6
    assert judged.gain[0] > judged.gain[1] > judged.gain[2]


LONGER, SHORTER = (Edit(gene="t.py::epochs", old="8", new=new) for new in ("16", "4"))
ROOT = Observation(id=0, genome={}, score=1.0, margins={"g": Margin(value=0.0, sd=0.01)})


def promised(headroom: float | None = math.inf) -> Judgement:
    """Of twice and of half the epochs, where nothing is known but the seed recipe."""
    model = Model([ROOT], MIN, 0.01, headroom)
    return model.judge({}, [(edited({}, [e]), [e]) for e in (LONGER, SHORTER)])


def test_more_work_is_expected_to_come_out_better() -> None:
    judged = promised()
    assert judged.gain[0] > 0.005 > -0.005 > judged.gain[1]
    assert judged.fits[0] > 2 * judged.fits[1]


def test_work_that_there_is_no_time_for_hardly_fits() -> None:
    free, short = promised().fits[0], promised(headroom=0.1).fits[0]
    assert short < 0.6 * free


def test_where_more_work_does_not_pay_it_is_a_number_like_others() -> None:
    assert promised(headroom=None).gain == pytest.approx([0.0, 0.0])


def test_a_limit_is_guessed_from_what_broke_it() -> None:
    wide, wider = (Edit(gene="t.py::width", old="64", new=n) for n in ("96", "128"))
    seen = [
        Observation(id=0, genome={}, score=1.0, resources={"bytes": 100.0}),
        trial(1, wide, score=0.9, resources={"bytes": 150.0}),
        trial(2, wider, fate=Fate.MISSED, over="bytes", resources={"bytes": 200.0}),
    ]
    judged = Model(seen, MIN, 0.01).judge({}, [(edited({}, [e]), [e]) for e in (wide, wider)])
    assert judged.fits[0] > 0.7 and judged.fits[1] < 0.3


def test_a_pending_trial_makes_its_neighbourhood_less_interesting() -> None:
    root = Observation(id=0, genome={}, score=1.0)
    asked = [(edited({}, [lr("0.2")]), [lr("0.2")])]
    before = Model([root], MIN, 0.01).judge({}, asked)
    pending = trial(1, lr("0.2"), fate=Fate.PENDING)
    assert Model([root, pending], MIN, 0.01).judge({}, asked).sd[0] < 0.5 * before.sd[0]


def test_one_disaster_does_not_bend_the_model() -> None:
    seen = [Observation(id=0, genome={}, score=1.0)]
    seen += [trial(i, lr(x), score=s) for i, (x, s) in enumerate(
        [("0.11", 0.98), ("0.13", 0.96), ("0.09", 1.02), ("1.6", 900.0)], 1)]  # fmt: skip
    judged = Model(seen, MIN, 0.005).judge({}, [(edited({}, [lr("0.125")]), [lr("0.125")])])
    assert judged.gain[0] == pytest.approx(0.035, abs=0.02)


def test_expected_improvement_of_sure_things_is_the_gain() -> None:
    found = expected_improvement(np.array([0.5, -0.5, 0.0]), np.array([1e-9, 1e-9, 1.0]))
    assert found == pytest.approx([0.5, 0.0, 0.39894], abs=1e-4)


def test_rewards() -> None:
    seen = [
        Observation(id=0, genome={}, score=1.0, leading=True),
        trial(1, lr("0.2"), score=0.9),
        trial(2, lr("0.3"), score=1.2),
        trial(3, lr("0.4"), score=0.8, leading=True),
        trial(4, lr("0.5"), score=0.7, fate=Fate.MISSED),
    ]
    assert rewards(seen, MIN) == {0: 1.0, 1: 0.5, 2: 0.0, 3: 1.0, 4: 0.0}
