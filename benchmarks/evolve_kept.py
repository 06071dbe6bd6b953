"""What a run would keep: searches under the rules of a run, where real trials were measured.

    python -m benchmarks.evolve_kept --task airbench --seeds 500 550

lets every searcher work once with each seed in the world that a table tells of, and with `--grid`
where every recipe was measured (see `evolve_grid`), by the policy, the gates and the milestones of
a run (see `evolve_ruled`). Every run is written down at once, and what is written is not played
again. `python -m benchmarks evolve_kept` compares.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path

from benchmarks.evolve_grid import ALONE, Counted, Factorial, grid_file, grids
from benchmarks.evolve_proposals import interval
from benchmarks.evolve_real import attained
from benchmarks.evolve_replays import (
    GENERALIST,
    OURS,
    SEARCHERS,
    SHORT,
    TRIALS,
    ground_of,
    searcher_named,
)
from benchmarks.evolve_ruled import Ruled, Stand
from benchmarks.evolve_surrogate import Surrogate
from benchmarks.evolve_table import DATA, Table, whole_table
from benchmarks.evolve_world import Measured, Recipes
from benchmarks.report import Report, Row

LENGTHS = (SHORT, TRIALS)
MEANING = (
    "A run of the bundled policy, with its gates, claims and milestones, ends after so many trials; "
    "a gain is the logarithm of the seed recipe's true score over that of what it keeps, 0 where it "
    "keeps nothing and where that truly misses its gate. True is what a surrogate of real trials "
    "says (see `evolve_surrogate` for how good these are), or what was measured of every recipe. "
    "The attainable gain is as in `evolve_measured`."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """One run of one searcher."""

    searcher: str
    seed: int
    ground: str
    """What it worked on (see `evolve_replays.ground_of`)."""
    stands: Mapping[int, Stand]
    """After so many trials."""


# -------------------------------------------------------------------------------- playing


def play(
    world: Recipes, lone: Recipes, seeds: Sequence[int], names: Sequence[str], alone: Sequence[str]
) -> None:
    """Let searchers work with each seed, those in `alone` as one generalist."""
    for seed in seeds:
        for name in names:
            if seed not in kept_runs(world.table).get(name, {}):
                _write(world.table, _played(lone if name in alone else world, name, seed))


def _played(world: Recipes, name: str, seed: int) -> Kept:
    stands = Ruled(world, searcher_named(name), seed).course(LENGTHS)
    found = dict(zip(LENGTHS, stands, strict=True))
    return Kept(searcher=name, seed=seed, ground=ground_of(world.table), stands=found)


def _write(table: Table, one: Kept) -> None:
    file = _file(table)
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a") as lines:
        lines.write(json.dumps(asdict(one), sort_keys=True) + "\n")


def _file(table: Table) -> Path:
    return DATA / "kept" / f"{table.task}-{table.profile}.jsonl"


def kept_runs(table: Table) -> dict[str, dict[int, Kept]]:
    """Those in the world of a table, by searcher and seed."""
    found: dict[str, dict[int, Kept]] = {}
    file = _file(table)
    for line in file.read_text().splitlines() if file.exists() else ():
        row = json.loads(line)
        if row["ground"] == ground_of(table):
            stands = {int(trials): Stand(**stand) for trials, stand in row["stands"].items()}
            one = Kept(**row | {"stands": stands})
            found.setdefault(one.searcher, {})[one.seed] = one
    return found


# -------------------------------------------------------------------------------- figures


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """All searchers in one world."""

    world: str
    best: float
    """The attainable gain."""
    runs: Mapping[str, Mapping[int, Kept]]

    def rows(self) -> Iterator[Row]:
        """The figures."""
        for trials in LENGTHS:
            gains = self._gains(OURS, trials)
            share = 100 * statistics.fmean(gains) / self.best
            yield self._row(f"share of the attainable gain kept after {trials}", share, "%", OURS)
            median = statistics.median(gains)
            yield self._row(f"median of what is kept after {trials}, {OURS}", median, "log", OURS)
        for name, trials in product(self._names, LENGTHS):
            mean = statistics.fmean(self._gains(name, trials))
            yield self._row(f"kept after {trials}, {name}", mean, "log", name)
        for name, trials in product(self._names, LENGTHS):
            yield from self._sure_rows(name, trials)

    def notes(self) -> Iterator[str]:
        """The differences."""
        for other, trials in product(self._names, LENGTHS):
            both = sorted(self.runs[OURS].keys() & self.runs[other].keys())
            ours, theirs = (
                [self.runs[name][seed].stands[trials].kept for seed in both]
                for name in (OURS, other)
            )
            if other != OURS:
                low, high = interval([a - b for a, b in zip(ours, theirs, strict=True)])
                yield (
                    f"{self.world}: what evolve keeps less what {other} keeps after {trials} "
                    f"trials: {low:+.4f} to {high:+.4f} (95 %, paired, n = {len(both)})"
                )

    @property
    def _names(self) -> list[str]:
        return [name for name in SEARCHERS if name in self.runs]

    def _gains(self, name: str, trials: int) -> list[float]:
        return [one.stands[trials].kept for one in self.runs[name].values()]

    def _sure_rows(self, name: str, trials: int) -> Iterator[Row]:
        stands = [one.stands[trials] for one in self.runs[name].values()]
        kept = 100 * statistics.fmean(stand.keeps for stand in stands)
        false = 100 * statistics.fmean(stand.keeps and stand.kept <= 0 for stand in stands)
        looks = statistics.fmean(stand.looks for stand in stands)
        yield self._row(f"runs that keep something after {trials}, {name}", kept, "%", name)
        yield self._row(f"runs whose keep is no gain after {trials}, {name}", false, "%", name)
        yield self._row(f"looks of {trials} trials, {name}", looks, "", name)

    def _row(self, what: str, value: float, unit: str, name: str) -> Row:
        samples = len(self.runs[name])
        return Row(name=f"{self.world}: {what}", value=value, unit=unit, samples=samples)


def studies() -> Iterator[Study]:
    """Of each table and each grid in whose world evolve has worked."""
    for file in sorted(DATA.glob("*.json")):
        table = whole_table(file)
        if OURS in (runs := kept_runs(table)):
            yield Study(world=f"{table.task} {table.profile}", best=attained(table), runs=runs)
    for grid in grids():
        if OURS in (runs := kept_runs(grid.table)):
            world = Counted(grid)
            name = f"{grid.name}, all {world.many} measured"
            yield Study(world=name, best=world.best(), runs=runs)


def run() -> Report:
    """Compare what is written down."""
    found = list(studies())
    return Report(
        title="What runs keep where real trials were measured",
        rows=[row for one in found for row in one.rows()],
        notes=[*(note for one in found for note in one.notes()), MEANING],
    )


def main() -> int:
    """Work with some seeds."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.evolve_kept", description=__doc__)
    parser.add_argument("--task", default="airbench")
    parser.add_argument("--profile", default="micro")
    parser.add_argument("--grid", action="store_true", help="where every recipe was measured")
    parser.add_argument("--seeds", type=int, nargs=2, metavar=("FIRST", "END"), default=[500, 550])
    parser.add_argument("--searchers", nargs="*", choices=SEARCHERS, default=list(SEARCHERS))
    options = parser.parse_args()
    seeds, names = range(*options.seeds), options.searchers
    if options.grid:
        all_measured = Factorial(Table.read(grid_file(options.task, options.profile)))
        lone = Counted(all_measured, generalist=True)
        play(Counted(all_measured), lone, seeds, names, ALONE)
    else:
        found = Surrogate(whole_table(DATA / f"{options.task}-{options.profile}.json"))
        play(Measured(found), Measured(found, generalist=True), seeds, names, (GENERALIST,))
    return 0


if __name__ == "__main__":
    sys.exit(main())
