from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from autores.plugins.agents.evolve.scales import FURTHEST, Kind, scale_of


@pytest.mark.parametrize(
    ("name", "origin", "kind"),
    [("lr", 3e-4, Kind.LOG), ("momentum", 0.9, Kind.NEAR_ONE), ("ema_decay", 0.999, Kind.NEAR_ONE),
     ("weight_decay", 0.01, Kind.LOG), ("dropout", 0.1, Kind.SHARE), ("Linear(p)", 0.2, Kind.SHARE),
     ("warmup", 0.1, Kind.SHARE), ("end_factor", 0.0, Kind.FROM_ZERO), ("depth", 3, Kind.COUNT),
     ("batch", 64, Kind.POWER), ("steps", 1000, Kind.LOG), ("scale", -2.0, Kind.LOG)],
)  # fmt: skip
def test_name_and_value_suggest_a_scale(name: str, origin: float, kind: Kind) -> None:
    assert scale_of(name, origin).kind is kind


NAMES = st.sampled_from(["lr", "momentum", "dropout", "steps", "width", "beta2"])
ORIGINS = st.one_of(st.integers(0, 5000), st.floats(1e-6, 1e4), st.just(0.0), st.floats(-50, -0.01))


@given(NAMES, ORIGINS, st.floats(-FURTHEST, FURTHEST), st.booleans())
def test_values_stay_of_their_type_and_within_bounds(
    name: str, origin: float, coordinate: float, off: bool
) -> None:
    scale = scale_of(name, origin, zero_is_off=off)
    value = scale.value(coordinate)
    assert type(value) is type(origin)
    if scale.kind in (Kind.SHARE, Kind.NEAR_ONE):
        assert 0 <= value <= 1
    if scale.kind is Kind.POWER:
        assert isinstance(value, int) and value & (value - 1) == 0
    if isinstance(origin, int):
        assert value >= (0 if off or origin == 0 else 1)


@given(NAMES, ORIGINS, st.floats(-2, 2), st.floats(-2, 2))
def test_a_larger_coordinate_never_goes_the_other_way(
    name: str, origin: float, a: float, b: float
) -> None:
    scale = scale_of(name, origin)
    low, high = sorted((a, b))
    rising = scale.value(high) >= scale.value(low)
    assert rising or origin < 0


@given(NAMES, ORIGINS, st.floats(-FURTHEST, FURTHEST))
def test_what_was_written_is_found_where_it_was_put(
    name: str, origin: float, coordinate: float
) -> None:
    scale = scale_of(name, origin)
    value = scale.value(coordinate)
    assume(value not in (0, 1) or scale.kind is Kind.COUNT)
    assert scale.value(scale.coordinate(value)) == pytest.approx(value, rel=0.02, abs=1e-9)


@given(NAMES, ORIGINS)
def test_the_origin_lies_at_zero_and_has_a_neighbour(name: str, origin: float) -> None:
    scale = scale_of(name, origin)
    assert scale.coordinate(origin) == pytest.approx(0)
    assert scale.beside(origin, True) != origin or scale.beside(origin, False) != origin
