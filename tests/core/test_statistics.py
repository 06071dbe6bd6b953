from __future__ import annotations

import itertools
import math
import random
from fractions import Fraction
from statistics import NormalDist

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autores.statistics import (
    Scale,
    beta_cdf,
    binomial_tail,
    bootstrap_interval,
    chance_of_passing,
    compare,
    lag1,
    next_error,
    rate_at_least,
    rate_at_most,
    student_quantile,
    student_tail,
    welch,
    wilson,
)

PLAIN = st.floats(-1e3, 1e3).map(lambda x: round(x, 6))
SAMPLES = st.lists(PLAIN, min_size=2, max_size=12)
DF = st.floats(0.6, 500)


# --------------------------------------------------------------------- distributions


@pytest.mark.parametrize(
    ("p", "df", "value"),
    [  # published tables of Student's t
        (0.95, 1, 6.3138),
        (0.975, 2, 4.3027),
        (0.99, 3, 4.5407),
        (0.975, 5, 2.5706),
        (0.995, 10, 3.1693),
        (0.9995, 3, 12.9240),
        (0.975, 30, 2.0423),
        (0.999, 120, 3.1595),
    ],
)
def test_student_quantiles_agree_with_the_tables(p: float, df: float, value: float) -> None:
    assert student_quantile(p, df) == pytest.approx(value, abs=6e-5)


@given(st.floats(-300, 300))
def test_one_degree_of_freedom_is_the_cauchy_distribution(t: float) -> None:
    assert student_tail(t, 1) == pytest.approx(0.5 - math.atan(t) / math.pi, abs=1e-12)


@given(st.floats(-300, 300))
def test_two_degrees_of_freedom_have_a_closed_form(t: float) -> None:
    closed = 1 / ((2 + t * t) * (1 + t / math.sqrt(2 + t * t))) if t > 0 else None
    expected = closed if closed is not None else 0.5 - t / (2 * math.sqrt(2 + t * t))
    assert student_tail(t, 2) == pytest.approx(expected, rel=1e-9)


@given(st.floats(1e-6, 1 - 1e-6), DF)
def test_quantile_and_tail_are_inverse(p: float, df: float) -> None:
    assert student_tail(student_quantile(p, df), df) == pytest.approx(1 - p, rel=1e-6)


@given(st.floats(-50, 50), st.floats(0, 50), DF)
def test_the_tail_falls_and_is_symmetric(t: float, step: float, df: float) -> None:
    assert 0 <= student_tail(t + step, df) <= student_tail(t, df) + 1e-14 <= 1 + 1e-14
    assert student_tail(t, df) + student_tail(-t, df) == pytest.approx(1)


@given(st.floats(0.5, 8), DF)
def test_fewer_degrees_of_freedom_make_it_harder(t: float, df: float) -> None:
    assert student_tail(t, df) >= student_tail(t, df * 2) >= NormalDist().cdf(-t) * (1 - 1e-9)


@given(st.floats(0, 1), st.integers(1, 30), st.integers(1, 30))
def test_beta_cdf_is_the_sum_of_binomials(x: float, a: int, b: int) -> None:
    n = a + b - 1
    terms = (math.comb(n, k) * x**k * (1 - x) ** (n - k) for k in range(a, n + 1))
    assert beta_cdf(x, a, b) == pytest.approx(math.fsum(terms), abs=1e-12)


@pytest.mark.parametrize(("t", "df"), [(0.0, 0.0), (1.0, -1.0)])
def test_no_degrees_of_freedom_is_an_error(t: float, df: float) -> None:
    with pytest.raises(ValueError, match="degrees of freedom"):
        student_tail(t, df)


# ----------------------------------------------------------------------------- spread


@given(st.lists(SAMPLES, min_size=1, max_size=5))
def test_pooling_weighs_by_degrees_of_freedom(groups: list[list[float]]) -> None:
    pooled = Scale.pooled(Scale.of(group) for group in groups)
    squares = sum((x - sum(g) / len(g)) ** 2 for g in groups for x in g)
    assert pooled.df == sum(len(g) - 1 for g in groups)
    assert pooled.sd**2 * pooled.df == pytest.approx(squares, rel=1e-6, abs=1e-6)


def test_a_single_look_says_nothing_of_the_spread() -> None:
    assert Scale.of([3.0]) == Scale(sd=0.0, df=0.0)
    known = Scale(sd=2.0, df=7.0)
    assert Scale.pooled((known, Scale.of([5.0]))) == known
    assert Scale.pooled(()).df == 0


def test_autocorrelation_tells_a_wave_from_noise() -> None:
    rng = random.Random(1)
    walk = list(itertools.accumulate(rng.gauss(0, 1) for _ in range(300)))
    assert lag1(walk) > 0.9
    assert abs(lag1([rng.gauss(0, 1) for _ in range(300)])) < 0.2
    assert lag1([1.0, -1.0] * 50) < -0.9
    assert lag1([4.0, 4.0, 4.0]) == 0.0
    assert lag1([1.0, 2.0]) == 0.0


# ------------------------------------------------------------------------ comparisons


def test_welch_agrees_with_a_worked_example() -> None:
    # Means 20.82 and 15.20, variances 40.78 and 43.21 over 4: from the definitions by hand.
    a, b = [27.5, 21.0, 19.0, 15.78], [24.0, 13.0, 15.8, 8.0]
    tested = welch(a, b)
    va, vb = Scale.of(a).sd ** 2 / 4, Scale.of(b).sd ** 2 / 4
    assert tested.effect == pytest.approx(5.62)
    assert tested.df == pytest.approx((va + vb) ** 2 / (va**2 / 3 + vb**2 / 3))
    assert tested.p == pytest.approx(student_tail(5.62 / math.sqrt(va + vb), tested.df))


@given(SAMPLES, SAMPLES)
def test_welch_is_antisymmetric_and_finite(a: list[float], b: list[float]) -> None:
    one, other = welch(a, b), welch(b, a)
    assert one.effect == -other.effect
    assert all(math.isfinite(x) for x in (one.p, one.df, one.interval.low, one.interval.high))
    assert 0 <= one.p <= 1
    if one.standard_error:
        assert one.p + other.p == pytest.approx(1)


def test_welch_without_any_spread_is_certain() -> None:
    assert welch([2.0, 2.0], [1.0, 1.0]).p == 0.0
    assert welch([1.0, 1.0], [1.0, 1.0]).p == 1.0
    with pytest.raises(ValueError, match="two looks"):
        welch([1.0], [1.0, 2.0])


def test_welch_holds_its_error_when_the_noisy_side_is_small() -> None:
    rng = random.Random(7)

    def p() -> float:
        return welch([rng.gauss(0, 3) for _ in range(4)], [rng.gauss(0, 1) for _ in range(12)]).p

    share = sum(p() < 0.05 for _ in range(2000)) / 2000
    assert 0.03 < share < 0.065


@given(SAMPLES, SAMPLES, st.integers(0, 100))
def test_the_bootstrap_is_seeded_and_stays_in_range(
    a: list[float], b: list[float], seed: int
) -> None:
    one = bootstrap_interval(a, b, seed=seed, resamples=200)
    assert one == bootstrap_interval(a, b, seed=seed, resamples=200)
    assert min(a) - max(b) - 1e-6 <= one.low <= one.high <= max(a) - min(b) + 1e-6


@given(st.floats(-5, 5), st.floats(0.01, 5), DF)
def test_the_interval_narrows_with_its_level(effect: float, error: float, df: float) -> None:
    wide, narrow = (compare(effect, error, df, level=level).interval for level in (0.95, 0.5))
    assert wide.low < narrow.low < effect < narrow.high < wide.high


# ----------------------------------------------------------------------- error control


@given(
    st.floats(0.001, 0.2),
    st.floats(0.2, 50),
    st.lists(st.floats(0, 1), min_size=1, max_size=200),
)
def test_an_error_is_never_overspent(total: float, horizon: float, used: list[float]) -> None:
    spent = 0.0
    for part in used:
        share = next_error(total, spent, horizon=horizon)
        assert 0 <= share <= total - spent + 1e-15
        spent += part * share
    assert spent <= total


def test_the_shares_are_the_series_they_claim_to_be() -> None:
    spent, horizon = 0.0, 5.0
    for k in range(1, 40):
        share = next_error(1.0, spent, horizon=horizon)
        assert share == pytest.approx(horizon / ((horizon + k - 1) * (horizon + k)))
        spent += share
        if k == horizon:
            assert spent == pytest.approx(0.5)


# ----------------------------------------------------------------------------- counts


def test_wilson_agrees_with_a_published_example() -> None:
    interval = wilson(81, 263)  # Newcombe 1998
    assert (interval.low, interval.high) == pytest.approx((0.2553, 0.3662), abs=5e-5)


@given(st.integers(0, 400), st.integers(0, 400))
def test_wilson_contains_the_rate(hits: int, misses: int) -> None:
    total = hits + misses
    interval = wilson(hits, total)
    rate = hits / total if total else 0.5
    assert 0 <= interval.low <= rate + 1e-12 and rate - 1e-12 <= interval.high <= 1
    mirrored = wilson(misses, total)
    assert mirrored.low == pytest.approx(1 - interval.high)


@given(st.integers(0, 60), st.integers(0, 60), st.floats(0.01, 0.99))
def test_the_binomial_tail_is_the_sum(hits: int, misses: int, rate: float) -> None:
    n = hits + misses
    terms = (math.comb(n, k) * rate**k * (1 - rate) ** (n - k) for k in range(hits, n + 1))
    assert binomial_tail(hits, n, rate) == pytest.approx(math.fsum(terms), abs=1e-10)


@given(st.integers(0, 500), st.integers(1, 500), st.floats(0.5, 0.999))
def test_exact_bounds_invert_the_tail(hits: int, misses: int, level: float) -> None:
    total = hits + misses
    low, high = rate_at_least(hits, total, level=level), rate_at_most(hits, total, level=level)
    assert low <= hits / total <= high
    if hits:
        assert binomial_tail(hits, total, low) == pytest.approx(1 - level, rel=1e-6)


@pytest.mark.parametrize(("hits", "total"), [(-1, 3), (4, 3)])
def test_impossible_counts_are_refused(hits: int, total: int) -> None:
    with pytest.raises(ValueError, match="hits of"):
        wilson(hits, total)


@given(st.integers(0, 300), st.integers(0, 300), st.integers(0, 300), st.integers(1, 99))
def test_the_chance_of_passing_is_a_chance_and_grows_with_hits(
    hits: int, misses: int, more: int, percent: int
) -> None:
    gate = Fraction(percent, 100)
    total = hits + misses + 1
    chance = chance_of_passing(hits, total, more, gate)
    assert 0 <= chance <= chance_of_passing(hits + 1, total, more, gate) + 1e-12 <= 1 + 2e-12


def test_the_gate_is_exact_when_nothing_is_to_come() -> None:
    assert chance_of_passing(9600, 10_000, 0, "0.96") == 1.0
    assert chance_of_passing(9599, 10_000, 0, "0.96") == 0.0


def test_the_chance_of_passing_matches_simulation() -> None:
    rng = random.Random(3)
    hits, total, more = 88, 100, 60

    def passes() -> bool:
        rate = rng.betavariate(hits + 0.5, total - hits + 0.5)
        return hits + sum(rng.random() < rate for _ in range(more)) >= 0.9 * (total + more)

    share = sum(passes() for _ in range(4000)) / 4000
    assert chance_of_passing(hits, total, more, "0.9") == pytest.approx(share, abs=0.03)


def test_few_or_clustered_counts_are_less_certain() -> None:
    few = chance_of_passing(190, 200, 800, "0.96")
    many = chance_of_passing(1900, 2000, 8000, "0.96")
    clustered = chance_of_passing(1900, 2000, 8000, "0.96", design_effect=10)
    assert many < clustered < 0.5
    assert few == pytest.approx(clustered, abs=0.02)
