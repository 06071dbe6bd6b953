"""Small spaces in which every recipe was really measured, and searches in them.

    python -m benchmarks.evolve_grid --measure --world FOLDER

looks twice at each recipe of a task's grid (`GRIDS`); several processes may do so at once, each
on a core of its own. Then

    python -m benchmarks.evolve_grid --seeds 0 50

lets every searcher of `evolve_replays` work there. Nothing is predicted: what a recipe is worth is
the mean of the looks at it, so that no surrogate has to be right for a ranking of searchers to
hold. `python -m benchmarks evolve_measured` compares them.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from itertools import combinations, product
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from benchmarks.evolve_fits import Array, Point, Seen, spearman
from benchmarks.evolve_readings import Read, threshold
from benchmarks.evolve_replays import BASELINES, GENERALIST, SEARCHERS, play
from benchmarks.evolve_surrogate import Surrogate, noise_of
from benchmarks.evolve_table import DATA, EACH, Bench, Look, Table, added, begun
from benchmarks.evolve_world import Ground, Recipes, margin_noise

from autores.errors import UserError
from autores.moves import Move
from autores.plugins.agents.evolve.features import point_of
from autores.plugins.agents.evolve.genome import (
    OFF,
    ON,
    Edit,
    Files,
    Genome,
    edited,
    move_gene,
)
from autores.plugins.agents.evolve.knobs import Knob, read_text
from autores.plugins.agents.evolve.laboratory import Truth
from autores.plugins.agents.evolve.scales import Scale
from autores.records import Specialist
from autores.status import Cause

LOOKS = 2
"""At each recipe, unless the first says that it misses its gate by far."""
ALONE = (GENERALIST, *BASELINES)
"""Searchers for which surfaces are no bounds. In a grid, what a specialist alone can do to a recipe
is soon done, and a searcher that knows of nothing else would be idle in most of its turns."""
HOPELESS = 0.03
"""Of right answers below the gate: more than four standard deviations of a look."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """Levels of some genes; their product is a space of recipes."""

    levels: Mapping[str, Sequence[str]]
    """Texts of each gene, the seed recipe's first."""

    @property
    def points(self) -> Iterator[tuple[Edit, ...]]:
        """Every recipe but the seed one, as edits of it."""
        for chosen in product(*self.levels.values()):
            pairs = zip(self.levels.items(), chosen, strict=True)
            edits = tuple(
                Edit(gene=gene, old=texts[0], new=new)
                for (gene, texts), new in pairs
                if new != texts[0]
            )
            if edits:
                yield edits


def _moves(*names: str) -> dict[str, Sequence[str]]:
    return {move_gene(name): (OFF, ON) for name in names}


GRIDS: Mapping[str, Grid] = {
    "airbench": Grid(
        levels={
            "train.py::epochs_scale": ("1.0", "0.707", "1.41"),
            "train.py::depth": ("3", "2", "4"),
            "train.py::ema_power": ("3.0", "6.0"),
            "train.py::label_smoothing": ("0.2", "0.35"),
            **_moves("unsure_views", "centred_gradients", "dropout", "normalised_filters"),
        }
    ),
    "parameter_golf": Grid(
        levels={
            "train_gpt.py::reserve": ("3.0", "1.88"),
            "train_gpt.py::matrix_lr": ("0.03", "0.0495"),
            "train_gpt.py::PRECISION": ("12", "11"),
            "train_gpt.py::ttt_lr": ("0.05", "0.0404"),
            **_moves("uncapped", "between_both", "parallel_blocks", "from_beginnings"),
        }
    ),
}
"""What the best recipes turn that an independent search found on the task's table (`the best of the
table`). airbench: what at least three of five turn, as far as 600 recipes go, and the depth, so
that each specialist has something of its own; numbers that do much lie half a coordinate to both
sides, others a coordinate up. parameter_golf: of each of eight surfaces, what most of nine turn, at
the median of where they have it."""


# ------------------------------------------------------------------------------ measuring


def grid_file(task: str, profile: str) -> Path:
    """Where a grid's looks are kept."""
    return DATA / "grid" / f"{task}-{profile}.json"


def measure(bench: Bench, file: Path) -> None:
    """Look at every recipe of a grid; go on where others, or an earlier run, have stopped."""
    points, random = tuple(GRIDS[bench.task.name].points), Random()
    empty = replace(begun(bench), each=LOOKS)
    bench.look(())  # what is cold reads from the disk on time that is for training
    lock = bench.folder.with_suffix(".lock")
    table = added(empty, file, lock)
    while (edits := _next(table, points, random)) is not None:
        look = bench.look(edits)
        looks = [] if look is None or look.cause == Cause.HARNESS.value else [look]
        table = added(empty, file, lock, *looks)
        print(len(table.looks), *(f"{x.cause} {x.score} {x.wall}" for x in looks), file=sys.stderr)


def _next(
    table: Table, points: Sequence[tuple[Edit, ...]], random: Random
) -> tuple[Edit, ...] | None:
    """One of the recipes looked at least; the seed recipe in its turn; None when all is done."""
    done = Counter(look.edits for look in table.looks)
    if EACH * done[()] <= len(table.looks):
        return ()
    hopeless = set(_hopeless(table))
    left = [edits for edits in points if done[edits] < LOOKS and edits not in hopeless]
    least = min((done[edits] for edits in left), default=0)
    return random.choice([edits for edits in left if done[edits] == least]) if left else None


def _hopeless(table: Table) -> Iterator[tuple[Edit, ...]]:
    """What has no score, or misses the gate by so much that another look would say the same."""
    gated = any(look.counts.get("asked") for look in table.looks)
    least = threshold(table) - HOPELESS if gated else 0.0
    for look in table.looks:
        asked = look.counts.get("asked")
        if look.counts["right"] / asked < least if asked else look.score is None:
            yield look.edits


# -------------------------------------------------------------------------------- searching


@dataclass(frozen=True, slots=True, kw_only=True)
class Steps(Scale):
    """The scale of a number that has a few levels; a coordinate means the nearest."""

    levels: tuple[float, ...]

    def value(self, coordinate: float) -> int | float:
        """The nearest level."""
        return min(self.levels, key=lambda level: abs(self.coordinate(level) - coordinate))

    def beside(self, value: float, up: bool) -> int | float:
        """The next level; the same one at the end."""
        further = [level for level in self.levels if (level > value if up else level < value)]
        return min(further, key=lambda level: abs(level - value), default=value)


class Plot(Ground):
    """The part of a territory that lies in a grid."""

    def __init__(self, grid: Grid, *ground: Any) -> None:
        """Keep to the grid."""
        super().__init__(*ground)
        self._grid = grid

    def knobs(self, genome: Genome) -> tuple[Knob, ...]:
        """Those with levels."""
        return tuple(
            replace(knob, scale=_steps(knob.scale, self._grid.levels[knob.gene]))
            for knob in super().knobs(genome)
            if knob.gene in self._grid.levels and knob.scale is not None
        )

    def offers(self, move: Move, new: str) -> bool:
        """No move from outside."""
        return move_gene(move.name) in self._grid.levels and super().offers(move, new)


def _steps(scale: Scale, texts: Sequence[str]) -> Steps:
    plain = {part.name: getattr(scale, part.name) for part in fields(scale)}
    levels = (value for text in texts if isinstance(value := read_text(text), int | float))
    return Steps(**plain, levels=tuple(levels))


class Factorial(Surrogate):
    """A table of a whole grid: what the machine's pace did is told without a regression."""

    def agreement(self, read: Read, *, timed: bool = False) -> tuple[float, int]:
        """Rank correlation between the two looks at recipes that have two, and how many have."""
        looks: dict[tuple[Edit, ...], list[float]] = {}
        for i, look in enumerate(self.table.looks):
            value = read(look) if look.edits else None
            if value is not None:
                pace = self._paces.get(i, 0.0) if timed else 0.0
                looks.setdefault(look.edits, []).append(value - pace)
        pairs = np.array([seen for seen in looks.values() if len(seen) == LOOKS])
        return spearman(pairs[:, 0], pairs[:, 1]), len(pairs)

    def _missed(self, read: Read, told: Sequence[int], points: tuple[Point, ...]) -> Array:
        """By how much levels and pairs of levels fall short of what was read."""
        levels = sorted({level for point in points for level in point.items()})
        ones = np.array([[point.get(gene) == x for gene, x in levels] for point in points], float)
        pairs = [ones[:, a] * ones[:, b] for a, b in combinations(range(len(levels)), 2)]
        rows = np.column_stack([np.ones(len(points)), ones, *pairs])
        values = np.array([read(self.table.looks[i]) for i in told], float)
        return values - rows @ np.linalg.lstsq(rows, values, rcond=None)[0]


class Counted(Recipes):
    """A `World` in which every recipe was measured."""

    def __init__(self, found: Factorial, *, generalist: bool = False) -> None:
        """Take means of the looks at each recipe, at the machine's usual pace."""
        super().__init__(found.table, found.reading, generalist=generalist)
        self._grid = GRIDS[found.table.task]
        self._scores, self._reads = _means(found.score), _means(found.barrier)
        self._walls = _means(found.seen(_wall))
        self.level = self._scores[_where({})]
        self.noise, self.margin_sd = noise_of(found.score), margin_noise(found)

    def told(self, genome: Genome) -> Truth:
        """What was measured of a recipe."""
        where, barrier = _where(genome), self.reading.barrier
        score, read = self._scores.get(where), self._reads.get(where)
        if score is None or (barrier and read is None):
            return Truth(height=0.0, margin=0.0, breaks=True)
        margin = 1.0
        if barrier and read is not None:
            reached, asked = barrier.plain(np.array([read, barrier.bar(self.table)]))
            margin = float(reached - asked)
        return Truth(height=self.level - score, margin=margin, breaks=False)

    def specialists(self) -> tuple[Specialist, ...]:
        """Those that own something of the grid."""
        return tuple(filter(self._owns, super().specialists()))

    def _owns(self, specialist: Specialist) -> bool:
        ground = self.territory(specialist, self.seed_files)
        return any(ground.knobs({})) or any(ground.offers(m, ON) for m in self.moves.values())

    def taken(self, files: Files) -> float:
        """Seconds of a trial."""
        return self._walls[_where(self.genome(files))]

    def ground(self, specialist: Specialist, files: Files) -> Ground:
        """What of the grid a specialist may change."""
        return Plot(self._grid, self.task, specialist, files, self.idle)

    @property
    def many(self) -> int:
        """Recipes, the seed one among them."""
        return 1 + sum(1 for _ in self._grid.points)

    def best(self) -> float:
        """The greatest gain that there is."""
        truths = (self.told(edited({}, edits)) for edits in self._grid.points)
        return max(one.height for one in truths if one.margin >= 0 and not one.breaks)


def _wall(look: Look) -> float:
    return look.wall


def _where(genome: Genome) -> frozenset[tuple[str, float]]:
    return frozenset(point_of(genome).items())


def _means(seen: Seen) -> dict[frozenset[tuple[str, float]], float]:
    found: dict[frozenset[tuple[str, float]], list[float]] = {}
    for point, value in zip(seen.points, seen.values, strict=True):
        found.setdefault(frozenset(point.items()), []).append(value)
    return {where: statistics.fmean(values) for where, values in found.items()}


def grids() -> Iterator[Factorial]:
    """What was measured of all grids, whole ones only."""
    for file in sorted((DATA / "grid").glob("*.json")):
        table = Table.read(file)
        if _next(table, tuple(GRIDS[table.task].points), Random(0)) is None:
            yield Factorial(table)


def main() -> int:
    """Measure a grid."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.evolve_grid", description=__doc__)
    parser.add_argument("--task", default="airbench", choices=GRIDS)
    parser.add_argument("--profile", default="micro")
    parser.add_argument("--world", type=Path, default=Path(tempfile.gettempdir(), "autores-table"))
    parser.add_argument("--measure", action="store_true", help="look at what is left")
    parser.add_argument("--seeds", type=int, nargs=2, metavar=("FIRST", "END"), default=[0, 50])
    parser.add_argument("--searchers", nargs="*", choices=SEARCHERS, default=list(SEARCHERS))
    options = parser.parse_args()
    file = grid_file(options.task, options.profile)
    if options.measure:
        try:
            measure(Bench(options.task, options.profile, options.world), file)
        except UserError as error:
            parser.error(str(error))
        return 0
    found = Factorial(Table.read(file))
    world, lone = Counted(found), Counted(found, generalist=True)
    play(world, lone, range(*options.seeds), options.searchers, alone=ALONE)
    return 0


if __name__ == "__main__":
    sys.exit(main())
