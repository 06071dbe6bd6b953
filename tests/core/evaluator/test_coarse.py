from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from autores.evaluator.coarse import WALL_STEPS, coarse, coarsened
from autores.records import Measurement

AMOUNTS = st.floats(1e-6, 1e6)


@given(AMOUNTS)
def test_it_is_near(value: float) -> None:
    assert 0.7 < coarse(value) / value < 1.42
    assert 0.91 < coarse(value, WALL_STEPS) / value < 1.1


@given(AMOUNTS, AMOUNTS)
def test_order_is_kept_and_rounding_again_changes_nothing(one: float, other: float) -> None:
    assert (coarse(one) <= coarse(other)) or one > other
    for steps in (1, WALL_STEPS):
        assert coarse(coarse(one, steps), steps) == coarse(one, steps)


def test_nothing_stays_nothing() -> None:
    assert coarse(0.0) == coarse(-0.0) == 0.0


def test_few_words_are_left_of_all_that_a_phase_can_use() -> None:
    sizes = {
        coarsened(
            Measurement(phase="inference", seed=1, wall=mib / 100, peak_memory=mib << 20)
        ).peak_memory
        for mib in range(50, 8_192)
    }
    assert len(sizes) <= 9


def test_only_what_was_used_is_rounded() -> None:
    measured = Measurement(
        phase="inference", seed=1, wall=1.03, cpu=3.1, preemptions=9, peak_memory=5, log="log"
    )
    told = Measurement(
        phase="inference", seed=1, wall=1.0, cpu=4.0, preemptions=8, peak_memory=4, log="log"
    )
    assert coarsened(measured) == told
