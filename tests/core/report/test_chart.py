from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autores.report import Sources
from autores.report.chart import HEIGHT, LEFT, RIGHT, TOP, WIDTH, Scale, chart, decimals, ticks


@given(st.floats(-1e6, 1e6), st.floats(1e-6, 1e6), st.integers(2, 9))
def test_ticks_are_few_even_and_within(low: float, width: float, about: int) -> None:
    found = ticks(low, low + width, about)
    assert len(found) <= about + 1
    slack = 1e-6 * (abs(low) + width)
    assert all(low - slack <= value <= low + width + slack for value in found)


def test_every_status_is_visible(sources: Sources) -> None:
    picture = chart(sources.story)
    for name in ("baseline", "keep", "lead", "discard"):
        assert f'href="#g-{name}"' in picture
    assert "crash: 1 trials" in picture


def test_what_is_far_worse_stands_at_the_edge(sources: Sources) -> None:
    scale = Scale.of(sources.story)
    assert scale is not None
    assert scale.y(scale.high) == TOP
    assert scale.y(1e9) == TOP
    assert scale.y(scale.low) == pytest.approx(HEIGHT)
    assert all(scale.holds(score) for score in (0.7, 0.8, 1.0))


def test_nothing_is_drawn_outside(sources: Sources) -> None:
    for x, y in re.findall(r'<use[^>]* x="([\d.-]+)" y="([\d.-]+)"', chart(sources.story)):
        assert LEFT <= float(x) <= WIDTH - RIGHT
        assert TOP <= float(y) <= HEIGHT


@pytest.mark.parametrize(
    ("values", "places"),
    [([1.0, 2.0], 0), ([10.0, 30.0], 0), ([0.1, 0.15], 2), ([1.08, 1.082], 3), ([7.0], 4)],
)
def test_ticks_show_what_tells_them_apart(values: list[float], places: int) -> None:
    assert decimals(values) == places
