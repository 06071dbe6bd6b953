"""Regressions that are no evolve: fitted to real trials, they predict others.

A fit is the mean of two. A ridge regression on the genes one by one (a line, a bend and a kink
for each) and on their products in pairs spreads an effect over whatever might have had it; a
sparse one on the genes alone, in which every coefficient has a prior width of its own that
the data choose, blames few. Evolve's own model is a sum of Gaussian processes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Point = Mapping[str, float]
FURTHEST = 2.0
"""Beyond this a coordinate changes nothing more: a table does not reach there."""
FOLDS = 20
_NEAR = 7
"""Genes up to which a point is one of those whose median is the level at the seed recipe."""
_PENALTIES = (0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
_TOGETHER = (0.0, 0.03, 0.1, 0.3)
_ROUNDS = 60
_WIDTHS = 1e-8, 1e3
"""Of a coefficient's prior, squared: least and greatest."""


class Fit(Protocol):
    """Predicts values of points from those that it was fitted to."""

    def predict(self, points: Sequence[Point]) -> Array:
        """The value of each point."""
        ...


class Genes:
    """The genes that some points have, as columns."""

    def __init__(self, points: Sequence[Point]) -> None:
        self._names = sorted({name for point in points for name in point})

    def rows(self, points: Sequence[Point]) -> Array:
        """A row for each point."""
        rows = [[point.get(name, 0.0) for name in self._names] for point in points]
        return np.asarray(np.clip(np.asarray(rows, dtype=float), -FURTHEST, FURTHEST))


class Ridge:
    """Genes and pairs of genes; the penalties are chosen by leaving one out."""

    def __init__(
        self, points: Sequence[Point], values: Sequence[float], looks: Sequence[int] = ()
    ) -> None:
        """Fit values that are means of so many looks; () where all are of as many."""
        self._doubts = _doubts(values, looks)
        self._genes = Genes(points)
        self._rows = self._genes.rows(points)
        seen = np.asarray(values, dtype=float)
        near = [value for point, value in zip(points, values, strict=True) if len(point) <= _NEAR]
        self._level = float(np.median(near or seen))
        fits = [self._fit(seen - self._level, p, t) for p in _PENALTIES for t in _TOGETHER]
        _, self._weights, self._together = min(fits, key=lambda fit: fit[0])

    def predict(self, points: Sequence[Point]) -> Array:
        """The value of each point."""
        kernel = _kernel(self._genes.rows(points), self._rows, self._together)
        return np.asarray(self._level + kernel @ self._weights)

    def _fit(self, seen: Array, penalty: float, together: float) -> tuple[float, Array, float]:
        kernel = _kernel(self._rows, self._rows, together)
        inverse = np.linalg.inv(kernel + penalty * np.diag(self._doubts))
        weights = inverse @ seen
        missed = np.minimum((weights / np.diag(inverse)) ** 2, np.var(seen))
        return float(np.average(missed, weights=1 / self._doubts)), weights, together


def _doubts(values: Sequence[float], looks: Sequence[int]) -> Array:
    """Variances of the noise, as multiples of the least."""
    many = np.asarray(looks or [1] * len(values), dtype=float)
    return np.asarray(many.max() / many)


def _kernel(a: Array, b: Array, together: float) -> Array:
    """Inner products of lines, bends and kinks, and of products in pairs; 0 at the seed recipe."""
    lines = a @ b.T
    bends = (a**2 @ (b**2).T + np.maximum(a, 0) @ np.maximum(b, 0).T) / 2
    pairs = (lines**2 - a**2 @ (b**2).T) / 2
    return np.asarray(lines + bends + together * pairs)


class Sparse:
    """Genes alone, most of which have no effect: automatic relevance determination."""

    def __init__(
        self, points: Sequence[Point], values: Sequence[float], looks: Sequence[int] = ()
    ) -> None:
        """Fit values that are means of so many looks; () where all are of as many."""
        self._genes = Genes(points)
        seen = np.asarray(values, dtype=float)
        at_seed = [v for point, v in zip(points, seen, strict=True) if not point]
        self._level = float(np.median(at_seed or seen))
        sure = 1 / np.sqrt(_doubts(values, looks))
        rows = _bent(self._genes.rows(points))
        self._weights = _relevant(sure[:, None] * rows, sure * (seen - self._level))

    def predict(self, points: Sequence[Point]) -> Array:
        """The value of each point."""
        return np.asarray(self._level + _bent(self._genes.rows(points)) @ self._weights)


def _bent(rows: Array) -> Array:
    """A line, a kink and a bend for each gene."""
    return np.concatenate((rows, np.maximum(rows, 0), rows**2 / 2), axis=1)


def _relevant(rows: Array, seen: Array) -> Array:
    """Coefficients under priors whose widths, like the noise, are what makes `seen` likely."""
    spread = float(np.mean(seen**2)) + 1e-12
    noise, widths = 0.1 * spread, np.full(rows.shape[1], spread / 20)
    weights = np.zeros(rows.shape[1])
    for _ in range(_ROUNDS):
        scaled = rows * widths
        solved = np.linalg.solve(scaled @ rows.T + noise * np.eye(len(seen)), scaled)
        weights = solved.T @ seen
        told = np.clip(np.einsum("nm,nm->m", solved, rows), 1e-12, 1.0)
        widths = np.clip(weights**2 / told, *_WIDTHS)
        missed = seen - rows @ weights
        noise = max(1e-4 * spread, float(missed @ missed) / max(1.0, len(seen) - told.sum()))
    return np.asarray(weights)


class Blend:
    """The mean of both, which predicts better than either."""

    def __init__(
        self, points: Sequence[Point], values: Sequence[float], looks: Sequence[int] = ()
    ) -> None:
        """Fit values that are means of so many looks; () where all are of as many."""
        self._fits: tuple[Fit, ...] = tuple(kind(points, values, looks) for kind in (Ridge, Sparse))

    def predict(self, points: Sequence[Point]) -> Array:
        """The value of each point."""
        return np.asarray(np.mean([fit.predict(points) for fit in self._fits], axis=0))


class Chosen(Enum):
    """How a trial was chosen."""

    NEAR = "by a design around the seed recipe"
    TURNED = "by a design that always turns one knob up"
    FAR = "by a search"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One component of a table's trials, where it was measured."""

    points: tuple[Point, ...]
    values: tuple[float, ...]
    chosen: tuple[Chosen, ...] = ()
    """How each was; () where all by a design around the seed recipe."""
    looks: tuple[int, ...] = ()
    """Of how many each value is the mean; () where of one."""

    def among(self, *kinds: Chosen) -> NDArray[np.bool_]:
        """Which points of several genes were chosen so."""
        chosen = self.chosen or (Chosen.NEAR,) * len(self.points)
        pairs = zip(self.points, chosen, strict=True)
        return np.array([len(point) > 1 and how in kinds for point, how in pairs])

    def fit(self) -> Fit:
        """To all of them."""
        return self._fit_to(range(len(self.values)))

    def _fit_to(self, which: Sequence[int]) -> Fit:
        looks = [self.looks[i] for i in which] if self.looks else ()
        return Blend([self.points[i] for i in which], [self.values[i] for i in which], looks)

    def held_out(self, folds: int = FOLDS) -> Array:
        """What a fit to the others predicts for each trial, in so many parts."""
        guesses = np.zeros(len(self.values))
        for fold in range(folds):
            kept = [i for i in range(len(self.values)) if i % folds != fold]
            left = [i for i in range(len(self.values)) if i % folds == fold]
            guesses[left] = self._fit_to(kept).predict([self.points[i] for i in left])
        return guesses


# ------------------------------------------------------------------------------- figures


def explained(values: Array, guesses: Array) -> float:
    """R²."""
    return float(1 - np.mean((values - guesses) ** 2) / np.var(values))


def spearman(a: Array, b: Array) -> float:
    """Rank correlation."""
    return float(np.corrcoef(_ranks(a), _ranks(b))[0, 1])


def _ranks(values: Array) -> Array:
    order = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(order[2])
    return np.asarray((ends - (order[2] - 1) / 2)[order[1]], dtype=float)


def area(truth: Sequence[bool], guesses: Array) -> float:
    """The chance that one that is true is guessed above one that is not."""
    ranks = _ranks(guesses)
    hits = np.asarray(truth)
    above = ranks[hits].sum() - hits.sum() * (hits.sum() + 1) / 2
    return float(above / (hits.sum() * (~hits).sum()))
