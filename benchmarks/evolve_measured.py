"""What searches find where real trials were measured: evolve, baselines, evolve without parts.

The world of a replay is a surrogate of a table of real trials (see `evolve_surrogate`), with the
noise of real looks at the seed recipe. Every searcher has the same moves, knobs, specialists,
gate and rule of acceptance.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random

import numpy as np
from benchmarks.evolve_proposals import (
    evolve,
    hill_climbing,
    interval,
    local_random,
    one_plus_one,
    random_search,
    tpe,
)
from benchmarks.evolve_surrogate import (
    FURTHEST,
    PHASES,
    Array,
    Point,
    Ridge,
    breaks,
    component,
    rate_of,
    seconds_of,
    tables,
    threshold,
)
from benchmarks.evolve_table import EVERYBODY, IDLE, Table, recipe_of
from benchmarks.report import Report, Row

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
from autores.records import Specialist
from autores.specialists import arch, augment, curriculum, data, loss, optim, quant, reg, systems

SEEDS = range(50)
ABLATED = range(20)
TRIALS = 100
SHORT = 30
REPAIR_WITHIN = 20
MEANING = (
    "A gain is the logarithm of the seed recipe's seconds over those of what leads, by the "
    "surrogate, and 0 where it truly misses the gate. The attainable one is what a long search "
    "by mutation and crossover finds without noise."
)
_GENERATIONS, _CHILDREN, _STARTS = 150, 64, 4
_SPECIALISTS: Mapping[str, Specialist] = {
    module.SPECIALIST.key: module.SPECIALIST
    for module in (arch, augment, curriculum, data, loss, optim, quant, reg, systems)
}


class Ground(Territory):
    """A territory whose moves are known to keep within their surfaces: tests of tasks say so."""

    def allows(self, after: Files) -> bool:
        """Whether an edit stays inside."""
        return True


class Measured:
    """A `World` in which real trials were measured."""

    gated = True

    def __init__(self, table: Table, *, generalist: bool = False) -> None:
        """Fit the surrogates; one generalist may take all turns."""
        self.task, self.moves, self.seed_files = recipe_of(table.task, table.profile)
        self._generalist = generalist
        self._idle = IDLE.get(table.task, ())
        self._gate = threshold(table)
        parts = [component(table, seconds_of(phase)) for phase in PHASES]
        rates = component(table, rate_of("right", "asked"))
        broken = component(table, breaks)
        self._parts = [Ridge(part.points, part.values) for part in parts]
        self._rate, self._broken = (Ridge(x.points, x.values) for x in (rates, broken))
        share = statistics.fmean(broken.values)
        self._breaks = float(np.quantile(broken.held_out(), 1 - share))
        both = zip(parts[0].points, *(part.values for part in parts), strict=True)
        self.noise = statistics.stdev(_total(values) for point, *values in both if not point)
        self.margin_sd = statistics.stdev(
            look.counts["right"] / look.counts["asked"]
            for look in table.looks
            if look.counts and not look.edits
        )
        self._level = float(self._seconds([{}])[0])
        self._grounds: dict[tuple[str, str], Ground] = {}
        self._truths: dict[str, Truth] = {}
        self._genomes: dict[str, Genome] = {}

    def specialists(self) -> tuple[Specialist, ...]:
        """Those of the task, in the order of their turns."""
        if self._generalist:
            return (EVERYBODY,)
        return tuple(_SPECIALISTS[key] for key in self.task.default_specialists)

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

    def of(self, points: Sequence[Point]) -> tuple[Array, Array, Array]:
        """Gains, margins above the gate, and what breaks."""
        rates = 1 / (1 + np.exp(-self._rate.predict(points)))
        broken = self._broken.predict(points) > self._breaks
        return self._level - self._seconds(points), rates - self._gate, broken

    def _seconds(self, points: Sequence[Point]) -> Array:
        """Logarithms of seconds."""
        return np.asarray(np.log(sum(np.exp(part.predict(points)) for part in self._parts)))

    def measure(self, files: Files, random: Random) -> tuple[Truth, float, float]:
        """Truth, a score and a margin with the noise of real looks."""
        truth = self.truth(files)
        score = math.exp(self._level + random.gauss(-truth.height, self.noise))
        return truth, score, truth.margin + random.gauss(0, self.margin_sd)


def _total(logarithms: Sequence[float]) -> float:
    return math.log(sum(map(math.exp, logarithms)))


# ----------------------------------------------------------------------------- attainable


def attainable(world: Measured, seed: int = 0) -> float:
    """The best gain that a long search without noise finds: mutation and crossover of points."""
    return max(_bred(world, Random(f"{seed} {start}")) for start in range(_STARTS))


def _bred(world: Measured, random: Random) -> float:
    genes = _genes(world)
    best: list[tuple[float, dict[str, float]]] = [(0.0, {})]
    for _ in range(_GENERATIONS):
        parents = [point for _, point in best]
        children = [_child(random, parents, genes) for _ in range(_CHILDREN)]
        legal = [child for child in children if _fits_together(world, child)]
        gains, margins, broken = world.of(legal)
        sound = [
            (float(gain), child)
            for gain, margin, breaks_, child in zip(gains, margins, broken, legal, strict=True)
            if margin >= 0 and not breaks_
        ]
        best = sorted([*best, *sound], key=lambda found: -found[0])[:16]
    return best[0][0]


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
class Replays:
    """The runs of one searcher, one for each seed."""

    name: str
    gains: Mapping[int, list[float]]
    """After so many trials, of each run: the true gain of what led; 0 where it truly misses."""
    failed: float
    """Trials without a score that ranks, of each run."""
    misses: int
    repaired: int


def replayed(world: Measured, name: str, searcher: Searcher, seeds: Sequence[int]) -> Replays:
    """Let a searcher work with different luck of the noise and of its own."""

    def telling(state: State) -> Try | None:
        made = searcher(state)
        if made is not None:
            world.remember(made.files, edited(state.head.genome, made.edits))
        return made

    courses = [course_of(world, telling, trials=TRIALS, seed=seed) for seed in seeds]
    repairs = [_repairs(course.seen, world.noise) for course in courses]
    return Replays(
        name=name,
        gains={n: [_gain(world, course, n) for course in courses] for n in (SHORT, TRIALS)},
        failed=statistics.fmean(
            sum(o.fate is not Fate.MEASURED for o in course.seen) for course in courses
        ),
        misses=sum(misses for misses, _ in repairs),
        repaired=sum(done for _, done in repairs),
    )


def _gain(world: Measured, course: Course, trials: int) -> float:
    gains, margins, _ = world.of([point_of(course.seen[course.heads[trials - 1]].genome)])
    return float(gains[0]) if margins[0] >= 0 else 0.0


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
    "without draws": lambda: evolve(Settings(draw=False)),
    "without lineage": lambda: _blind(evolve(Settings())),
}


def _row(found: Replays, trials: int, best: float, against: Replays | None) -> Row:
    return Row(
        name=f"share of the attainable gain after {trials} trials, {found.name}",
        value=100 * statistics.fmean(found.gains[trials]) / best,
        unit="%",
        baseline=None if against is None else _share(against, found, trials, best),
        compared_with="" if against is None else against.name,
        samples=len(found.gains[trials]),
    )


def _share(whole: Replays, part: Replays, trials: int, best: float) -> float:
    """Of the runs with the same seeds."""
    return 100 * statistics.fmean(whole.gains[trials][: len(part.gains[trials])]) / best


def _note(ours: Replays, theirs: Replays, best: float) -> str:
    n = min(len(ours.gains[TRIALS]), len(theirs.gains[TRIALS]))
    pairs = zip(ours.gains[TRIALS][:n], theirs.gains[TRIALS][:n], strict=True)
    low, high = interval([100 * (a - b) / best for a, b in pairs])
    return (
        f"evolve less {theirs.name} after {TRIALS} trials: {low:+.1f} to {high:+.1f} % of the "
        f"attainable gain (95 %, paired, n = {n})"
    )


def _repair_row(found: Replays) -> Row:
    return Row(
        name=f"near misses repaired within {REPAIR_WITHIN} trials, {found.name}",
        value=100 * found.repaired / max(1, found.misses),
        unit="%",
        samples=found.misses,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """All searchers in the world of one table."""

    best: float
    """The attainable gain."""
    ours: Replays
    baselines: tuple[Replays, ...]
    parts: tuple[Replays, ...]

    def rows(self) -> Iterator[Row]:
        """The figures."""
        yield Row(name="attainable gain", value=self.best, unit="log")
        for found in (self.ours, *self.baselines):
            yield from (_row(found, trials, self.best, None) for trials in (SHORT, TRIALS))
        yield from (_row(part, TRIALS, self.best, self.ours) for part in self.parts)
        for found in (self.ours, *self.baselines, *self.parts):
            yield Row(
                name=f"trials of {TRIALS} without a score, {found.name}",
                value=found.failed,
                unit="",
                samples=len(found.gains[TRIALS]),
            )
        yield from map(_repair_row, (self.ours, *self.baselines, *self.parts))

    def notes(self) -> Iterator[str]:
        """The differences."""
        for other in (*self.baselines, *self.parts):
            yield _note(self.ours, other, self.best)


def study(table: Table) -> Study:
    """Let everybody work."""
    world, lone = Measured(table), Measured(table, generalist=True)
    parts = [replayed(world, name, make(), ABLATED) for name, make in PARTS.items()]
    return Study(
        best=attainable(world),
        ours=replayed(world, "evolve", evolve(Settings()), SEEDS),
        baselines=tuple(replayed(world, n, searcher, SEEDS) for n, searcher in BASELINES.items()),
        parts=(*parts, replayed(lone, "with one generalist", evolve(Settings()), ABLATED)),
    )


def run() -> Report:
    """Replays in the world of each table."""
    return report([study(table) for table in tables()])


def report(studies: Sequence[Study]) -> Report:
    """The figures of all tables."""
    return Report(
        title="Searches where real trials were measured",
        rows=[row for found in studies for row in found.rows()],
        notes=[*(note for found in studies for note in found.notes()), MEANING],
    )
