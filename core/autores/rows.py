"""A trial as one line for people; what a candidate or an agent wrote is escaped."""

from __future__ import annotations

from autores.records import Metric, Phase, Trial
from autores.status import Status
from autores.text import escape_line

NO_STATUS = {Phase.QUEUED: "…", Phase.RUNNING: "▶", Phase.MEASURED: "≈"}


def glyph(trial: Trial) -> str:
    """One character for how it stands."""
    return trial.status.glyph if trial.status else NO_STATUS.get(trial.phase, "…")


def standing(trial: Trial) -> str:
    """Its status; before it has one, its phase."""
    return trial.status.value if trial.status else trial.phase.value


def gain_of(trial: Trial) -> float | None:
    """What was estimated after the decision; of other trials what the first look gained."""
    decision = trial.decision
    stands = trial.status in (Status.LEAD, Status.KEEP)
    if stands and decision is not None and decision.estimate is not None:
        return decision.estimate
    return trial.delta


def row(trial: Trial, metric: Metric, *, width: int = 72) -> str:
    """Glyph, number, specialist, status, score, gain and hypothesis."""
    gained = gain_of(trial)
    gain = "" if gained is None else f"{gained:+{metric.format}}"
    score = metric.render(trial.score if trial.score is not None else trial.first_score)
    text = escape_line(trial.submission.hypothesis, width)
    return (
        f"{glyph(trial)} {trial.id:04d} {trial.submission.specialist:<12} "
        f"{standing(trial):<20} {score:>12} {gain:>9}  {text}"
    )
