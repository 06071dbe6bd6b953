"""Did those who proposed know what would happen? Expected against measured change."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import StatisticsError, linear_regression

from autores.records import Direction, Trial


@dataclass(frozen=True, slots=True, kw_only=True)
class Foresight:
    """Over all trials that said what they expect and were measured; gains, positive is better."""

    pairs: tuple[tuple[int, float, float], ...] = ()
    """Trial, expected gain, measured gain of the first look over the incumbent of its time."""

    @property
    def promised(self) -> int:
        """How many expected to get better."""
        return sum(expected > 0 for _, expected, _ in self.pairs)

    @property
    def kept_promises(self) -> int:
        """How many of those did."""
        return sum(expected > 0 and measured > 0 for _, expected, measured in self.pairs)

    @property
    def right_signs(self) -> int:
        """How many moved the way that they expected."""
        return sum(expected * measured > 0 for _, expected, measured in self.pairs)

    @property
    def slope(self) -> float | None:
        """Measured gain per expected gain, by least squares; 1 would be calibrated."""
        expected = [expected for _, expected, _ in self.pairs]
        measured = [measured for _, _, measured in self.pairs]
        try:
            return linear_regression(expected, measured).slope
        except StatisticsError:
            return None


def foresight(trials: Iterable[Trial], direction: Direction) -> Foresight:
    """Pair up what was expected and what was measured."""
    return Foresight(
        pairs=tuple(
            (trial.id, direction.gain(0.0, trial.submission.expected_delta), trial.delta)
            for trial in trials
            if trial.submission.expected_delta is not None and trial.delta is not None
        )
    )
