"""The numbers of trials, also of those that must not rank."""

from __future__ import annotations

from bisect import bisect_left

from autores.readmodel import Story
from autores.records import Metric, Trial

_TIME = "train_s"
_TOTAL = "total_s"


def number_of(trial: Trial, metric: Metric) -> float | None:
    """What the metric was, whether or not it ranks: never a claim."""
    for known in (trial.score, trial.first_score, trial.metrics.get(metric.name)):
        if known is not None:
            return known
    return trial.metrics.get(_TOTAL) if metric.name == _TIME else None


def bytes_of(trial: Trial) -> float | None:
    """The size of what was weighed."""
    if trial.artifact is not None:
        return float(trial.artifact.total_bytes)
    return trial.metrics.get("artifact_bytes")


class Levels:
    """Who was best at a time, and how good."""

    def __init__(self, story: Story) -> None:
        """Look at a story."""
        self._story = story
        self._times = [change.at for change in story.bests]

    def before(self, trial: Trial) -> float | None:
        """The score of the best when a trial ended."""
        at = self._story.ended if trial.finished_at is None else trial.finished_at
        found = bisect_left(self._times, at)
        best = self._story.bests[found - 1].trial if found else None
        return None if best is None else self._story.level(best)
