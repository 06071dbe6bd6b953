"""Do searches rank with real trials as they do where a surrogate answers for these?

    python -m benchmarks.evolve_real --seeds 0 --world FOLDER

lets each searcher work for so many real trials (`LENGTHS`), by the rule of acceptance of
`evolve_replays`, in the world of a table (see `evolve_table`) or in a fresh one, whose gate is
then set by looks of its own. The seed recipe is looked at among the trials, so that the pace of
the machine cancels, where a score hangs on that; what led in the end is measured anew, in turn
with the seed recipe. With `--replayed` the surrogate answers while a searcher works, and only
what led is measured; with `--best` what a table's regression takes for best is measured anew.
`python -m benchmarks evolve_real` compares.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import sys
import tempfile
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import chain
from pathlib import Path
from random import Random

import numpy as np
from benchmarks.evolve_fits import spearman
from benchmarks.evolve_proposals import interval
from benchmarks.evolve_replays import (
    BASELINES,
    OURS,
    SHORT,
    TRIALS,
    kept_replays,
    searcher_named,
)
from benchmarks.evolve_surrogate import Surrogate, point_of_look, surrogates
from benchmarks.evolve_table import DATA, Bench, Look, Table, whole_table
from benchmarks.evolve_world import Measured
from benchmarks.report import Machine, Report, Row

from autores.errors import UserError
from autores.plugins.agents.evolve.genome import Files, apply, digest, edited
from autores.plugins.agents.evolve.history import Fate
from autores.plugins.agents.evolve.laboratory import State, Truth, Try
from autores.plugins.agents.evolve.laboratory import run as course_of

LENGTHS = (SHORT, TRIALS)
"""Trials of a search, after which what leads then is noted."""
FINAL_LOOKS = 4
"""At what led in the end, and as many at the seed recipe."""
PACE = 3
"""After so many trials the seed recipe is looked at again."""
CALIBRATION = 16
"""Looks at the seed recipe that set the gate of a fresh world."""
TABLE = "the best of the table"
SEARCHERS = (OURS, *BASELINES)
MEANING = (
    "A gain is the logarithm of the seed recipe's score over that of what led after so many "
    "trials, and 0 where it misses the gate. Real gains are of fresh looks, after the search."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RealRun:
    """What came of one search with real trials."""

    searcher: str
    seed: int
    world: str
    """The table's or a fresh one."""
    processor: str
    trials: int
    leads: int
    failed: int
    """Trials without a score that ranks."""
    gain: float
    """By fresh looks; as it is, also where the gate was missed."""
    margin: float
    """Above the gate, by the same looks."""
    led: Mapping[str, str] = field(default_factory=dict)
    """What led, as the genes in which it differs from the seed recipe."""
    said: float | None = None
    """Where the surrogate answered while it worked: the gain by the surrogate."""

    @property
    def is_search(self) -> bool:
        """Whether every trial of it was real."""
        return self.said is None and self.searcher != TABLE

    @property
    def worth(self) -> float:
        """The gain, where the gate is passed."""
        return self.gain if self.margin >= 0 else 0.0


class Real(Measured):
    """The world of a table, or a fresh one of the same kind, in which every look is a real one."""

    def __init__(self, found: Surrogate, bench: Bench) -> None:
        """Look by `bench`; where it has another world than the table, set the gate anew."""
        super().__init__(found)
        self.bench = bench
        self.processor = Machine.here().processor
        self._at_seed: deque[float] = deque(maxlen=2)
        self._seconds: dict[str, float] = {}
        self._since = 0
        self._is_paced = bool(self.reading.pace)
        looks = found.table.looks
        if bench.world != found.table.world and (self.gated or not self._is_paced):
            looks = tuple(bench.look_at(self.seed_files) for _ in range(CALIBRATION))
            if self.reading.barrier is not None:
                self._bar = self.reading.barrier.bar(replace(found.table, looks=looks))
        if not self._is_paced:
            told = [self.reading.score(look) for look in looks if not look.edits]
            self.level = statistics.fmean(score for score in told if score is not None)

    def measure(self, files: Files, random: Random) -> tuple[Truth, float, float]:
        """What one real trial shows, its score at the pace of the last looks at the seed recipe."""
        while self._is_paced and (self._since >= PACE or len(self._at_seed) < 2):
            self._look_at_seed()
        self._since += 1
        look = self.bench.look_at(files)
        self._seconds[digest(files)] = look.wall
        truth, score, margin = self.shown(look)
        return truth, self._paced(score), margin

    def taken(self, files: Files) -> float:
        """Seconds of the last trial of a tree."""
        return self._seconds[digest(files)]

    def _look_at_seed(self) -> None:
        truth, score, _ = self.shown(self.bench.look_at(self.seed_files))
        if truth.breaks:
            raise UserError("the seed recipe has no score here; is the machine too slow?")
        self._at_seed.append(score)
        self._since = 0

    def _paced(self, score: float) -> float:
        if not self._is_paced:
            return score
        return score * math.exp(self.level) / statistics.geometric_mean(self._at_seed)

    def shown(self, look: Look) -> tuple[Truth, float, float]:
        """A trial's score and margin; both mean nothing where it broke."""
        score, margin = self.reading.score(look), self.margin_of(look)
        breaks = score is None or margin is None
        truth = Truth(height=0.0, margin=margin or 0.0, breaks=breaks)
        return truth, math.exp(score or 0.0), margin or 0.0

    def final(self, files: Files) -> tuple[float, float]:
        """Gain and margin of what led, by fresh looks."""
        if files == self.seed_files:
            return 0.0, 1.0
        if self._is_paced:
            self._look_at_seed()
        shown = [self._between(files) for _ in range(FINAL_LOOKS)]
        if any(truth.breaks for truth, *_ in shown):
            return 0.0, -1.0
        gain = statistics.fmean(self.level - math.log(score) for _, score, _ in shown)
        return gain, statistics.fmean(margin for *_, margin in shown)

    def _between(self, files: Files) -> tuple[Truth, float, float]:
        """A look between two at the seed recipe."""
        truth, score, margin = self.shown(self.bench.look_at(files))
        if self._is_paced:
            self._look_at_seed()
        return truth, self._paced(score), margin


def searched(
    real: Real,
    name: str,
    seed: int,
    replayed: Measured | None = None,
    lengths: Sequence[int] = LENGTHS,
) -> Iterator[RealRun]:
    """Let a searcher work, here or where a surrogate answers, and tell what led after each length."""
    world = replayed or real
    trees: dict[str, Files] = {digest(world.seed_files): world.seed_files}

    searcher = searcher_named(name)

    def telling(state: State) -> Try | None:
        made = searcher(state)
        if made is not None:
            trees[digest(made.files)] = made.files
            world.remember(made.files, edited(state.head.genome, made.edits))
        return made

    course = course_of(world, telling, trials=lengths[-1], seed=seed)
    genomes = {tree: world.genome(files) for tree, files in trees.items()}
    measured: dict[str, tuple[float, float]] = {}
    for length in lengths:
        led = course.seen[course.heads[length - 1]].genome
        tree = next(tree for tree, genome in genomes.items() if genome == led)
        if tree not in measured:
            measured[tree] = real.final(trees[tree])
        gain, margin = measured[tree]
        yield RealRun(
            searcher=name,
            seed=seed,
            world=real.bench.world,
            processor=real.processor,
            trials=length,
            leads=len(set(course.heads[:length]) - {0}),
            failed=sum(one.fate is not Fate.MEASURED for one in course.seen[1 : length + 1]),
            gain=gain,
            margin=margin,
            led={gene: allele.now for gene, allele in sorted(led.items())},
            said=replayed.gain(course, length) if replayed else None,
        )


def best_of_table(world: Real, many: int = 5) -> Iterator[RealRun]:
    """Fresh looks at those of a table's trials that its regression takes for the best."""
    table = world.found.table
    passed = [look for look in table.looks if look.edits and (world.margin_of(look) or -1.0) >= 0]
    gains, margins, _ = world.of([point_of_look(look) for look in passed])
    best = sorted(zip(gains, margins, range(len(passed)), strict=True), reverse=True)
    for rank, (_, _, number) in enumerate([one for one in best if one[1] >= 0][:many]):
        edits = passed[number].edits
        files = apply(world.seed_files, edits, world.moves)
        assert files is not None  # it was measured
        gain, margin = world.final(files)
        yield RealRun(
            searcher=TABLE,
            seed=rank,
            world=world.bench.world,
            processor=world.processor,
            trials=len(table.looks),
            leads=0,
            failed=0,
            gain=gain,
            margin=margin,
            led={edit.gene: edit.new for edit in edits},
        )


# -------------------------------------------------------------------------------- keeping


def runs_file(table: Table) -> Path:
    """Where real runs in a table's world are kept."""
    return DATA / "runs" / f"{table.task}-{table.profile}.json"


def kept_runs(table: Table) -> tuple[RealRun, ...]:
    """Those that were measured; none where the table was measured anew since."""
    file = runs_file(table)
    kept = json.loads(file.read_text()) if file.exists() else {"world": ""}
    if kept["world"] != table.world:
        return ()
    return tuple(RealRun(**row) for row in kept["runs"])


def attained(table: Table) -> float:
    """The greatest real gain of the best trials of a table, a long search's among them."""
    best = [one.worth for one in kept_runs(table) if one.searcher == TABLE]
    if not best:
        raise UserError(f"first: python -m benchmarks.evolve_real --task {table.task} --best")
    return max(best)


def keep(table: Table, runs: Sequence[RealRun]) -> None:
    """Write them down."""
    file = runs_file(table)
    file.parent.mkdir(parents=True, exist_ok=True)
    rows = ",\n  ".join(json.dumps(asdict(one), sort_keys=True) for one in runs)
    file.write_text(f'{{"world": "{table.world}",\n "runs": [\n  {rows}\n]}}\n')


# -------------------------------------------------------------------------------- figures


def _rows(found: Surrogate, runs: Sequence[RealRun]) -> Iterator[Row]:
    best = [one for one in runs if one.searcher == TABLE]
    if best:
        yield Row(
            name=f"{found.name}: real gain of the best of {best[-1].trials} trials",
            value=attained(found.table),
            unit="log",
            samples=FINAL_LOOKS,
        )
    replayed = [one for one in runs if one.said is not None]
    real_runs = [one for one in runs if one.is_search]
    if len(heads := _heads(replayed)) > 2:
        said, real = zip(*heads, strict=True)
        name = f"{found.name}: Spearman of what led, by the surrogate and really"
        yield Row(name=name, value=_spearman(said, real), unit="", samples=len(heads))
    for length in LENGTHS:
        real_of, said_of = (_by_searcher(replayed, length, read) for read in (_worth, _said))
        yield from _compared(f"{found.name}: what led after {length} trials", real_of, said_of)
        real_of = _by_searcher(real_runs, length, _worth)
        said_of = _in_replays(found, length)
        yield from _compared(f"{found.name}: real search after {length} trials", real_of, said_of)


def _worth(one: RealRun) -> float:
    return one.worth


def _said(one: RealRun) -> float:
    return one.said or 0.0


def _in_replays(found: Surrogate, length: int) -> dict[str, list[float]]:
    """What each searcher gained where the surrogate answered while it worked."""
    return {
        name: [one.gains[length] for one in runs.values()]
        for name, runs in kept_replays(found.table).items()
        if name in SEARCHERS
    }


def _notes(found: Surrogate, runs: Sequence[RealRun]) -> Iterator[str]:
    """By how much evolve is ahead of others that worked in the same world with the same seed."""
    for length in LENGTHS:
        gains: dict[str, dict[tuple[str, int], float]] = {}
        for one in runs:
            if one.trials == length and one.is_search:
                gains.setdefault(one.searcher, {})[one.world, one.seed] = one.worth
        ours = gains.pop("evolve", {})
        for name, theirs in gains.items():
            pairs = [ours[where] - gain for where, gain in theirs.items() if where in ours]
            if len(pairs) > 2:
                low, high = interval(pairs)
                yield (
                    f"{found.name}: real gain of evolve less that of {name} after {length} trials: "
                    f"{low:+.3f} to {high:+.3f} (95 %, paired, n = {len(pairs)})"
                )


def _heads(runs: Sequence[RealRun]) -> list[tuple[float, float]]:
    """Of each tree that led in a search: its gain by the surrogate, and by real looks."""
    found = {(one.searcher, one.seed, *one.led.items()): one for one in runs if one.led}
    return [(one.said or 0.0, one.worth) for one in found.values()]


def _by_searcher(
    runs: Sequence[RealRun], length: int, read: Callable[[RealRun], float]
) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {}
    for one in runs:
        if one.trials == length:
            found.setdefault(one.searcher, []).append(read(one))
    return found


def _compared(
    what: str, real: Mapping[str, Sequence[float]], said: Mapping[str, Sequence[float]]
) -> Iterator[Row]:
    """Means of each searcher, really and by the surrogate, and whether they rank alike."""
    for name, gains in real.items():
        yield Row(
            name=f"{what}, {name}",
            value=statistics.fmean(gains),
            unit="log",
            baseline=statistics.fmean(said[name]) if name in said else None,
            compared_with="by the surrogate" if name in said else "",
            samples=len(gains),
        )
    both = [name for name in real if name in said]
    if len(both) > 2:
        means = [[statistics.fmean(of[name]) for name in both] for of in (real, said)]
        yield Row(
            name=f"{what}, Spearman of searchers",
            value=_spearman(*means),
            unit="",
            samples=len(both),
        )


def _spearman(a: Sequence[float], b: Sequence[float]) -> float:
    return spearman(np.array(a), np.array(b))


def run() -> Report:
    """All tables in whose worlds searches were run."""
    found = [(one, kept_runs(one.table)) for one in surrogates()]
    return Report(
        title="Searches with real trials, and the same where surrogates answer",
        rows=[row for one, runs in found if runs for row in _rows(one, runs)],
        notes=[*(note for one, runs in found for note in _notes(one, runs)), MEANING],
    )


def main() -> int:
    """Let all searchers work with each seed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.evolve_real", description=__doc__)
    parser.add_argument("--task", default="airbench")
    parser.add_argument("--profile", default="micro")
    parser.add_argument("--seeds", type=int, nargs="*", default=[0])
    parser.add_argument("--world", type=Path, default=Path(tempfile.gettempdir(), "autores-table"))
    parser.add_argument("--patience", type=float, default=1.0)
    parser.add_argument("--short", action="store_true", help=f"stop after {LENGTHS[0]} trials")
    parser.add_argument("--replayed", action="store_true", help="let the surrogate answer")
    parser.add_argument("--best", action="store_true", help="measure the table's best anew")
    parser.add_argument("--searchers", nargs="*", choices=SEARCHERS, default=list(SEARCHERS))
    options = parser.parse_args()
    found = Surrogate(whole_table(DATA / f"{options.task}-{options.profile}.json"))
    try:
        world = Real(found, Bench(options.task, options.profile, options.world, options.patience))
    except UserError as error:
        parser.error(str(error))
    replayed = Measured(found) if options.replayed else None
    searches = [
        searched(world, name, seed, replayed, LENGTHS[:1] if options.short else LENGTHS)
        for seed in options.seeds
        for name in options.searchers
    ]
    for one in best_of_table(world) if options.best else chain.from_iterable(searches):
        print(one, file=sys.stderr)
        keep(found.table, (*kept_runs(found.table), one))
    return 0


if __name__ == "__main__":
    sys.exit(main())
