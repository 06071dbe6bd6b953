"""What searches find where real trials were measured: evolve, baselines, evolve without parts.

Compares the replays that are kept (see `evolve_replays`), where a surrogate is good enough.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product

from benchmarks.evolve_grid import Counted, Factorial, grids
from benchmarks.evolve_proposals import interval
from benchmarks.evolve_real import attained
from benchmarks.evolve_replays import (
    OURS,
    REPAIR_WITHIN,
    SEARCHERS,
    SHORT,
    TRIALS,
    Replay,
    kept_replays,
)
from benchmarks.evolve_surrogate import Surrogate, surrogates
from benchmarks.report import Report, Row

MEANING = (
    "A gain is the logarithm of the seed recipe's score (seconds; bits per byte; 1 less CORE) over "
    "that of what leads, by the surrogate, and 0 where it truly misses its gate or limit. No "
    "component goes beyond what real trials showed. The attainable gain is the best that a long "
    "search with real trials found, by fresh looks (see `evolve_far`). Where all recipes of a small "
    "space were measured (see `evolve_grid`), a gain is by these looks, and so is the best. What was "
    "chosen on which seeds: docs/evolve-measured.md."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """All searchers in the world of one table."""

    world: str
    best: float
    """The attainable gain."""
    runs: Mapping[str, Mapping[int, Replay]]
    """Of each searcher, by seed."""

    def rows(self) -> Iterator[Row]:
        """The figures."""
        names = [name for name in SEARCHERS if name in self.runs]
        yield self._row("attainable gain", self.best, "log", samples=1)
        for trials in (SHORT, TRIALS):
            gains = self._gains(OURS, trials)
            share = 100 * statistics.fmean(gains) / self.best
            yield self._row(f"share of the attainable gain after {trials}", share, "%")
            median = statistics.median(gains)
            yield self._row(f"median gain after {trials}, {OURS}", median, "log")
        for name, trials in product(names, (SHORT, TRIALS)):
            mean = statistics.fmean(self._gains(name, trials))
            yield self._row(f"gain after {trials}, {name}", mean, "log", name)
        for name in names:
            yield from self._failed_rows(name)
            yield self._repair_row(name)

    def notes(self) -> Iterator[str]:
        """The differences."""
        others = [name for name in SEARCHERS if name in self.runs and name != OURS]
        for other, trials in product(others, (SHORT, TRIALS)):
            both = sorted(self.runs[OURS].keys() & self.runs[other].keys())
            ours, theirs = ([self.runs[n][seed] for seed in both] for n in (OURS, other))
            low, high = interval(
                [a.gains[trials] - b.gains[trials] for a, b in zip(ours, theirs, strict=True)]
            )
            yield (
                f"{self.world}: gain of evolve less that of {other} after {trials} trials: "
                f"{low:+.4f} to {high:+.4f} (95 %, paired, n = {len(both)})"
            )

    def _gains(self, name: str, trials: int) -> list[float]:
        return [one.gains[trials] for one in self.runs[name].values()]

    def _failed_rows(self, name: str) -> Iterator[Row]:
        quarters = {"": slice(None), ", first quarter": slice(1), ", last": slice(3, 4)}
        for what, part in quarters.items():
            mean = statistics.fmean(sum(one.failed[part]) for one in self.runs[name].values())
            yield self._row(f"trials of {TRIALS} without a score{what}, {name}", mean, "", name)

    def _repair_row(self, name: str) -> Row:
        misses = sum(one.misses for one in self.runs[name].values())
        mended = sum(one.repaired for one in self.runs[name].values())
        what = f"near misses repaired in {REPAIR_WITHIN} trials, {name}"
        return self._row(what, 100 * mended / max(1, misses), "%", samples=misses)

    def _row(
        self, what: str, value: float, unit: str, name: str = OURS, samples: int | None = None
    ) -> Row:
        n = len(self.runs[name]) if samples is None else samples
        return Row(name=f"{self.world}: {what}", value=value, unit=unit, samples=n)


def study(found: Surrogate) -> Study | None:
    """What is kept of a table; None where evolve has not worked there."""
    runs = kept_replays(found.table)
    if OURS not in runs:
        return None
    return Study(world=found.name, best=attained(found.table), runs=runs)


def study_of_grid(found: Factorial) -> Study | None:
    """The same where every recipe was measured."""
    runs = kept_replays(found.table)
    if OURS not in runs:
        return None
    world = Counted(found)
    return Study(world=f"{found.name}, all {world.many} measured", best=world.best(), runs=runs)


def agreement_rows(found: Factorial) -> Iterator[Row]:
    """How alike the two looks at a grid's recipes are."""
    reading = found.reading
    told = {"score": found.agreement(reading.score, timed=True)}
    if reading.barrier is not None:
        told[reading.barrier.name] = found.agreement(reading.barrier.read)
    for name, (alike, recipes) in told.items():
        what = f"{found.name}, a grid: {name}, Spearman of first and second looks at a recipe"
        yield Row(name=what, value=alike, unit="", samples=recipes)


def run() -> Report:
    """Of each table whose surrogate is good enough, and of each grid."""
    found = surrogates()
    left_out = [f"{one.name}: left out, its surrogate is not good enough" for one in found]
    notes = [note for note, one in zip(left_out, found, strict=True) if not one.valid]
    studies = [made for one in found if one.valid and (made := study(one))]
    studies += [made for one in grids() if (made := study_of_grid(one))]
    return Report(
        title="Searches where real trials were measured",
        rows=[
            *(row for one in grids() for row in agreement_rows(one)),
            *(row for one in studies for row in one.rows()),
        ],
        notes=[*(note for one in studies for note in one.notes()), *notes, MEANING],
    )
