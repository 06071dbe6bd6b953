"""What the lineage predicts of a genome: gain, passing the gates, fitting the limits, running."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from autores.plugins.agents.evolve.features import point_of
from autores.plugins.agents.evolve.genome import Edit, Genome
from autores.plugins.agents.evolve.history import Fate, Observation
from autores.plugins.agents.evolve.odds import RunOdds
from autores.plugins.agents.evolve.surrogate import Array, Point, Surrogate
from autores.plugins.agents.evolve.work import work_of
from autores.records import Direction

_FLOOR = 1e-4
"""The least standard deviation that a measurement is believed to have."""
_PAYS = 1.0
"""Standard deviations by which twice the work is expected to better a recipe."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Yardstick:
    """Turns scores into gains: logarithms where all are positive, since effects multiply."""

    direction: Direction
    logarithmic: bool

    @classmethod
    def of(cls, direction: Direction, scores: Iterable[float]) -> Yardstick:
        """The one that fits these scores."""
        return cls(direction=direction, logarithmic=all(score > 0 for score in scores))

    def height(self, score: float) -> float:
        """More is better."""
        return self.direction.gain(0.0, math.log(score) if self.logarithmic else score)

    def change(self, score: float, gain: float) -> float:
        """How far a score goes up or down with a gain, in its own unit."""
        sign = -1.0 if self.direction is Direction.MINIMIZE else 1.0
        if not self.logarithmic:
            return sign * gain
        return score * math.expm1(sign * max(-2.0, min(2.0, gain)))

    def relative(self, score: float, spread: float) -> float:
        """A spread of scores as a spread of heights."""
        return spread / score if self.logarithmic else spread


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What is expected of some candidates, compared with the parent."""

    gain: Array
    sd: Array
    fits: Array
    """Chance that gates and limits hold."""
    runs: Array
    """Chance that it runs."""

    @property
    def worth(self) -> Array:
        """Expected improvement, times the chances.

        These count twice, since a trial that fails costs as much as a good one and steers nothing.
        """
        return expected_improvement(self.gain, self.sd) * (self.fits * self.runs) ** 2


class Model:
    """Fitted to a window of observations."""

    def __init__(
        self,
        observations: Sequence[Observation],
        yard: Yardstick,
        spread: float,
        headroom: float | None = math.inf,
    ) -> None:
        """Fit.

        Args:
            observations: Of the lineage; at least one of them has a score.
            yard: How scores compare.
            spread: Standard deviation of one look at a score; 0 where it is unknown.
            headroom: How often the parent's work can be doubled within the limit on time; None:
                more of it is not expected to pay.
        """
        pays = 0.0 if headroom is None else _PAYS
        self._headroom = math.inf if headroom is None else headroom
        self.yard = yard
        self.odds = RunOdds(observations)
        self._gain = _gain_model(observations, yard, spread, pays)
        self._margins = {
            name: _margin_model(observations, name, pays)
            for name in sorted({n for seen in observations for n in seen.margins})
        }
        self._limits = dict(_limit_models(observations))

    def judge(
        self, parent: Genome, candidates: Sequence[tuple[Genome, Sequence[Edit]]]
    ) -> Judgement:
        """Compare candidates with the tree that they are made from."""
        points = [point_of(parent), *(point_of(genome) for genome, _ in candidates)]
        mean, sd = self._gain.predict(points).against_first()
        work = np.array([work_of(point) for point in points])
        fits = np.exp2(-np.maximum(0.0, work[1:] - work[0] - self._headroom))
        for model, limit in self._limits.values():
            seen = model.predict(points)
            fits *= _above(limit - seen.mean[1:], seen.sd[1:])
        for model in self._margins.values():
            seen = model.predict(points)
            fits *= _above(seen.mean[1:], seen.sd[1:])
        runs = np.array([self.odds.of(edits) for _, edits in candidates])
        return Judgement(gain=mean[1:], sd=sd[1:], fits=fits, runs=runs)

    def relief(self, what: str, parent: Genome, genomes: Sequence[Genome]) -> Array:
        """How much each genome eases a gate or a limit, in standard deviations."""
        points = [point_of(parent), *map(point_of, genomes)]
        if what in self._margins:
            mean, sd = self._margins[what].predict(points).against_first()
        elif what in self._limits:
            mean, sd = self._limits[what][0].predict(points).against_first()
            mean = -mean
        else:
            return np.zeros(len(genomes))
        return np.asarray(mean[1:] / (sd[1:] + 1e-9))


def expected_improvement(mean: Array, sd: Array) -> Array:
    """Of normal variables, over zero."""
    z = mean / np.maximum(sd, 1e-12)
    density = np.exp(-0.5 * z**2) / math.sqrt(2 * math.pi)
    return np.asarray(mean * _normal(z) + sd * density)


def _above(mean: Array, sd: Array) -> Array:
    return _normal(mean / np.maximum(sd, 1e-12))


def _normal(z: Array) -> Array:
    return np.array([0.5 * math.erfc(-value / math.sqrt(2)) for value in z])


# -------------------------------------------------------------------------------- fitting


def _gain_model(
    observations: Sequence[Observation], yard: Yardstick, spread: float, pays: float
) -> Surrogate:
    scored = [(seen, seen.score) for seen in observations if seen.score is not None]
    heights = _without_depths(np.array([yard.height(score) for _, score in scored]))
    noise = [max(_FLOOR, yard.relative(score, spread)) ** 2 / seen.looks for seen, score in scored]
    points = [point_of(seen.genome) for seen, _ in scored]
    fitted = Surrogate(points, list(heights), noise, doubled=pays)
    pending = _points(o for o in observations if o.fate is Fate.PENDING)
    if not pending:
        return fitted
    believed = fitted.predict(pending).mean
    noise += [min(noise)] * len(pending)
    return Surrogate([*points, *pending], [*heights, *believed], noise, doubled=pays)


def _without_depths(heights: Array) -> Array:
    """Disasters are told apart from failures by their sign alone, lest they bend the model."""
    centre = float(np.median(heights))
    width = 4 * float(np.median(np.abs(heights - centre))) + 0.02
    deep = np.minimum(0.0, heights - centre + width)
    return np.asarray(np.maximum(heights, centre - width) - width * np.log1p(-deep / width))


def _margin_model(observations: Sequence[Observation], gate: str, pays: float) -> Surrogate:
    seen = [o for o in observations if gate in o.margins]
    values = np.array([o.margins[gate].value for o in seen])
    noise = [o.margins[gate].sd ** 2 for o in seen]
    return Surrogate(_points(seen), list(_without_depths(values)), noise, doubled=pays)


def _limit_models(
    observations: Sequence[Observation],
) -> Iterable[tuple[str, tuple[Surrogate, float]]]:
    """Only of limits that something has broken: the others say nothing."""
    for name in sorted({seen.over for seen in observations if seen.over}):
        used = [o for o in observations if o.resources.get(name, 0.0) > 0]
        within = [o.resources[name] for o in used if not o.over]
        over = [o.resources[name] for o in used if o.over == name]
        if within and over:
            highest, lowest = max(within), min(over)
            limit = math.log(max(highest, (highest + lowest) / 2))
            values = [math.log(o.resources[name]) for o in used]
            yield name, (Surrogate(_points(used), values, [1e-4] * len(used)), limit)


def _points(observations: Iterable[Observation]) -> list[Point]:
    return [point_of(seen.genome) for seen in observations]


def rewards(observations: Sequence[Observation], yard: Yardstick) -> Mapping[int, float]:
    """What each trial paid: 1 if it led, half if it scored better than its parent."""
    height = {o.id: yard.height(o.score) for o in observations if o.score is not None}
    found: dict[int, float] = {}
    for seen in observations:
        base = height.get(seen.parent) if seen.parent is not None else None
        better = base is not None and height.get(seen.id, -math.inf) > base
        found[seen.id] = 1.0 if seen.leading else 0.5 * (better and seen.fate is Fate.MEASURED)
    return found
