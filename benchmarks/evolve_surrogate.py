"""How well tables of real trials predict trials that they do not hold.

Components are predicted (see `evolve_readings`): seconds, bits, right answers, bytes, and
whether a trial breaks; a score is made of them, and gates are applied afterwards. Seconds are
freed from what the machine's pace did to them, as far as the seconds tell that a trial took to
start, which are no score. What is asked for is asked of Sobol points: most genes that are tried
alone do so little to the score that noise decides their ranks.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from random import Random

import numpy as np
from benchmarks.evolve_fits import Array, Chosen, Point, Seen, area, explained, spearman
from benchmarks.evolve_readings import READINGS, Barrier, Read, Reading
from benchmarks.evolve_table import DATA, Look, Table, plugin_of, whole_table
from benchmarks.report import Report, Row
from numpy.typing import NDArray

from autores.plugins.agents.evolve.features import point_of
from autores.plugins.agents.evolve.genome import Edit, edited

ASKED_SPEARMAN, ASKED_AREA = 0.8, 0.9
"""What a surrogate must reach on trials held out before searches are compared in it."""
SOBOL = Chosen.NEAR, Chosen.TURNED
"""Trials of the design, of which the figures are asked."""
_FEW = 5
"""Trials of a kind, below which nothing is said of it."""
_DRAWS = 20
_FAR = 4.0
"""Median misses, beyond which a trial tells nothing of the machine."""


@dataclass(frozen=True)
class Surrogate:
    """What a table tells, and how well."""

    table: Table

    @cached_property
    def reading(self) -> Reading:
        """Of the table's task."""
        plugin = plugin_of(self.table.task)
        limits = plugin.autores_budget(plugin.autores_task(self.table.profile))
        return READINGS[self.table.task](limits.artifact_bytes)

    def seen(self, read: Read, *, timed: bool = False) -> Seen:
        """A component of the trials that have it; `timed`: at the machine's usual pace."""
        values: dict[tuple[Edit, ...] | int, list[float]] = {}
        firsts: list[int] = []
        for i, look in enumerate(self.table.looks):
            value = read(look)
            if value is not None:
                apart = self.table.each == 1 or not look.edits
                known = values.setdefault(i if apart else look.edits, [])
                firsts += [] if known else [i]
                known.append(value - (self._paces.get(i, 0.0) if timed else 0.0))
        return Seen(
            points=tuple(point_of_look(self.table.looks[i]) for i in firsts),
            values=tuple(map(statistics.fmean, values.values())),
            chosen=tuple(self.table.chosen[i] for i in firsts),
            looks=tuple(map(len, values.values())),
        )

    @cached_property
    def _paces(self) -> Mapping[int, float]:
        """Logarithms of how much the machine's pace has added to scores, by trial."""
        reads = self.reading.pace
        told = [
            i
            for i, look in enumerate(self.table.looks)
            if reads and all(read(look) is not None for read in (self.reading.score, *reads))
        ]
        if not told:
            return {}
        points = tuple(point_of_look(self.table.looks[i]) for i in told)
        missed, *others = (
            self._missed(read, told, points) for read in (self.reading.score, *reads)
        )
        slower = np.stack(others, axis=1)
        slower -= np.median(slower, axis=0)
        usual = np.abs(missed) < _FAR * float(np.median(np.abs(missed)))
        weights = np.linalg.lstsq(slower[usual], missed[usual], rcond=None)[0]
        return dict(zip(told, (slower @ weights).tolist(), strict=True))

    def _missed(self, read: Read, told: Sequence[int], points: tuple[Point, ...]) -> Array:
        """By how much predictions of trials held out fell short."""
        values = tuple(v for i in told if (v := read(self.table.looks[i])) is not None)
        return np.array(values) - Seen(points=points, values=values).held_out()

    @cached_property
    def parts(self) -> dict[str, Seen]:
        """What the score is made of."""
        return {name: self.seen(read, timed=True) for name, read in self.reading.parts.items()}

    @cached_property
    def score(self) -> Seen:
        """As it was measured, at the machine's usual pace."""
        return self.seen(self.reading.score, timed=True)

    @cached_property
    def guessed_score(self) -> Array:
        """Of trials held out."""
        return self.reading.whole([part.held_out() for part in self.parts.values()])

    @cached_property
    def broken(self) -> Seen:
        """What ended with nothing to go by."""
        return self.seen(self.reading.breaks)

    def rank_correlation(self, *kinds: Chosen) -> float:
        """Between scores and those that were predicted of such points held out."""
        among = self.score.among(*kinds)
        return spearman(np.array(self.score.values)[among], self.guessed_score[among])

    @cached_property
    def half_rank_correlation(self) -> float:
        """The same by fits to half of the trials."""
        halves = self.reading.whole([part.held_out(2) for part in self.parts.values()])
        among = self.score.among(*SOBOL)
        return spearman(np.array(self.score.values)[among], halves[among])

    @cached_property
    def reliability(self) -> float | None:
        """The rank correlation that the truth would have with what several looks tell of points.

        By the two halves of the looks at each Sobol point; None where there is one look at each.
        """
        looks: dict[tuple[Edit, ...], list[float]] = {}
        for look in self.table.looks:
            score = self.reading.score(look)
            if score is not None and len(look.edits) > 1:
                looks.setdefault(look.edits, []).append(score)
        told = [seen for seen in looks.values() if len(seen) >= max(2, self.table.each)]
        if self.table.each == 1 or len(told) < _FEW:
            return None
        halves = (np.array([statistics.fmean(seen[i::2]) for seen in told]) for i in range(2))
        alike = spearman(*halves)
        return math.sqrt(max(0.0, 2 * alike / (1 + alike)))

    def gate_area(self, *kinds: Chosen) -> float | None:
        """AUC of the gate on such points held out; None where (nearly) all fall on one side."""
        barrier = self.reading.barrier
        if barrier is None:
            return None
        seen, guesses = self.barrier, self.guessed_barrier
        among = seen.among(*kinds)
        return _area(np.array(seen.values)[among] >= barrier.bar(self.table), guesses[among])

    @cached_property
    def barrier(self) -> Seen:
        """What the gate asks for, of the trials that have it."""
        return self.seen(self.reading.barrier.read if self.reading.barrier else _nothing)

    @cached_property
    def guessed_barrier(self) -> Array:
        """Of trials held out."""
        return self.barrier.held_out()

    @property
    def valid(self) -> bool:
        """Whether it is good enough to compare searches in."""
        ranks, gate = self.rank_correlation(*SOBOL), self.gate_area(*SOBOL)
        return ranks >= ASKED_SPEARMAN and (gate is None or gate >= ASKED_AREA)

    @property
    def name(self) -> str:
        """As figures call it."""
        return f"{self.table.task} {self.table.profile}"


def _area(truth: NDArray[np.bool_], guesses: Array) -> float | None:
    few = min(int(truth.sum()), int((~truth).sum()))
    return area(truth.tolist(), guesses) if few >= _FEW else None


def _nothing(look: Look) -> None:
    """Read of a look where there is no gate."""


def point_of_look(look: Look) -> Point:
    """Where a trial lies."""
    return point_of(edited({}, look.edits))


def noise_of(seen: Seen) -> float:
    """Standard deviation among the design's looks at the seed recipe."""
    looks = zip(seen.points, seen.values, seen.chosen, strict=True)
    designed = [value for point, value, how in looks if not point and how is not Chosen.FAR]
    return float(np.std(designed, ddof=1))


def _left_noise(seen: Seen) -> Array:
    """The same of what is told of each point."""
    return noise_of(seen) / np.sqrt(np.array(seen.looks))


def surrogates() -> list[Surrogate]:
    """Of all tables that are kept, with what was added in other worlds."""
    return [Surrogate(whole_table(file)) for file in sorted(DATA.glob("*.json"))]


# -------------------------------------------------------------------------------- figures


def _rows(found: Surrogate) -> Iterator[Row]:
    yield Row(name=f"{found.name}: real trials", value=len(found.table.looks), unit="")
    if len(found.parts) > 1:
        for name, seen in found.parts.items():
            yield from _fit_rows(f"{found.name}: {name}", seen, seen.held_out())
    yield from _fit_rows(f"{found.name}: score", found.score, found.guessed_score)
    yield Row(
        name=f"{found.name}: score, Spearman among Sobol points",
        value=found.rank_correlation(*SOBOL),
        unit="",
        baseline=ASKED_SPEARMAN,
        compared_with="asked for",
        samples=int(found.score.among(*SOBOL).sum()),
    )
    yield Row(
        name=f"{found.name}: score, Spearman among Sobol points, half of the trials held out",
        value=found.half_rank_correlation,
        unit="",
        samples=int(found.score.among(*SOBOL).sum()),
    )
    if found.reliability is not None:
        yield Row(
            name=f"{found.name}: score, Spearman among Sobol points that noise leaves, by halves",
            value=found.reliability,
            unit="",
            samples=int(found.score.among(Chosen.NEAR).sum()),
        )
    for kind in Chosen if found.table.turned else (Chosen.FAR,):
        if among := int(found.score.among(kind).sum()):
            yield Row(
                name=f"{found.name}: score, Spearman among points chosen {kind.value}",
                value=found.rank_correlation(kind),
                unit="",
                samples=among,
            )
    if found.reading.barrier is not None:
        yield from _barrier_rows(found, found.reading.barrier)
    ended = _area(np.array(found.broken.values) > 0, found.broken.held_out())
    if ended is not None:
        yield _row(f"{found.name}: ending early, AUC", ended, found.broken)


def _barrier_rows(found: Surrogate, barrier: Barrier) -> Iterator[Row]:
    seen, guesses = found.barrier, found.guessed_barrier
    yield from _fit_rows(f"{found.name}: {barrier.name}", seen, guesses)
    gate, far_gate = found.gate_area(*SOBOL), found.gate_area(Chosen.FAR)
    if far_gate is not None:
        name = f"{found.name}: gate of {barrier.name}, AUC among points chosen {Chosen.FAR.value}"
        far = int(seen.among(Chosen.FAR).sum())
        yield Row(name=name, value=far_gate, unit="", samples=far)
    if gate is None:
        return
    among = seen.among(*SOBOL)
    yield Row(
        name=f"{found.name}: gate of {barrier.name}, AUC among Sobol points",
        value=gate,
        unit="",
        baseline=ASKED_AREA,
        compared_with="asked for",
        samples=int(among.sum()),
    )
    bar, noise = barrier.bar(found.table), _left_noise(seen)
    looks = _looks(guesses[among], noise[among])
    areas = [found_ for look in looks if (found_ := _area(look >= bar, guesses[among])) is not None]
    yield _row(f"{found.name}: gate, AUC that noise leaves", float(np.mean(areas)), seen)


def _fit_rows(name: str, seen: Seen, guesses: Array) -> Iterator[Row]:
    values, noise = np.array(seen.values), _left_noise(seen)
    yield _row(f"{name}, R²", explained(values, guesses), seen)
    yield _row(f"{name}, R² that noise leaves", 1 - float(np.mean(noise**2) / np.var(values)), seen)
    yield _row(f"{name}, Spearman", spearman(values, guesses), seen)
    yield _row(f"{name}, Spearman that noise leaves", _ceiling(guesses, noise), seen)


def _ceiling(guesses: Array, noise: Array) -> float:
    """Of predictions that were the truth, with looks at them."""
    return math.fsum(spearman(guesses, look) for look in _looks(guesses, noise)) / _DRAWS


def _looks(truths: Array, noise: Array) -> list[Array]:
    random = Random(0)
    return [truths + [random.gauss(0, sd) for sd in noise] for _ in range(_DRAWS)]


def _row(name: str, value: float, seen: Seen) -> Row:
    return Row(name=name, value=value, unit="", samples=len(seen.values))


def _note(found: Surrogate) -> str:
    verdict = "good" if found.valid else "not good"
    return (
        f"{found.name}: {verdict} enough to compare searches in; measured on {found.table.machine}"
    )


def run() -> Report:
    """All tables that are kept."""
    found = surrogates()
    return Report(
        title="Surrogates of real trials, on trials held out",
        rows=[row for one in found for row in _rows(one)],
        notes=[_note(one) for one in found],
    )
