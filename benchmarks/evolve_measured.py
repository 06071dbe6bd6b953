"""What searches find where real trials were measured: evolve, baselines, evolve without parts.

The world of a replay is a surrogate of a table of real trials (see `evolve_surrogate`), with the
noise of real looks at the seed recipe. Every searcher has the same moves, knobs, specialists,
gate and rule of acceptance.
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from importlib import import_module
from itertools import islice, product
from random import Random

import numpy as np
from benchmarks.evolve_fits import FURTHEST, Array, Fit, Point, Seen
from benchmarks.evolve_proposals import (
    evolve,
    hill_climbing,
    interval,
    local_random,
    one_plus_one,
    random_search,
    tpe,
)
from benchmarks.evolve_surrogate import Surrogate, noise_of, surrogates
from benchmarks.evolve_table import EVERYBODY, IDLE, Look, Table, plugin_of, recipe_of
from benchmarks.report import Report, Row
from numpy.typing import NDArray

from autores.moves import Move
from autores.plugins.agents.evolve.features import point_of, step_of
from autores.plugins.agents.evolve.genome import (
    OFF,
    ON,
    Edit,
    Files,
    Genome,
    apply,
    digest,
    edited,
    genome_of,
    move_gene,
)
from autores.plugins.agents.evolve.history import Fate, Observation
from autores.plugins.agents.evolve.laboratory import Course, Searcher, State, Truth, Try
from autores.plugins.agents.evolve.laboratory import run as course_of
from autores.plugins.agents.evolve.settings import Settings
from autores.plugins.agents.evolve.territory import Territory
from autores.plugins.agents.evolve.work import headroom
from autores.records import Direction, Specialist

SEEDS = range(500, 550)
"""No choice of evolve was made by them."""
LEAST = 3
"""Seeds, however long they take."""
TRIALS = 100
SHORT = 30
REPAIR_WITHIN = 20
MEANING = (
    "A gain is the logarithm of the seed recipe's score (seconds; bits per byte; 1 less CORE) over "
    "that of what leads, by the surrogate, and 0 where it truly misses its gate or limit. No "
    "component goes beyond what real trials showed. The attainable gain is what a long search by "
    "mutation and crossover finds without noise. What was chosen on which seeds: docs/evolve-measured.md."
)
GENERATIONS = 150
_CHILDREN, _STARTS = 64, 4


class Ground(Territory):
    """A territory whose moves are known to keep within their surfaces: tests of tasks say so."""

    def allows(self, after: Files) -> bool:
        """Whether an edit stays inside."""
        return True


class Component:
    """Something that a surrogate predicts, within what real trials showed."""

    def __init__(self, seen: Seen) -> None:
        """Fit it."""
        self._fit: Fit = seen.fit()
        self._range = min(seen.values), max(seen.values)
        self.noise = noise_of(seen)

    def of(self, points: Sequence[Point]) -> Array:
        """The value of each point."""
        return np.clip(self._fit.predict(points), *self._range)


class Measured:
    """A `World` in which real trials were measured."""

    moves: Mapping[str, Move]

    def __init__(self, found: Surrogate, *, generalist: bool = False) -> None:
        """Fit everything; one generalist may take all turns."""
        table, self.reading = found.table, found.reading
        task, self.moves, self.seed_files = recipe_of(table.task, table.profile)
        least = replace(task.metric, direction=Direction.MINIMIZE)  # as all that is read is told
        self.task = replace(task, metric=least)
        self.name = found.name
        self._generalist = generalist
        self._idle = IDLE.get(table.task, ())
        self._parts = [Component(part) for part in found.parts.values()]
        self.noise = noise_of(found.seen(found.reading.score))
        self._level = float(self._scores([{}])[0])
        share = statistics.fmean(found.broken.values)
        self._broken = found.broken.fit()
        self._breaks = float(np.quantile(found.broken.held_out(), 1 - share))
        barrier = self.reading.barrier
        self.limited = barrier is not None and barrier.limit
        self.gated = barrier is not None and not barrier.limit
        self._barrier = None if barrier is None else Component(found.seen(barrier.read))
        self._bar = 0.0 if barrier is None else barrier.bar(table)
        self.margin_sd = self._margin_sd(found)
        self.headroom = self._headroom_of(table)
        self._grounds: dict[tuple[str, str], Ground] = {}
        self._truths: dict[str, Truth] = {}
        self._genomes: dict[str, Genome] = {}

    def _margin_sd(self, found: Surrogate) -> float:
        barrier = self.reading.barrier
        if barrier is None:
            return 0.0
        seen = found.seen(barrier.read)
        return noise_of(replace(seen, values=tuple(barrier.plain(np.array(seen.values)))))

    def _headroom_of(self, table: Table) -> float | None:
        taken = statistics.median(look.wall for look in table.looks if not look.edits)
        limits = plugin_of(table.task).autores_budget(self.task)
        return headroom(limits.wall["train"], taken, taken)

    def specialists(self) -> tuple[Specialist, ...]:
        """Those of the task, in the order of their turns."""
        if self._generalist:
            return (EVERYBODY,)
        names = (f"autores.specialists.{key}" for key in self.task.default_specialists)
        return tuple(import_module(name).SPECIALIST for name in names)

    def territory(self, specialist: Specialist, files: Files) -> Territory:
        """What a specialist may change of a tree."""
        key = specialist.key, digest(files)
        if key not in self._grounds:
            self._grounds[key] = Ground(self.task, specialist, files, self._idle)
        return self._grounds[key]

    def genome(self, files: Files) -> Genome:
        """Read from the text."""
        tree = digest(files)
        if tree not in self._genomes:
            self._genomes[tree] = genome_of(self.seed_files, files, self.moves)
        return self._genomes[tree]

    def remember(self, files: Files, genome: Genome) -> None:
        """What a tree is made of, so that its text need not be read."""
        self._genomes.setdefault(digest(files), genome)

    def truth(self, files: Files) -> Truth:
        """What the surrogates say of a tree."""
        tree = digest(files)
        if tree not in self._truths:
            gains, margins, broken = self.of([point_of(self.genome(files))])
            self._truths[tree] = Truth(
                height=float(gains[0]), margin=float(margins[0]), breaks=bool(broken[0])
            )
        return self._truths[tree]

    def of(self, points: Sequence[Point]) -> tuple[Array, Array, NDArray[np.bool_]]:
        """Gains, margins above the gate or below the limit, and what breaks."""
        broken = np.asarray(self._broken.predict(points) > self._breaks)
        return self._level - self._scores(points), self._margins(points), broken

    def _scores(self, points: Sequence[Point]) -> Array:
        """Logarithms."""
        return self.reading.whole([part.of(points) for part in self._parts])

    def _margins(self, points: Sequence[Point]) -> Array:
        barrier = self.reading.barrier
        if barrier is None or self._barrier is None:
            return np.ones(len(points))
        return barrier.plain(self._barrier.of(points)) - barrier.plain(np.array([self._bar]))

    def margin_of(self, look: Look) -> float | None:
        """What a real trial had above the gate or below the limit; None where it tells nothing."""
        barrier = self.reading.barrier
        if barrier is None:
            return 1.0
        read = barrier.read(look)
        if read is None:
            return None
        both = barrier.plain(np.array([read, self._bar]))
        return float(both[0] - both[1])

    def gain(self, course: Course, trials: int) -> float:
        """The true gain of what led after so many trials; 0 where it truly misses."""
        led = point_of(course.seen[course.heads[trials - 1]].genome)
        gains, margins, _ = self.of([led])
        return float(gains[0]) if margins[0] >= 0 else 0.0

    def measure(self, files: Files, random: Random) -> tuple[Truth, float, float]:
        """Truth, a score and a margin with the noise of real looks."""
        truth = self.truth(files)
        score = math.exp(self._level + random.gauss(-truth.height, self.noise))
        return truth, score, truth.margin + random.gauss(0, self.margin_sd)


# ----------------------------------------------------------------------------- attainable


def attainable(world: Measured, seed: int = 0) -> float:
    """The best gain that a long search without noise finds: mutation and crossover of points."""
    searches = [bred(world, Random(f"{seed} {start}")) for start in range(_STARTS)]
    return max(list(islice(found, GENERATIONS))[-1][0][0] for found in searches)


def bred(
    world: Measured, random: Random, slack: float = 0.0
) -> Iterator[Sequence[tuple[float, Point]]]:
    """The best points of each generation, best first, with their gains.

    Args:
        world: Asked without noise.
        random: Draws the children.
        slack: What a margin must have.
    """
    genes = _genes(world)
    best: list[tuple[float, dict[str, float]]] = [(0.0, {})]
    while True:
        parents = [point for _, point in best]
        children = [_child(random, parents, genes) for _ in range(_CHILDREN)]
        legal = [child for child in children if _fits_together(world, child)]
        gains, margins, broken = world.of(legal)
        sound = [
            (float(gain), child)
            for gain, margin, breaks_, child in zip(gains, margins, broken, legal, strict=True)
            if margin >= slack and not breaks_
        ]
        best = sorted([*best, *sound], key=lambda found: -found[0])[:16]
        yield best


def _genes(world: Measured) -> dict[str, bool]:
    """Features, and whether each is a number."""
    knobs = world.territory(EVERYBODY, world.seed_files).knobs({})
    numbers = {knob.gene: True for knob in knobs if knob.scale is not None}
    return numbers | {move_gene(name): False for name in world.moves}


def _child(
    random: Random, parents: Sequence[Mapping[str, float]], genes: Mapping[str, bool]
) -> dict[str, float]:
    a, b = random.choice(parents), random.choice(parents)
    point = {g: (a if random.random() < 0.5 else b).get(g, 0.0) for g in {*a, *b}}
    for gene in random.sample(sorted(genes), random.randint(1, 4)):
        if genes[gene]:
            moved = point.get(gene, 0.0) + random.gauss(0, 0.6)
            point[gene] = max(-FURTHEST, min(FURTHEST, moved))
        else:
            point[gene] = 1.0 - point.get(gene, 0.0)
    return {gene: x for gene, x in point.items() if x}


def _fits_together(world: Measured, point: Point) -> bool:
    names = sorted(gene for gene in point if gene.startswith(move_gene("")))
    edits = [Edit(gene=gene, old=OFF, new=ON) for gene in names]
    return apply(world.seed_files, edits, world.moves) is not None


# -------------------------------------------------------------------------------- figures


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """One run of one searcher."""

    gains: Mapping[int, float]
    """After so many trials: the true gain of what led; 0 where it truly misses."""
    failed: tuple[int, ...]
    """Trials without a score that ranks, of each quarter of the run."""
    misses: int
    repaired: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Replays:
    """The runs of one searcher, one for each seed."""

    name: str
    runs: Sequence[Replay]

    def gains(self, trials: int) -> list[float]:
        """Of each run."""
        return [one.gains[trials] for one in self.runs]


def replayed(world: Measured, searcher: Searcher, seed: int) -> Replay:
    """Let a searcher work, with its own luck and that of the noise."""

    def telling(state: State) -> Try | None:
        made = searcher(state)
        if made is not None:
            world.remember(made.files, edited(state.head.genome, made.edits))
        return made

    course = course_of(world, telling, trials=TRIALS, seed=seed)
    misses, repaired = _repairs(course.seen, world.noise)
    failed = [o.fate is not Fate.MEASURED for o in course.seen[1:]]
    quarter = TRIALS // 4
    return Replay(
        gains={n: world.gain(course, n) for n in (SHORT, TRIALS)},
        failed=tuple(sum(failed[i * quarter : (i + 1) * quarter]) for i in range(4)),
        misses=misses,
        repaired=repaired,
    )


def _repairs(seen: Sequence[Observation], noise: float) -> tuple[int, int]:
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


def alone(state: State) -> State:
    """What a search sees that learns from nothing but the head."""
    return replace(state, seen=[state.head])


def _plainly(searcher: Searcher) -> Searcher:
    return searcher


def _blind(searcher: Searcher) -> Searcher:
    return lambda state: searcher(alone(state))


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
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """All searchers in the world of one table."""

    world: str
    best: float
    """The attainable gain."""
    ours: Replays
    baselines: tuple[Replays, ...]
    parts: tuple[Replays, ...]

    @property
    def others(self) -> tuple[Replays, ...]:
        """All that evolve is compared with."""
        return (*self.baselines, *self.parts)

    def rows(self) -> Iterator[Row]:
        """The figures."""
        yield Row(name=f"{self.world}: attainable gain", value=self.best, unit="log")
        for found in (self.ours, *self.others):
            yield from (self._gain_row(found, trials) for trials in (SHORT, TRIALS))
        for found in (self.ours, *self.others):
            yield from self._failed_rows(found)
            yield self._repair_row(found)

    def notes(self) -> Iterator[str]:
        """The differences."""
        for other, trials in product(self.others, (SHORT, TRIALS)):
            both = self.ours.gains(trials), other.gains(trials)
            pairs = zip(*both, strict=False)  # seed by seed, as far as both were let work
            low, high = interval([a - b for a, b in pairs])
            yield (
                f"{self.world}: gain of evolve less that of {other.name} after {trials} trials: "
                f"{low:+.4f} to {high:+.4f} (95 %, paired, n = {len(other.runs)})"
            )

    def _gain_row(self, found: Replays, trials: int) -> Row:
        ours = found is self.ours
        return Row(
            name=f"{self.world}: share of the attainable gain after {trials}, {found.name}",
            value=self._share(found, trials),
            unit="%",
            baseline=None if ours else self._share(self.ours, trials),
            compared_with="" if ours else self.ours.name,
            samples=len(found.runs),
        )

    def _share(self, found: Replays, trials: int) -> float:
        return 100 * statistics.fmean(found.gains(trials)) / self.best

    def _failed_rows(self, found: Replays) -> Iterator[Row]:
        for what, part in (
            ("", slice(None)),
            (", first quarter", slice(1)),
            (", last", slice(3, 4)),
        ):
            yield Row(
                name=f"{self.world}: trials of {TRIALS} without a score{what}, {found.name}",
                value=statistics.fmean(sum(one.failed[part]) for one in found.runs),
                unit="",
                samples=len(found.runs),
            )

    def _repair_row(self, found: Replays) -> Row:
        misses = sum(one.misses for one in found.runs)
        return Row(
            name=f"{self.world}: near misses repaired in {REPAIR_WITHIN} trials, {found.name}",
            value=100 * sum(one.repaired for one in found.runs) / max(1, misses),
            unit="%",
            samples=misses,
        )


def study(found: Surrogate, minutes: float = math.inf) -> Study:
    """Let everybody work with one seed after the other, for so long or until there are enough."""
    until = time.monotonic() + 60 * minutes
    world, lone = Measured(found), Measured(found, generalist=True)
    entrants: dict[str, tuple[Measured, Callable[[], Searcher]]] = {
        "evolve": (world, lambda: evolve(Settings())),
        **{name: (world, partial(_plainly, own)) for name, own in BASELINES.items()},
        **{name: (world, make) for name, make in PARTS.items()},
        "with one generalist": (lone, lambda: evolve(Settings())),
    }
    runs: dict[str, list[Replay]] = {name: [] for name in entrants}
    for seed in SEEDS:
        if len(runs["evolve"]) >= LEAST and time.monotonic() > until:
            break
        for name, (place, make) in entrants.items():
            runs[name].append(replayed(place, make(), seed))
    ours, *others = (Replays(name=name, runs=own) for name, own in runs.items())
    return Study(
        world=found.name,
        best=attainable(world),
        ours=ours,
        baselines=tuple(others[: len(BASELINES)]),
        parts=tuple(others[len(BASELINES) :]),
    )


def run() -> Report:
    """Replays in the world of each table that is good enough."""
    found = surrogates()
    left_out = [f"{one.name}: left out, its surrogate is not good enough" for one in found]
    notes = [note for note, one in zip(left_out, found, strict=True) if not one.valid]
    return report([study(one) for one in found if one.valid], notes)


def report(studies: Sequence[Study], notes: Sequence[str] = ()) -> Report:
    """The figures of all tables."""
    return Report(
        title="Searches where real trials were measured",
        rows=[row for found in studies for row in found.rows()],
        notes=[*(note for found in studies for note in found.notes()), *notes, MEANING],
    )
