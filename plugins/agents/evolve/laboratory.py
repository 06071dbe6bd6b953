"""Synthetic recipes with a known truth, to measure searches on: thousands of trials a minute.

A landscape is a small program with knobs and moves, and a function from its text to what an
evaluator would find: a score with noise, a gate on counts, a cliff here and there. A gated
landscape is like airbench (fewer seconds, enough right answers), a plain one like training to
the lowest loss. It says nothing about language models or real recipes; it tells searches apart.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Protocol

from autores.moves import Move
from autores.plugins.agents.evolve.features import point_of
from autores.plugins.agents.evolve.genome import Edit, Files, Genome, digest, genome_of
from autores.plugins.agents.evolve.history import Fate, Margin, Observation
from autores.plugins.agents.evolve.territory import Territory
from autores.records import Direction, Metric, Recipe, Specialist, Task
from autores.status import Cause

PATH = "train.py"
_KNOBS: Mapping[str, Sequence[tuple[str, str]]] = {
    "optimizer": (
        ("lr", "0.3"), ("momentum", "0.85"), ("weight_decay", "0.01"), ("bias_scale", "16.0"),
        ("nesterov", "True"),
    ),
    "schedule": (
        ("epochs", "12.0"), ("warmup", "0.1"), ("end_factor", "0.0"), ("ema_decay", "0.98"),
    ),
    "architecture": (
        ("depth", "4"), ("width", "64"), ("logit_scale", "1 / 8"), ("eps", "1e-5"),
        ("kernel", "3"),
    ),
    "data": (
        ("batch", "128"), ("cutout", "8"), ("smoothing", "0.1"), ("mix", "0.2"),
        ("flips", '"none"  # "none" | "random" | "alternate"'),
    ),
}  # fmt: skip
_FATES = {
    Cause.EXITED: Fate.BROKEN,
    Cause.VALID: Fate.MEASURED,
    Cause.GATE: Fate.MISSED,
    Cause.ARTIFACT_BYTES: Fate.MISSED,
}
_TOLD = math.log(1.05)
"""What is larger than its limit by more has no score, also no raw one."""
_MOVES_PER_SURFACE = 3
_ASKED = 3_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """What an evaluator finds, without noise."""

    height: float
    """Logarithmic gain over the seed recipe."""
    margin: float
    """Rate of right answers above the gate, or logarithm of a limit on bytes over what was used;
    1 where there is neither."""
    breaks: bool


class World(Protocol):
    """What searches are measured on: a recipe, and what an evaluator would find of its edits."""

    task: Task
    moves: Mapping[str, Move]
    seed_files: Files
    gated: bool
    limited: bool
    """Its margins are of a limit on bytes, not of a gate."""
    noise: float
    """Standard deviation of a score's logarithm, of one look."""
    margin_sd: float
    """Of one look's margin."""

    def headroom_of(self, files: Files) -> float | None:
        """How often a tree's work can be doubled; None: training takes all its time anyway."""
        ...

    def specialists(self) -> tuple[Specialist, ...]:
        """In the order of their turns."""
        ...

    def territory(self, specialist: Specialist, files: Files) -> Territory:
        """What a specialist may change of a tree."""
        ...

    def genome(self, files: Files) -> Genome:
        """What a tree is made of."""
        ...

    def truth(self, files: Files) -> Truth:
        """What a tree is worth."""
        ...

    def measure(self, files: Files, random: Random) -> tuple[Truth, float, float]:
        """Truth, a measured score and a measured margin."""
        ...


@dataclass(frozen=True, slots=True)
class _Curve:
    """What one feature does: best at an offset, worse to both sides, over a cliff broken."""

    weight: float
    best: float
    cost: float
    cliff: float

    def quality(self, x: float) -> float:
        return self.weight * (_bowl(self.best) - _bowl(x - self.best))


def _bowl(distance: float) -> float:
    """A parabola that becomes straight far out."""
    return math.sqrt(1 + distance**2) - 1


class Landscape:
    """One synthetic task; a `World`."""

    margin_sd = math.sqrt(0.9 * 0.1 / _ASKED)
    limited = False

    def __init__(self, seed: int, *, gated: bool, noise: float = 0.01) -> None:
        """Draw curves, interactions and the effects of moves."""
        self.random = Random(f"landscape {seed}")
        self.gated = gated
        self.noise = noise
        made = map(_a_move, *_move_names())
        self.moves: Mapping[str, Move] = {move.name: move for move in made}
        self.seed_files: Files = {PATH: _source().encode()}
        self.task = _task(gated)
        features = [f"{PATH}::{name}" for knobs in _KNOBS.values() for name, _ in knobs]
        self._curves = {name: self._curve() for name in features}
        self._effects: dict[str, tuple[float, float]] = {}
        pairs = [self.random.sample(features, 2) for _ in range(6)]
        self._pairs = [(a, b, self.random.gauss(0, 0.01)) for a, b in pairs]

    def headroom_of(self, files: Files) -> float:
        """No time is kept here."""
        return math.inf

    def specialists(self) -> tuple[Specialist, ...]:
        """One for each surface."""
        return tuple(Specialist(key=s, title=s, surfaces=(s,)) for s in _KNOBS)

    def territory(self, specialist: Specialist, files: Files) -> Territory:
        """As the gates would have it."""
        return Territory(self.task, specialist, files)

    def genome(self, files: Files) -> Genome:
        """Read from the text, as nobody could cheat about it."""
        return genome_of(self.seed_files, files, self.moves)

    def truth(self, files: Files) -> Truth:
        """What the tree is worth."""
        point = point_of(self.genome(files))
        quality = sum(self._quality(name, x) for name, x in point.items())
        quality += sum(
            size * math.tanh(point.get(a, 0.0)) * math.tanh(point.get(b, 0.0))
            for a, b, size in self._pairs
        )
        cost = sum(self._cost(name, x) for name, x in point.items())
        breaks = any(n in self._curves and x > self._curves[n].cliff for n, x in point.items())
        if self.gated:
            return Truth(height=-cost, margin=0.012 + 0.6 * quality, breaks=breaks)
        return Truth(height=quality, margin=1.0, breaks=breaks)

    def measure(self, files: Files, random: Random) -> tuple[Truth, float, float]:
        """Truth, a measured score and a measured margin."""
        truth = self.truth(files)
        score = 10.0 * math.exp(random.gauss(-truth.height, self.noise))
        return truth, score, truth.margin + random.gauss(0, self.margin_sd)

    def _curve(self) -> _Curve:
        draw = self.random
        return _Curve(
            weight=0.02 * draw.lognormvariate(0, 1),
            best=draw.gauss(0, 1.0),
            cost=draw.choice((0.0, 0.0, 0.04, 0.15)) * draw.choice((-1, 1, 1)),
            cliff=draw.choice((9.0, 9.0, draw.uniform(0.8, 2.5))),
        )

    def _effect(self, name: str) -> tuple[float, float]:
        """Of a move or a choice: quality and cost; most are bad, a few are good."""
        if name not in self._effects:
            draw = Random(f"{name} {self._pairs[0][2]}")
            self._effects[name] = draw.gauss(-0.01, 0.025), draw.gauss(0.0, 0.05)
        return self._effects[name]

    def _quality(self, name: str, x: float) -> float:
        known = self._curves.get(name)
        return known.quality(x) if known else self._effect(name)[0] * x

    def _cost(self, name: str, x: float) -> float:
        known = self._curves.get(name)
        return known.cost * x if known else self._effect(name)[1] * x


def _move_names() -> tuple[list[str], list[str]]:
    pairs = [(s, f"{s}_{i}") for s in _KNOBS for i in range(_MOVES_PER_SURFACE)]
    return [s for s, _ in pairs], [name for _, name in pairs]


def _a_move(surface: str, name: str) -> Move:
    return Move(
        name=name,
        surface=surface,
        title=f"Use the other {name.replace('_', ' ')}",
        path=PATH,
        pieces=((f"plain_{name}()", f"other_{name}()"),),
    )


def _source() -> str:
    parts = ['"""A recipe that is measured by a function."""\n']
    for surface, knobs in _KNOBS.items():
        parts += [f"# {surface}", *(f"{name} = {value}" for name, value in knobs), ""]
    for surface in _KNOBS:
        lines = [f"    plain_{surface}_{i}()" for i in range(_MOVES_PER_SURFACE)]
        parts += ["", f"def run_{surface}():", *lines, ""]
    return "\n".join(parts)


def _task(gated: bool) -> Task:
    surfaces = {
        s: tuple(f"{PATH}::{name}" for name in (*(n for n, _ in knobs), f"run_{s}"))
        for s, knobs in _KNOBS.items()
    }
    return Task(
        name="laboratory",
        title="A synthetic recipe",
        metric=Metric(
            name="seconds" if gated else "loss",
            direction=Direction.MINIMIZE,
            unit="s" if gated else "",
            format=".3f",
        ),
        recipe=Recipe(path=".", editable=(PATH,), surfaces=surfaces),
    )


# ------------------------------------------------------------------------------ the loop


@dataclass(frozen=True, slots=True, kw_only=True)
class Try:
    """What a searcher proposes: files, and what it says of them."""

    files: Files
    edits: tuple[Edit, ...]
    operator: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What a searcher is shown."""

    landscape: World
    territory: Territory
    head: Observation
    seen: Sequence[Observation]
    known: frozenset[str]
    seed: int


Searcher = Callable[[State], Try | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """How a run went: the head's true gain after each trial, and what became of the trials."""

    gains: tuple[float, ...]
    heads: tuple[int, ...]
    """What led after each trial."""
    seen: tuple[Observation, ...]


def run(landscape: World, searcher: Searcher, *, trials: int, seed: int) -> Course:
    """Let a searcher work, its specialists in turn, each from the head.

    A trial leads if its first look beats the head by one standard deviation of a look and the
    mean of three looks still beats it.
    """
    return _Run(landscape, searcher, seed).course(trials)


class _Run:
    def __init__(self, landscape: World, searcher: Searcher, seed: int) -> None:
        self.landscape, self.searcher, self.seed = landscape, searcher, seed
        self.random = Random(f"noise {seed}")
        self.trees: dict[int, Files] = {0: landscape.seed_files}
        self.known = {digest(landscape.seed_files)}
        self.seen = [self._look(0, None, landscape.seed_files, (), "", looks=3)]
        self.head = 0

    def course(self, trials: int) -> Course:
        gains: list[float] = []
        heads: list[int] = []
        specialists = self.landscape.specialists()
        for turn in range(trials):
            self._turn(specialists[turn % len(specialists)], turn)
            gains.append(self.landscape.truth(self.trees[self.head]).height)
            heads.append(self.head)
        return Course(gains=tuple(gains), heads=tuple(heads), seen=tuple(self.seen))

    def _turn(self, specialist: Specialist, turn: int) -> None:
        files = self.trees[self.head]
        made = self.searcher(
            State(
                landscape=self.landscape,
                territory=self.landscape.territory(specialist, files),
                head=self.seen[self.head],
                seen=self.seen[::-1],
                known=frozenset(self.known),
                seed=self.seed * 100_003 + turn,
            )
        )
        if made is None:
            return
        number = len(self.seen)
        self.trees[number] = made.files
        self.known.add(digest(made.files))
        self.seen.append(self._judged(number, made))

    def _judged(self, number: int, made: Try) -> Observation:
        head = self.seen[self.head]
        first = self._look(number, self.head, made.files, made.edits, made.operator, looks=1)
        if first.fate is not Fate.MEASURED or not self._beats(first, head, 1.0):
            return first
        more = self._look(number, self.head, made.files, made.edits, made.operator, looks=3)
        if more.fate is Fate.MEASURED and self._beats(more, head, 0.0):
            self.head = number
            return replace(more, leading=True)
        return more

    def _beats(self, one: Observation, other: Observation, deviations: float) -> bool:
        a, b = one.score or math.inf, other.score or math.inf
        return math.log(b / a) > deviations * self.landscape.noise

    def _look(
        self,
        number: int,
        parent: int | None,
        files: Files,
        edits: tuple[Edit, ...],
        operator: str,
        looks: int,
    ) -> Observation:
        land = self.landscape
        measured = [land.measure(files, self.random) for _ in range(looks)]
        truths = [truth for truth, *_ in measured]
        truth = next((truth for truth in truths if truth.breaks), truths[0])
        margin = sum(m for *_, m in measured) / looks
        score = math.exp(sum(math.log(s) for _, s, _ in measured) / looks)
        cause = _cause(land, truth, margin)
        told = not truth.breaks and not (land.limited and margin < -_TOLD)
        gate = {"accuracy": Margin(value=margin, sd=land.margin_sd / math.sqrt(looks))}
        return Observation(
            id=number,
            parent=parent,
            genome=land.genome(files),
            edits=edits,
            operator=operator,
            fate=_FATES[cause],
            cause=cause,
            score=score if told else None,
            looks=looks,
            leading=parent is None,
            margins=gate if land.gated and not truth.breaks else {},
            resources={"bytes": math.exp(-margin)} if land.limited and not truth.breaks else {},
            over="bytes" if cause is Cause.ARTIFACT_BYTES else "",
        )


def _cause(land: World, truth: Truth, margin: float) -> Cause:
    if truth.breaks:
        return Cause.EXITED
    if margin >= 0 or not (land.gated or land.limited):
        return Cause.VALID
    return Cause.ARTIFACT_BYTES if land.limited else Cause.GATE
