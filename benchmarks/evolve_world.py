"""Worlds in which searches are replayed: what surrogates of real trials say of any tree."""

from __future__ import annotations

import math
import statistics
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from importlib import import_module
from random import Random

import numpy as np
from benchmarks.evolve_fits import FURTHEST, Array, Fit, Point, Seen
from benchmarks.evolve_readings import Reading
from benchmarks.evolve_surrogate import Surrogate, noise_of
from benchmarks.evolve_table import EVERYBODY, IDLE, Look, Table, plugin_of, recipe_of
from numpy.typing import NDArray

from autores.moves import Move
from autores.plugins.agents.evolve.features import point_of
from autores.plugins.agents.evolve.genome import (
    OFF,
    ON,
    Edit,
    Files,
    Genome,
    apply,
    digest,
    genome_of,
    move_gene,
)
from autores.plugins.agents.evolve.laboratory import Course, Truth
from autores.plugins.agents.evolve.territory import Territory
from autores.plugins.agents.evolve.work import headroom
from autores.records import Direction, Specialist

_CHILDREN = 64
_KEPT = 16


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


def _log_wall(look: Look) -> float | None:
    return math.log(look.wall) if look.wall and look.score is not None else None


class Recipes(ABC):
    """A `World` of a real task's recipes, of which something tells what a trial shows."""

    moves: Mapping[str, Move]
    noise: float
    margin_sd: float
    level: float
    """Logarithm of the seed recipe's score."""

    def __init__(self, table: Table, reading: Reading, *, generalist: bool = False) -> None:
        """Read the task; one generalist may take all turns."""
        self.table, self.reading = table, reading
        task, self.moves, self.seed_files = recipe_of(table.task, table.profile)
        least = replace(task.metric, direction=Direction.MINIMIZE)  # as all that is read is told
        self.task = replace(task, metric=least)
        self._generalist = generalist
        self.idle = IDLE.get(table.task, ())
        barrier = reading.barrier
        self.limited = barrier is not None and barrier.limit
        self.gated = barrier is not None and not barrier.limit
        self._allowed = plugin_of(table.task).autores_budget(self.task).wall["train"]
        self._taken = statistics.median(look.wall for look in table.looks if not look.edits)
        self._grounds: dict[tuple[str, str], Ground] = {}
        self._truths: dict[str, Truth] = {}
        self._genomes: dict[str, Genome] = {}

    @abstractmethod
    def told(self, genome: Genome) -> Truth:
        """What a recipe is worth."""

    @abstractmethod
    def taken(self, files: Files) -> float:
        """Seconds of a trial."""

    def headroom_of(self, files: Files) -> float | None:
        """How often a tree's work can be doubled in the time that training has; None: not at all."""
        return headroom(self._allowed, self.taken(files), self._taken)

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
            self._grounds[key] = self.ground(specialist, files)
        return self._grounds[key]

    def ground(self, specialist: Specialist, files: Files) -> Ground:
        """The same, found out anew."""
        return Ground(self.task, specialist, files, self.idle)

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
        """What a tree is worth."""
        tree = digest(files)
        if tree not in self._truths:
            self._truths[tree] = self.told(self.genome(files))
        return self._truths[tree]

    def gain(self, course: Course, trials: int) -> float:
        """The true gain of what led after so many trials; 0 where it truly misses."""
        truth = self.told(course.seen[course.heads[trials - 1]].genome)
        return truth.height if truth.margin >= 0 else 0.0

    def measure(self, files: Files, random: Random) -> tuple[Truth, float, float]:
        """Truth, a score and a margin with the noise of real looks."""
        truth = self.truth(files)
        score = math.exp(self.level + random.gauss(-truth.height, self.noise))
        return truth, score, truth.margin + random.gauss(0, self.margin_sd)


class Measured(Recipes):
    """One in which a surrogate tells."""

    def __init__(self, found: Surrogate, *, generalist: bool = False) -> None:
        """Fit everything; one generalist may take all turns."""
        super().__init__(found.table, found.reading, generalist=generalist)
        self.found, table = found, found.table
        self._parts = [Component(part) for part in found.parts.values()]
        self.noise = noise_of(found.seen(found.reading.score))
        self.level = float(self._scores([{}])[0])
        share = statistics.fmean(found.broken.values)
        self._broken = found.broken.fit()
        self._breaks = float(np.quantile(found.broken.held_out(), 1 - share))
        barrier = self.reading.barrier
        self._barrier = None if barrier is None else Component(found.seen(barrier.read))
        self._bar = 0.0 if barrier is None else barrier.bar(table)
        self.margin_sd = margin_noise(found)
        self._walls = Component(found.seen(_log_wall)) if 0 < self._taken < self._allowed else None

    def taken(self, files: Files) -> float:
        """Seconds of a trial."""
        if self._walls is None:
            return self._taken
        return math.exp(float(self._walls.of([point_of(self.genome(files))])[0]))

    def told(self, genome: Genome) -> Truth:
        """What the surrogates say of a recipe."""
        gains, margins, broken = self.of([point_of(genome)])
        return Truth(height=float(gains[0]), margin=float(margins[0]), breaks=bool(broken[0]))

    def of(self, points: Sequence[Point]) -> tuple[Array, Array, NDArray[np.bool_]]:
        """Gains, margins above the gate or below the limit, and what breaks."""
        broken = np.asarray(self._broken.predict(points) > self._breaks)
        return self.level - self._scores(points), self._margins(points), broken

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


def margin_noise(found: Surrogate) -> float:
    """Standard deviation of the margin of a look at the seed recipe."""
    barrier = found.reading.barrier
    if barrier is None:
        return 0.0
    seen = found.seen(barrier.read)
    return noise_of(replace(seen, values=tuple(barrier.plain(np.array(seen.values)))))


# -------------------------------------------------------------------------------- breeding


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
        best = sorted([*best, *sound], key=lambda found: -found[0])[:_KEPT]
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
    point = {g: (a if random.random() < 0.5 else b).get(g, 0.0) for g in sorted({*a, *b})}
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
