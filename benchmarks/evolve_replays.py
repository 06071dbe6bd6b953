"""Searches replayed where real trials were measured, and kept one by one.

    python -m benchmarks.evolve_replays --task airbench --seeds 500 550

lets every searcher work once with each of these seeds, `TRIALS` trials each, in the world that a
table tells of (see `evolve_world`), with the noise of real looks at the seed recipe. Every
searcher has the same moves, knobs, specialists, gate and rule of acceptance. What is kept of the
same table is not played again, so that several may work side by side and any may be stopped; when
a searcher changes, its lines have to be taken out. `python -m benchmarks evolve_measured` compares.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.evolve_proposals import (
    evolve,
    hill_climbing,
    local_random,
    one_plus_one,
    random_search,
    tpe,
)
from benchmarks.evolve_surrogate import Surrogate
from benchmarks.evolve_table import DATA, Table, whole_table
from benchmarks.evolve_world import Measured, Recipes

from autores.plugins.agents.evolve.features import step_of
from autores.plugins.agents.evolve.genome import OFF, Edit, Genome, edited
from autores.plugins.agents.evolve.history import Fate, Observation
from autores.plugins.agents.evolve.laboratory import Searcher, State, Try
from autores.plugins.agents.evolve.laboratory import run as course_of
from autores.plugins.agents.evolve.settings import Settings

TRIALS = 100
SHORT = 30
REPAIR_WITHIN = 20
OURS = "evolve"
GENERALIST = "with one generalist"


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """One run of one searcher."""

    searcher: str
    seed: int
    ground: str
    """What it was played on (see `ground_of`)."""
    gains: Mapping[int, float]
    """After so many trials: the true gain of what led; 0 where it truly misses."""
    failed: tuple[int, ...]
    """Trials without a score that ranks, of each quarter of the run."""
    misses: int
    repaired: int


def _blind(searcher: Searcher) -> Searcher:
    """One that learns from nothing but the head."""
    return lambda state: searcher(replace(state, seen=[state.head]))


BASELINES: Mapping[str, Searcher] = {
    "random search": random_search,
    "local random search": local_random,
    "hill climbing": hill_climbing,
    "(1+1) evolution": one_plus_one,
    "TPE on knobs": tpe,
}
PARTS: Mapping[str, Callable[[], Searcher]] = {
    "without repair": lambda: evolve(Settings(repair=False)),
    "without moves": lambda: evolve(Settings(moves=False)),
    "without merges": lambda: evolve(Settings(merge=False)),
    "with draws": lambda: evolve(Settings(draw=True)),
    "without bundles": lambda: evolve(Settings(most_edits=3)),
    "without lineage": lambda: _blind(evolve(Settings())),
    GENERALIST: lambda: evolve(Settings()),
}
SEARCHERS = (OURS, *BASELINES, *PARTS)


def searcher_named(name: str) -> Searcher:
    """One that remembers nothing yet."""
    return evolve(Settings()) if name == OURS else BASELINES.get(name) or PARTS[name]()


# -------------------------------------------------------------------------------- playing


def replayed(world: Recipes, name: str, seed: int) -> Replay:
    """Let a searcher work, with its own luck and that of the noise."""
    searcher = searcher_named(name)

    def telling(state: State) -> Try | None:
        made = searcher(state)
        if made is not None:
            world.remember(made.files, edited(state.head.genome, made.edits))
        return made

    course = course_of(world, telling, trials=TRIALS, seed=seed)
    misses, repaired = repairs(course.seen, world.noise)
    failed = [o.fate is not Fate.MEASURED for o in course.seen[1:]]
    quarter = TRIALS // 4
    return Replay(
        searcher=name,
        seed=seed,
        ground=ground_of(world.table),
        gains={n: world.gain(course, n) for n in (SHORT, TRIALS)},
        failed=tuple(sum(failed[i * quarter : (i + 1) * quarter]) for i in range(4)),
        misses=misses,
        repaired=repaired,
    )


def repairs(seen: Sequence[Observation], noise: float) -> tuple[int, int]:
    """Trials that would have led but for the gate, and how many of them soon did otherwise."""
    misses = [o for o in seen if o.fate is Fate.MISSED and _beats(o, seen, noise)]
    return len(misses), sum(_is_repaired(miss, seen) for miss in misses)


def _beats(one: Observation, seen: Sequence[Observation], noise: float) -> bool:
    base = seen[one.parent or 0].score
    return bool(one.score and base and math.log(base / one.score) > noise)


def _is_repaired(miss: Observation, seen: Sequence[Observation]) -> bool:
    """A trial with its edits, or shorter steps the same way, passed and beat what it was made of."""
    base = seen[miss.parent or 0].score or math.inf
    return any(
        later.fate is Fate.MEASURED
        and later.score is not None
        and later.score < base
        and all(_goes_along(edit, later.genome) for edit in miss.edits)
        for later in seen[miss.id + 1 : miss.id + 1 + REPAIR_WITHIN]
    )


def _goes_along(edit: Edit, genome: Genome) -> bool:
    now = genome[edit.gene].now if edit.gene in genome else None
    if now is None or now == edit.new:
        return now is not None or edit.new == OFF
    there = step_of(replace(edit, new=now))
    return there * step_of(edit) > 0


# -------------------------------------------------------------------------------- keeping


def ground_of(table: Table) -> str:
    """Which table it is, and how far it has grown."""
    return f"{table.world} {len(table.looks)}"


def replays_file(table: Table) -> Path:
    """Where replays in a table's world are kept, a line for each."""
    return DATA / "replays" / f"{table.task}-{table.profile}.jsonl"


def kept_replays(table: Table) -> dict[str, dict[int, Replay]]:
    """Those on this ground, by searcher and seed."""
    file = replays_file(table)
    found: dict[str, dict[int, Replay]] = {}
    for line in file.read_text().splitlines() if file.exists() else ():
        one = _replay(json.loads(line))
        if one.ground == ground_of(table):
            found.setdefault(one.searcher, {})[one.seed] = one
    return found


def _replay(row: dict[str, Any]) -> Replay:
    gains = {int(trials): gain for trials, gain in row["gains"].items()}
    return Replay(**row | {"gains": gains, "failed": tuple(row["failed"])})


def play(
    world: Recipes,
    lone: Recipes,
    seeds: Sequence[int],
    names: Sequence[str] = SEARCHERS,
    *,
    alone: Collection[str] = (GENERALIST,),
) -> None:
    """Let searchers work with each seed, where that was not done; each is kept at once.

    Args:
        world: Where all specialists take turns.
        lone: The same with one generalist.
        seeds: Of the searchers and of the noise.
        names: Of the searchers.
        alone: Those that work as one generalist.
    """
    file = replays_file(world.table)
    file.parent.mkdir(parents=True, exist_ok=True)
    for seed in seeds:
        for name in names:
            if seed not in kept_replays(world.table).get(name, {}):
                one = replayed(lone if name in alone else world, name, seed)
                with file.open("a") as kept:
                    kept.write(json.dumps(asdict(one), sort_keys=True) + "\n")


def main() -> int:
    """Play with some seeds."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.evolve_replays")
    parser.description = __doc__
    parser.add_argument("--task", default="airbench")
    parser.add_argument("--profile", default="micro")
    parser.add_argument("--seeds", type=int, nargs=2, metavar=("FIRST", "END"), default=[500, 550])
    parser.add_argument("--searchers", nargs="*", choices=SEARCHERS, default=list(SEARCHERS))
    options = parser.parse_args()
    table = whole_table(DATA / f"{options.task}-{options.profile}.json")
    found = Surrogate(table)
    world, lone = Measured(found), Measured(found, generalist=True)
    play(world, lone, range(*options.seeds), options.searchers)
    return 0


if __name__ == "__main__":
    sys.exit(main())
