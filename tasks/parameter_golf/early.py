"""Giving up trainings that are hopeless early, in runs that ask for it; never a score."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import fmean

from autores.evaluator.request import EvaluationRequest
from autores.records import Point, Purpose

FROM, UNTIL = 0.15, 0.3
"""Shares of the time between which the logged loss is looked at."""
EARLY = "early_loss"
"""What the calibration knows the seed recipe's by."""


def early_loss(points: Sequence[Point], seconds: float) -> float | None:
    """The mean of what was logged between the two shares of so many seconds."""
    within = [
        p.values["loss"]
        for p in points
        if "loss" in p.values and FROM * seconds <= p.seconds <= UNTIL * seconds
    ]
    return fmean(within) if within else None


@dataclass(slots=True)
class Watch:
    """Looks once, when the time has come; its words are the trial's end."""

    seconds: float
    """Of training in all."""
    most: float
    """The largest loss that is not hopeless."""
    _points: list[Point] = field(default_factory=list)
    _looked: bool = False

    def __call__(self, point: Point) -> str:
        """Take a point; say why the trial is given up, or nothing."""
        self._points.append(point)
        if self._looked or point.seconds < UNTIL * self.seconds:
            return ""
        self._looked = True
        loss = early_loss(self._points, self.seconds)
        if loss is None or loss <= self.most:
            return ""
        return (
            f"given up at {UNTIL:.0%} of the time: a loss of {loss:.3f}, "
            f"where at most {self.most:.3f} is promising"
        )


def watch(request: EvaluationRequest) -> Watch | None:
    """Of a first look, where the run asks for it and the seed recipe's loss is known."""
    share, usual = request.limits.early_stop, request.reference(EARLY)
    if not share or usual is None or request.evaluation.purpose is not Purpose.FIRST:
        return None
    return Watch(request.limits.wall["train"], (1 + share) * usual)
