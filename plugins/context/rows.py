"""Trials as lines of a table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from autores.fence import quote
from autores.lineage.view import LineageView
from autores.records import Trial
from autores.rows import standing
from autores.telling import gates_of, score_of

HYPOTHESIS, NOTES = 140, 160


class Rows:
    """What agents or programs wrote stands in quotes."""

    def __init__(self, view: LineageView) -> None:
        self._view = view
        self._metric = view.task.metric

    def table(self, trials: Iterable[Trial], *, notes: bool = False) -> str:
        """One line for each trial, and where wanted another with its notes."""
        return "\n".join(self.row(trial, notes=notes) for trial in trials)

    def row(self, trial: Trial, *, notes: bool = False) -> str:
        """Number, specialist, status, score, gain, gates, hypothesis."""
        submission = trial.submission
        cells = [
            f"{trial.id:04d}",
            submission.specialist or "–",
            standing(trial),
            self._metric.render(score_of(self._view, trial)),
            *([f"gain {trial.delta:+{self._metric.format}}"] if trial.delta is not None else []),
            *gates_of(self._view, trial),
            *([quote(submission.hypothesis, HYPOTHESIS)] if submission.hypothesis else []),
        ]
        said = trial.detail or submission.notes if notes else ""
        return " | ".join(cells) + (f"\n      {quote(said, NOTES)}" if said else "")

    def siblings(self, pending: Iterable[Trial], active: Iterable[str]) -> str:
        """Trials under way, then the sessions that have not submitted yet."""
        lines = [self.row(trial) for trial in pending]
        at_work = Counter(active)
        if at_work.total() > 1:
            told = ", ".join(f"{key} ({n})" if n > 1 else key for key, n in sorted(at_work.items()))
            lines.append(f"Sessions at work, yours among them: {told}")
        return "\n".join([*lines, "Propose something else than they do."]) if lines else ""
