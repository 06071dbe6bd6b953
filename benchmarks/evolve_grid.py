"""A small space of recipes in which every one was really measured, and searches in it.

    python -m benchmarks.evolve_grid --measure --world FOLDER

looks twice at each recipe of a task's grid (`GRIDS`); several processes may do so at once, each
on a core of its own. Nothing is predicted then: what a searcher is told of a recipe is what was
measured of it, so that a ranking of searchers needs no surrogate to be right.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from random import Random

from benchmarks.evolve_readings import threshold
from benchmarks.evolve_table import DATA, EACH, Bench, Look, Table, added, begun

from autores.errors import UserError
from autores.plugins.agents.evolve.genome import OFF, ON, Edit, move_gene
from autores.status import Cause

LOOKS = 2
"""At each recipe, unless the first says that it misses its gate by far."""
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
}
"""What at least three of the five best recipes turn that an independent search found on the
task's table (`the best of the table`), as far as 600 recipes go, and the depth, so that each
specialist has something of its own. Numbers that move the score alone lie half a coordinate to
both sides, others a coordinate up."""


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
    least_rate = threshold(table) - HOPELESS
    hopeless = {look.edits for look in table.looks if _is_hopeless(look, least_rate)}
    left = [edits for edits in points if done[edits] < LOOKS and edits not in hopeless]
    least = min((done[edits] for edits in left), default=0)
    return random.choice([edits for edits in left if done[edits] == least]) if left else None


def _is_hopeless(look: Look, least_rate: float) -> bool:
    """Whether it broke, or misses the gate by so much that another look would say the same."""
    asked = look.counts.get("asked")
    return look.counts["right"] / asked < least_rate if asked else look.score is None


def main() -> int:
    """Measure a grid."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.evolve_grid", description=__doc__)
    parser.add_argument("--task", default="airbench", choices=GRIDS)
    parser.add_argument("--profile", default="micro")
    parser.add_argument("--world", type=Path, default=Path(tempfile.gettempdir(), "autores-table"))
    parser.add_argument("--measure", action="store_true", help="look at what is left")
    options = parser.parse_args()
    try:
        bench = Bench(options.task, options.profile, options.world)
        measure(bench, grid_file(options.task, options.profile))
    except UserError as error:
        parser.error(str(error))
    return 0


if __name__ == "__main__":
    sys.exit(main())
