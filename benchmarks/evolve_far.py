"""Real trials far from the seed recipe, chosen by a method that is not evolve's.

    python -m benchmarks.evolve_far --task airbench --looks 300 --world FOLDER

goes on with a table (see `evolve_table`) where its own regression sees the greatest gains: what
mutation and crossover make of the points that it takes for best, after few generations and after
many, with little room above the gate and with more. After each round of trials the regression is
fitted anew. So a search in the surrogate does not find gains where nobody has looked, and the
best of these trials says what is attainable. In another world than the table's, what is added
is told as multiples of what the seed recipe has there.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from random import Random

from benchmarks.evolve_fits import Point
from benchmarks.evolve_surrogate import Surrogate
from benchmarks.evolve_table import (
    DATA,
    EACH,
    EVERYBODY,
    Bench,
    Table,
    begun,
    far_file,
    whole_table,
)
from benchmarks.evolve_world import Measured, bred

from autores.errors import UserError
from autores.plugins.agents.evolve.candidates import turn
from autores.plugins.agents.evolve.genome import OFF, ON, Edit, move_gene
from autores.status import Cause

ROUND = 24
"""Trials between two fits."""
_AGES = (3, 12, 40, 150)
"""Generations from which points are taken."""
_MOST_SLACK = 2.0
"""Standard deviations of a margin, above the gate."""


def points(world: Measured, random: Random) -> Iterator[Point]:
    """Points that the surrogate takes for good; each of two searches gives one of each age."""
    while True:
        slack = random.uniform(0, _MOST_SLACK) * world.margin_sd
        ages = list(islice(bred(world, random, slack), _AGES[-1]))
        for age in _AGES:
            yield random.choice(ages[age - 1])[1]


def edits_of(world: Measured, point: Point) -> tuple[Edit, ...]:
    """The edits of the seed recipe that lie at a point."""
    knobs = world.territory(EVERYBODY, world.seed_files).knobs({})
    turned = (
        turn(knob, knob.scale.value(point[knob.gene]))
        for knob in knobs
        if knob.scale is not None and knob.gene in point
    )
    made = (
        Edit(gene=move_gene(name), old=OFF, new=ON)
        for name in sorted(world.moves)
        if move_gene(name) in point
    )
    return (*filter(None, turned), *made)


def measure(bench: Bench, file: Path, many: int, each_round: int = ROUND) -> None:
    """Add so many trials to a table; they are kept apart, after each."""
    kept = far_file(file)
    table = Table.read(kept) if kept.exists() else begun(bench)
    if table.world != bench.world:
        raise UserError(f"{kept} is of another world; say --world")
    bench.look(())
    goal = len(table.looks) + many
    while (left := goal - len(table.looks)) > 0:
        whole = whole_table(file)
        world, random = Measured(Surrogate(whole)), Random(f"far {len(whole.looks)}")
        chosen = islice(points(world, random), min(each_round, left))
        for edits in _with_seed_looks([edits_of(world, point) for point in chosen]):
            look = bench.look(edits)
            if look is not None and look.cause != Cause.HARNESS.value:
                table = replace(table, looks=(*table.looks, look), far=table.far + 1)
                table.write(kept)
                print(len(table.looks), look.cause, look.score, dict(look.counts), file=sys.stderr)


def _with_seed_looks(chosen: Sequence[tuple[Edit, ...]]) -> Iterator[tuple[Edit, ...]]:
    for number, edits in enumerate(chosen):
        if number % EACH == 0:
            yield ()
        yield edits


def main() -> int:
    """Go on with a table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.evolve_far", description=__doc__)
    parser.add_argument("--task", default="airbench")
    parser.add_argument("--profile", default="micro")
    parser.add_argument("--looks", type=int, default=300)
    parser.add_argument("--round", type=int, default=ROUND, help="trials between two fits")
    parser.add_argument("--world", type=Path, default=Path(tempfile.gettempdir(), "autores-table"))
    options = parser.parse_args()
    try:
        bench = Bench(options.task, options.profile, options.world)
        measure(
            bench, DATA / f"{options.task}-{options.profile}.json", options.looks, options.round
        )
    except UserError as error:
        parser.error(str(error))
    return 0


if __name__ == "__main__":
    sys.exit(main())
