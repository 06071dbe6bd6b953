"""Views of two numbers at once: what is better in one is worse in the other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from autores.analysis.numbers import bytes_of, number_of
from autores.readmodel import Story
from autores.records import Direction, Gate, Trial

ACCURACY = "accuracy"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A trial in both numbers."""

    trial: int
    x: float
    y: float
    ranked: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Front:
    """What no other trial beats in both; nothing of it is a claim."""

    x: str
    """The metric."""
    y: str
    places: tuple[Place, ...]
    """By the metric, best first."""
    trials: int
    """That have both numbers."""


Axis = tuple[str, Direction, Callable[[Trial], float | None]]


def fronts(story: Story) -> tuple[Front, ...]:
    """The metric against each gated rate and against the size, where trials differ in it."""
    return tuple(front for axis in _axes(story) if (front := _front(story, axis)))


def _axes(story: Story) -> Iterator[Axis]:
    for gate in story.task.gates:
        yield gate.name, Direction.MAXIMIZE, _rate(gate)
    if not story.task.gates and story.task.metric.name != ACCURACY:
        yield ACCURACY, Direction.MAXIMIZE, lambda trial: trial.metrics.get(ACCURACY)
    yield "bytes", Direction.MINIMIZE, bytes_of


def _rate(gate: Gate) -> Callable[[Trial], float | None]:
    def rate(trial: Trial) -> float | None:
        total = trial.counts.get(gate.total, 0)
        return trial.counts.get(gate.hits, 0) / total if total else None

    return rate


def _front(story: Story, axis: Axis) -> Front | None:
    name, direction, value = axis
    metric = story.task.metric
    known = [
        Place(trial=trial.id, x=x, y=y, ranked=trial.score is not None)
        for trial in story.trials.values()
        if (x := number_of(trial, metric)) is not None and (y := value(trial)) is not None
    ]
    if len({place.y for place in known}) < 2:
        return None
    known.sort(key=lambda p: (-metric.direction.gain(0.0, p.x), -direction.gain(0.0, p.y)))
    places = tuple(_undominated(known, direction))
    return Front(x=metric.name, y=name, places=places, trials=len(known))


def _undominated(places: Iterable[Place], direction: Direction) -> Iterator[Place]:
    reached: float | None = None
    for place in places:
        if reached is None or direction.gain(reached, place.y) > 0:
            reached = place.y
            yield place
