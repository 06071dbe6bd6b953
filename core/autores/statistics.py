"""The little statistics that decisions need: numpy and the standard library, nothing else.

Everywhere a larger number is better; callers turn the sign of what is minimised. Nothing
here returns a number that is not finite for finite arguments.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from statistics import NormalDist

import numpy as np

from autores.records import Interval

NORMAL_FROM = 1e6
"""Degrees of freedom from which Student's t is taken for the normal distribution."""

# --------------------------------------------------------------------- distributions


def beta_cdf(x: float, a: float, b: float) -> float:
    """The regularised incomplete beta function, I_x(a, b)."""
    if a <= 0 or b <= 0:
        raise ValueError(f"beta_cdf needs a, b > 0, not {a!r}, {b!r}")
    if x <= 0:
        return 0.0
    if x >= 1:
        return 1.0
    log_front = (
        math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    )
    front = math.exp(log_front)
    # The fraction converges fast on this side of the mean only; the other side mirrors it.
    if x < (a + 1) / (a + b + 2):
        return min(1.0, front * _beta_fraction(x, a, b) / a)
    return max(0.0, 1.0 - front * _beta_fraction(1 - x, b, a) / b)


def _beta_fraction(x: float, a: float, b: float) -> float:
    """The continued fraction of the incomplete beta function, by Lentz's method."""
    tiny = 1e-300
    c, d = 1.0, 1.0 / _away_from_zero(1 - (a + b) * x / (a + 1), tiny)
    value = d
    for m in range(1, 20_000):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for term in (even, odd):
            d = 1.0 / _away_from_zero(1 + term * d, tiny)
            c = _away_from_zero(1 + term / c, tiny)
            value *= d * c
        if abs(d * c - 1) < 1e-15:
            break
    return value


def _away_from_zero(value: float, tiny: float) -> float:
    return value if abs(value) > tiny else tiny


def student_tail(t: float, df: float) -> float:
    """The chance that Student's t with `df` degrees of freedom exceeds `t`."""
    if df <= 0:
        raise ValueError(f"Student's t needs degrees of freedom, not {df!r}")
    if df >= NORMAL_FROM:
        return math.erfc(t / math.sqrt(2)) / 2
    square = t * t
    if square < df:  # near the middle 1 - df / (df + t²) would lose its digits
        middle = beta_cdf(square / (df + square), 0.5, df / 2) / 2
        return 0.5 - math.copysign(middle, t)
    tail = beta_cdf(df / (df + square), df / 2, 0.5) / 2
    return tail if t >= 0 else 1 - tail


@lru_cache(maxsize=4096)
def student_quantile(p: float, df: float) -> float:
    """The value below which Student's t with `df` degrees of freedom lies with chance `p`."""
    if df >= NORMAL_FROM:
        return NormalDist().inv_cdf(p)
    if not 0 < p < 1:
        raise ValueError(f"a quantile needs 0 < p < 1, not {p!r}")
    if p < 0.5:
        return -student_quantile(1 - p, df) if p > 1e-9 else -_upper_quantile(p, df)
    return _upper_quantile(1 - p, df)


def _upper_quantile(tail: float, df: float) -> float:
    """The t ≥ 0 that is exceeded with chance `tail` ≤ 1/2."""
    high = 1.0
    while student_tail(high, df) > tail:
        high *= 2
    return _bisect(lambda t: student_tail(t, df) > tail, 0.0, high)


def _bisect(below: Callable[[float], bool], low: float, high: float) -> float:
    """Where `below` turns false between `low` and `high`."""
    while True:
        middle = (low + high) / 2
        if not low < middle < high or high - low <= 1e-14 * max(1.0, abs(high)):
            return middle
        low, high = (middle, high) if below(middle) else (low, middle)


# ----------------------------------------------------------------------------- spread


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """A standard deviation of single looks, and how well it is known."""

    sd: float
    df: float

    @classmethod
    def of(cls, samples: Sequence[float]) -> Scale:
        """From repeated looks at one thing; without degrees of freedom if there are < 2."""
        n = len(samples)
        if n < 2:
            return cls(sd=0.0, df=0.0)
        mean = math.fsum(samples) / n
        squares = math.fsum((x - mean) ** 2 for x in samples)
        return cls(sd=math.sqrt(squares / (n - 1)), df=float(n - 1))

    @classmethod
    def pooled(cls, scales: Iterable[Scale]) -> Scale:
        """One scale from several estimates, each weighted by its degrees of freedom."""
        known = [s for s in scales if s.df > 0]
        df = math.fsum(s.df for s in known)
        if not df:
            return cls(sd=0.0, df=0.0)
        return cls(sd=math.sqrt(math.fsum(s.df * s.sd**2 for s in known) / df), df=df)

    def times(self, factor: float) -> Scale:
        """The same knowledge of a quantity that spreads `factor` times as much."""
        return Scale(sd=self.sd * factor, df=self.df)


def lag1(samples: Sequence[float]) -> float:
    """Autocorrelation of neighbours in a series; 0 where it has no spread or is too short."""
    if len(samples) < 3:
        return 0.0
    values = np.asarray(samples, dtype=float)
    values = values - values.mean()
    variance = float(values @ values)
    return float(values[1:] @ values[:-1]) / variance if variance > 0 else 0.0


# ------------------------------------------------------------------------ comparisons


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A one-sided test of `contender better than incumbent`."""

    effect: float
    """Difference of the means, positive is better."""
    standard_error: float
    df: float
    p: float
    interval: Interval


def welch(
    contender: Sequence[float], incumbent: Sequence[float], *, level: float = 0.95
) -> Comparison:
    """Welch's t with Satterthwaite degrees of freedom, one-sided; the interval two-sided."""
    a, b = Scale.of(contender), Scale.of(incumbent)
    if not (a.df and b.df):
        raise ValueError("Welch's test needs at least two looks at each side")
    va, vb = a.sd**2 / len(contender), b.sd**2 / len(incumbent)
    effect = _mean(contender) - _mean(incumbent)
    if va + vb == 0:
        return _certain(effect, a.df + b.df, level)
    df = (va + vb) ** 2 / (va**2 / a.df + vb**2 / b.df)
    return compare(effect, math.sqrt(va + vb), df, level=level)


def compare(effect: float, standard_error: float, df: float, *, level: float = 0.95) -> Comparison:
    """Student's t of an effect whose standard error is known with `df` degrees of freedom."""
    half = student_quantile((1 + level) / 2, df) * standard_error
    p = student_tail(effect / standard_error, df) if standard_error > 0 else float(effect <= 0)
    interval = Interval(low=effect - half, high=effect + half, level=level)
    return Comparison(effect=effect, standard_error=standard_error, df=df, p=p, interval=interval)


def _certain(effect: float, df: float, level: float) -> Comparison:
    return compare(effect, 0.0, df, level=level)


def bootstrap_interval(
    contender: Sequence[float],
    incumbent: Sequence[float],
    *,
    level: float = 0.95,
    resamples: int = 4000,
    seed: int = 0,
) -> Interval:
    """Percentile interval of the difference of means; both sides are resampled on their own."""
    rng = np.random.default_rng(seed)
    a, b = (np.asarray(s, dtype=float) for s in (contender, incumbent))
    means_a = rng.choice(a, size=(resamples, a.size)).mean(axis=1)
    means_b = rng.choice(b, size=(resamples, b.size)).mean(axis=1)
    low, high = np.quantile(means_a - means_b, [(1 - level) / 2, (1 + level) / 2])
    return Interval(low=float(low), high=float(high), level=level)


def _mean(samples: Sequence[float]) -> float:
    return math.fsum(samples) / len(samples)


# ----------------------------------------------------------------------- error control


def next_error(total: float, spent: float, *, horizon: float) -> float:
    """What the next test may spend of an error that must last for an unknown number of tests.

    The shares are those of the series h/((h+k-1)(h+k)): nearly equal over the first
    `horizon` tests, about half of the error in all, and never used up. They follow from
    what is left alone, so a test that stopped early leaves its rest to the later ones.
    """
    left = max(0.0, 1.0 - spent / total) if total > 0 else 0.0
    return total * left * left / (horizon + left)


# ----------------------------------------------------------------------------- counts


def wilson(hits: int, total: int, *, level: float = 0.95) -> Interval:
    """Wilson's two-sided interval of a rate."""
    if not 0 <= hits <= total:
        raise ValueError(f"{hits} hits of {total}")
    if total == 0:
        return Interval(low=0.0, high=1.0, level=level)
    z2 = NormalDist().inv_cdf((1 + level) / 2) ** 2
    rate = hits / total
    centre = (rate + z2 / (2 * total)) / (1 + z2 / total)
    half = math.sqrt(z2 * (rate * (1 - rate) + z2 / (4 * total)) / total) / (1 + z2 / total)
    low = 0.0 if hits == 0 else max(0.0, centre - half)
    high = 1.0 if hits == total else min(1.0, centre + half)
    return Interval(low=low, high=high, level=level)


def binomial_tail(hits: int, total: int, rate: float) -> float:
    """The chance of at least `hits` hits in `total` draws at `rate`."""
    if hits <= 0:
        return 1.0
    if hits > total:
        return 0.0
    return beta_cdf(rate, hits, total - hits + 1)


def rate_at_least(hits: int, total: int, *, level: float = 0.95) -> float:
    """The exact one-sided lower bound of a rate (Clopper and Pearson)."""
    if hits <= 0:
        return 0.0
    return _bisect(lambda rate: binomial_tail(hits, total, rate) < 1 - level, 0.0, 1.0)


def rate_at_most(hits: int, total: int, *, level: float = 0.95) -> float:
    """The exact one-sided upper bound of a rate."""
    return 1.0 - rate_at_least(total - hits, total, level=level)


def chance_of_passing(
    hits: int, total: int, more: int, threshold: Fraction | str, *, design_effect: float = 1.0
) -> float:
    """The chance that `more` draws bring the pooled hits up to a gate.

    The rate is not taken as known: given the counts so far the hits to come are
    beta-binomial (Jeffreys prior), so that few counts never look certain.

    Args:
        hits: Hits so far.
        total: Draws so far.
        more: Draws to come.
        threshold: The gate: the least pooled rate, exact.
        design_effect: How much more than binomial counts vary, as a ratio of variances; above
            1 where draws of one seed hang together.
    """
    needed = math.ceil(Fraction(threshold) * (total + more)) - hits
    if needed <= 0:
        return 1.0
    if needed > more:
        return 0.0
    thin = max(1.0, design_effect)
    a, b = hits / thin + 0.5, (total - hits) / thin + 0.5
    draws = max(1, round(more / thin))
    return _beta_binomial_tail(min(draws, math.ceil(needed * draws / more)), draws, a, b)


def _beta_binomial_tail(needed: int, draws: int, a: float, b: float) -> float:
    k = np.arange(draws)
    steps = np.log((draws - k) * (k + a)) - np.log((k + 1) * (draws - k - 1 + b))
    logs = np.concatenate([[0.0], np.cumsum(steps)])
    weights = np.exp(logs - logs.max())
    return float(min(1.0, weights[needed:].sum() / weights.sum()))
