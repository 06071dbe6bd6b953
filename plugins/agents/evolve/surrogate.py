"""A Gaussian process in numpy: what genes do to a number, and how sure that is.

The prior is a sum of one smooth curve per gene, each held at zero where the gene is as in the
seed recipe, and a weaker smooth part for what genes do together. Few trials teach much that
way: what one learns of a gene holds whatever else was changed. Most genes do little and a few do
much, so that what was seldom tried may still do more than all that was tried often.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autores.plugins.agents.evolve.work import work_of

Array = NDArray[np.float64]
Point = Mapping[str, float]
"""Feature to coordinate; what is not named is 0."""

_WIDTHS = (1.2, 3.0)
"""Coordinates over which a gene's curve may turn."""
_SIZES = (0.25, 0.7, 2.0)
"""Of a gene's effect, in standard deviations of what was measured."""
_SURPRISE = 8.0
"""How much more variance the effect of a gene has that nobody has tried."""
_TOGETHER = 0.35
"""Of what genes do together, relative to one gene's effect."""
_TOGETHER_WIDTH = 3.0
_JITTER = 1e-8


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """Of some points, and of how they differ from the first."""

    mean: Array
    variance: Array
    shared: Array
    """Covariance of each with the first."""

    @property
    def sd(self) -> Array:
        """Of each point."""
        return np.sqrt(np.maximum(self.variance, 0.0))

    def against_first(self) -> tuple[Array, Array]:
        """Mean and standard deviation of each point's difference to the first."""
        spread = self.variance + self.variance[0] - 2 * self.shared
        return self.mean - self.mean[0], np.sqrt(np.maximum(spread, 0.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shape:
    width: float
    size: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Factor:
    """A fit under one shape."""

    evidence: float
    root: Array
    """Cholesky root of the covariance."""
    rest: Array
    """Whitened values without their level."""
    level: float


class Surrogate:
    """Learns from points, and predicts others."""

    def __init__(
        self,
        points: Sequence[Point],
        values: Sequence[float],
        noise: Sequence[float],
        *,
        doubled: float = 0.0,
    ) -> None:
        """Fit.

        Args:
            points: What was measured.
            values: What came out.
            noise: The variance of each value.
            doubled: What twice the work is expected to do to a value, before anything is
                known, in standard deviations of the values.
        """
        self._names = sorted({name for point in points for name in point})
        self._points = matrix(points, self._names)
        self._shares = _shares(np.count_nonzero(self._points, axis=0))
        self._noise = np.asarray(noise, dtype=float)
        seen = np.asarray(values, dtype=float)
        self._slope = doubled * self._unit(seen)
        self._values = seen - self._expected(points)
        self._fit()

    def predict(self, points: Sequence[Point]) -> Prediction:
        """What these points would give; genes never measured have a mean of zero effect."""
        names = [*self._names, *sorted({n for p in points for n in p} - {*self._names})]
        asked = matrix(points, names)
        known = np.pad(self._points, ((0, 0), (0, len(names) - len(self._names))))
        size, width = self._shape.size, self._shape.width
        shares = np.concatenate((self._shares, _shares(np.zeros(len(names) - len(self._names)))))
        cross = size**2 * _kernel(asked, known, width, shares)
        half = np.linalg.solve(self._root, cross.T)
        return Prediction(
            mean=self._level + self._expected(points) + cross @ self._weights,
            variance=size**2 * _variances(asked, width, shares) - (half**2).sum(0),
            shared=size**2 * _kernel(asked[:1], asked, width, shares)[0] - half[:, 0] @ half,
        )

    def _expected(self, points: Sequence[Point]) -> Array:
        """What work alone would do."""
        return self._slope * np.array([work_of(point) for point in points])

    def _unit(self, values: Array) -> float:
        spread = float(np.std(values)) if len(values) > 1 else 0.0
        return max(spread, float(np.sqrt(np.median(self._noise))), 1e-9)

    def _fit(self) -> None:
        unit = self._unit(self._values)
        shapes = [_Shape(width=w, size=s * unit) for w in _WIDTHS for s in _SIZES]
        kernels = {w: _kernel(self._points, self._points, w, self._shares) for w in _WIDTHS}
        fits = [self._factor(shape, kernels[shape.width]) for shape in shapes]
        best = max(range(len(shapes)), key=lambda i: fits[i].evidence)
        self._shape, fit = shapes[best], fits[best]
        self._root, self._level = fit.root, fit.level
        self._weights = np.linalg.solve(fit.root.T, fit.rest)

    def _factor(self, shape: _Shape, kernel: Array) -> _Factor:
        total = shape.size**2 * kernel
        total[np.diag_indices_from(total)] += self._noise + _JITTER * shape.size**2
        root = np.asarray(np.linalg.cholesky(total), dtype=float)
        both = np.linalg.solve(root, np.column_stack((np.ones(len(total)), self._values)))
        ones, seen = both[:, 0], both[:, 1]
        level = float(ones @ seen / (ones @ ones))
        rest = seen - level * ones
        evidence = -0.5 * float(rest @ rest) - float(np.log(np.diag(root)).sum())
        return _Factor(evidence=evidence, root=root, rest=rest, level=level)


def matrix(points: Iterable[Point], names: Sequence[str]) -> Array:
    """One row for each point, one column for each name."""
    column = {name: i for i, name in enumerate(names)}
    rows = list(points)
    filled = np.zeros((len(rows), len(names)))
    for row, point in enumerate(rows):
        for name, value in point.items():
            filled[row, column[name]] = value
    return filled


def _shares(trials: Array) -> Array:
    """Variance of each gene's effect, by how many trials it has."""
    return 1.0 + _SURPRISE / (1.0 + trials)


def _kernel(a: Array, b: Array, width: float, shares: Array) -> Array:
    """Covariance of two sets of points, for effects of size 1."""
    total = _TOGETHER**2 * np.exp(-0.5 * _squared(a, b) / _TOGETHER_WIDTH**2)
    for column in range(a.shape[1]):
        left, right = np.flatnonzero(a[:, column]), np.flatnonzero(b[:, column])
        if len(left) and len(right):
            x, y = a[left, column] / width, b[right, column] / width
            curve = np.exp(-0.5 * (x[:, None] - y) ** 2)
            curve -= np.exp(-0.5 * x**2)[:, None] * np.exp(-0.5 * y**2)
            total[np.ix_(left, right)] += shares[column] * curve
    return np.asarray(total)


def _variances(a: Array, width: float, shares: Array) -> Array:
    """The diagonal of a kernel of points with themselves."""
    return np.asarray(_TOGETHER**2 - np.expm1(-((a / width) ** 2)) @ shares)


def _squared(a: Array, b: Array) -> Array:
    squares = (a**2).sum(1)[:, None] + (b**2).sum(1) - 2 * a @ b.T
    return np.asarray(np.maximum(squares, 0.0))
