"""The verdict of `autores verify`: fresh seeds on both sides, one test, and the task's own terms."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from autores.errors import UserError
from autores.records import Direction, Interval
from autores.statistics import Comparison, Scale, bootstrap_interval, welch

DEFAULT_ERROR = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One named condition, whether it holds, and by how much."""

    name: str
    holds: bool
    detail: str = ""


Condition = Callable[[Comparison], Check]
"""What a task asks besides significance, given the comparison."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What fresh seeds say of a trial against another. Gains are positive when better."""

    verified: bool
    effect: float
    """Difference of the means, in the metric's unit."""
    effect_size: float | None
    """The same in pooled standard deviations; None where nothing spreads."""
    p: float
    df: float
    welch: Interval
    bootstrap: Interval
    looks: tuple[int, int]
    """How many on the trial's side, and on the other."""
    error: float
    checks: tuple[Check, ...] = ()

    def as_mapping(self) -> dict[str, Any]:
        """As it stands in the event."""
        return asdict(self)


def verify(
    trial: Sequence[float],
    against: Sequence[float],
    *,
    direction: Direction,
    error: float = DEFAULT_ERROR,
    conditions: Iterable[Condition] = (),
    checks: Iterable[Check] = (),
    seed: int = 0,
) -> Verification:
    """Judge scores of fresh, interleaved seeds that had no part in any earlier decision.

    Args:
        trial: Scores of the trial that is claimed to be better.
        against: Scores of the other, measured between them.
        direction: Which way scores improve.
        error: The significance that Welch's one-sided test must reach.
        conditions: Further terms of the comparison itself, such as a least effect.
        checks: Terms that were judged already, such as gates on pooled counts.
        seed: Of the bootstrap.

    Raises:
        UserError: A side has fewer than two scores.
    """
    if min(len(trial), len(against)) < 2:
        raise UserError("verify needs at least two valid looks at each side; raise --seeds")
    sign = 1.0 if direction is Direction.MAXIMIZE else -1.0
    ours, theirs = ([sign * score for score in side] for side in (trial, against))
    tested = welch(ours, theirs)
    significant = Check(
        name="significance",
        holds=tested.p <= error,
        detail=f"p = {tested.p:.2g}, needs ≤ {error:g}",
    )
    terms = (significant, *(condition(tested) for condition in conditions), *checks)
    return Verification(
        verified=all(term.holds for term in terms),
        effect=tested.effect,
        effect_size=_effect_size(tested.effect, ours, theirs),
        p=tested.p,
        df=tested.df,
        welch=tested.interval,
        bootstrap=bootstrap_interval(ours, theirs, seed=seed),
        looks=(len(trial), len(against)),
        error=error,
        checks=terms,
    )


def at_least(name: str, least: float) -> Condition:
    """The condition that the measured effect itself reaches a size, such as 0.005 nats."""

    def check(tested: Comparison) -> Check:
        detail = f"effect {tested.effect:.6g}, needs ≥ {least:g}"
        return Check(name=name, holds=tested.effect >= least, detail=detail)

    return check


def _effect_size(effect: float, ours: Sequence[float], theirs: Sequence[float]) -> float | None:
    sd = Scale.pooled((Scale.of(ours), Scale.of(theirs))).sd
    size = effect / sd if sd > 0 else math.inf
    return size if math.isfinite(size) else None
