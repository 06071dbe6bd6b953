"""How well a table of real trials predicts trials that it does not hold.

The surrogate is a ridge regression on the genes one by one (a line, a bend and a kink for each)
and on their products in pairs: another kind of model than evolve's own. It predicts components:
seconds, rates of right answers, and whether a trial breaks; gates are applied afterwards.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from benchmarks.evolve_table import DATA, Look, Table
from benchmarks.report import Report, Row
from numpy.typing import NDArray

from autores.plugins.agents.evolve.features import point_of
from autores.plugins.agents.evolve.genome import edited

Array = NDArray[np.float64]
Point = Mapping[str, float]
FURTHEST = 2.0
"""Beyond this a coordinate changes nothing more: the table does not reach there."""
FOLDS = 10
_PENALTIES = (0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
_TOGETHER = (0.0, 0.03, 0.1, 0.3)
PHASES = ("train", "inference")
_SHORTEST = 0.05
_RATES = (0.5, 0.9995)


class Ridge:
    """Genes and pairs of genes; the penalties are chosen by leaving one out."""

    def __init__(self, points: Sequence[Point], values: Sequence[float]) -> None:
        self._names = sorted({name for point in points for name in point})
        self._rows = self._matrix(points)
        seen = np.asarray(values, dtype=float)
        self._level = float(np.median(seen))
        fits = [self._fit(seen - self._level, p, t) for p in _PENALTIES for t in _TOGETHER]
        _, self._weights, self._together = min(fits, key=lambda fit: fit[0])

    def predict(self, points: Sequence[Point]) -> Array:
        """The value of each point."""
        kernel = _kernel(self._matrix(points), self._rows, self._together)
        return np.asarray(self._level + kernel @ self._weights)

    def _matrix(self, points: Sequence[Point]) -> Array:
        rows = [[point.get(name, 0.0) for name in self._names] for point in points]
        return np.clip(np.asarray(rows, dtype=float), -FURTHEST, FURTHEST)

    def _fit(self, seen: Array, penalty: float, together: float) -> tuple[float, Array, float]:
        kernel = _kernel(self._rows, self._rows, together)
        inverse = np.linalg.inv(kernel + penalty * np.eye(len(seen)))
        weights = inverse @ seen
        missed = weights / np.diag(inverse)
        return float(np.mean(np.minimum(missed**2, np.var(seen)))), weights, together


def _kernel(a: Array, b: Array, together: float) -> Array:
    """Inner products of lines, bends and kinks, and of products in pairs; 0 at the seed recipe."""
    lines = a @ b.T
    bends = (a**2 @ (b**2).T + np.maximum(a, 0) @ np.maximum(b, 0).T) / 2
    pairs = (lines**2 - a**2 @ (b**2).T) / 2
    return np.asarray(lines + bends + together * pairs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One component of a table's trials, where it was measured."""

    points: tuple[Point, ...]
    values: tuple[float, ...]

    def held_out(self) -> Array:
        """What a surrogate of the others predicts for each trial, in ten parts."""
        guesses = np.zeros(len(self.values))
        for fold in range(FOLDS):
            kept = [i for i in range(len(self.values)) if i % FOLDS != fold]
            left = [i for i in range(len(self.values)) if i % FOLDS == fold]
            model = Ridge([self.points[i] for i in kept], [self.values[i] for i in kept])
            guesses[left] = model.predict([self.points[i] for i in left])
        return guesses


def component(table: Table, read: Callable[[Look], float | None]) -> Seen:
    """A component of the trials that have it."""
    found = [(point_of_look(x), value) for x in table.looks if (value := read(x)) is not None]
    return Seen(points=tuple(p for p, _ in found), values=tuple(v for _, v in found))


def point_of_look(look: Look) -> Point:
    """Where a trial lies."""
    return point_of(edited({}, look.edits))


def seconds_of(phase: str) -> Callable[[Look], float | None]:
    """Logarithm of a phase's processor seconds after GO, which neighbours disturb least.

    What was used before and after is told apart by the clock.
    """

    def read(look: Look) -> float | None:
        if look.score is None:
            return None
        before, after = (look.metrics[f"{phase}{part}_seconds"] for part in ("_prepare", ""))
        return math.log(max(_SHORTEST, look.cpu[phase] * after / (before + after)))

    return read


def rate_of(hits: str, total: str) -> Callable[[Look], float | None]:
    """Log odds of a right answer."""

    def read(look: Look) -> float | None:
        return logit(look.counts[hits] / look.counts[total]) if look.counts.get(total) else None

    return read


def breaks(look: Look) -> float:
    """Whether it ended early."""
    return float(look.score is None)


def logit(rate: float) -> float:
    """Of a rate, within what can be told apart."""
    inside = min(max(rate, _RATES[0]), _RATES[1])
    return math.log(inside / (1 - inside))


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


def tables() -> list[Table]:
    """All that are kept."""
    return [Table.read(file) for file in sorted(DATA.glob("*.json"))]


def threshold(table: Table) -> float:
    """The rate that a trial must reach: as calibration would set it for this table's seed looks."""
    seeds = [look.counts for look in table.looks if not look.edits and look.counts]
    rate = statistics.fmean(counts["right"] / counts["asked"] for counts in seeds)
    return rate - 1.6 * math.sqrt(rate * (1 - rate) / seeds[0]["asked"])


def _rows(table: Table) -> Iterator[Row]:
    name = f"{table.task} {table.profile}"
    yield Row(name=f"{name}: real trials", value=len(table.looks), unit="")
    for phase in PHASES:
        yield from _fit_rows(f"{name}: seconds of {phase}", component(table, seconds_of(phase)))
    rates = component(table, rate_of("right", "asked"))
    yield from _fit_rows(f"{name}: odds of a right answer", rates)
    passed = [value >= logit(threshold(table)) for value in rates.values]
    yield _row(f"{name}: the gate, AUC", area(passed, rates.held_out()), rates)
    broken = component(table, breaks)
    ended = [value > 0 for value in broken.values]
    yield _row(f"{name}: ending early, AUC", area(ended, broken.held_out()), broken)


def _fit_rows(name: str, seen: Seen) -> Iterator[Row]:
    values, guesses = np.array(seen.values), seen.held_out()
    noise = np.var([v for p, v in zip(seen.points, seen.values, strict=True) if not p], ddof=1)
    yield _row(f"{name}, R²", explained(values, guesses), seen)
    yield _row(f"{name}, R² that noise leaves", 1 - float(noise / np.var(values)), seen)
    yield _row(f"{name}, Spearman", spearman(values, guesses), seen)


def _row(name: str, value: float, seen: Seen) -> Row:
    return Row(name=name, value=value, unit="", samples=len(seen.values))


def run() -> Report:
    """All tables that are kept."""
    return Report(
        title="Surrogates of real trials, on trials held out",
        rows=[row for table in tables() for row in _rows(table)],
        notes=[f"{t.task} {t.profile}: measured on {t.machine}" for t in tables()],
    )
