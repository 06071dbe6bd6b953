"""What every session is told of the run: where it stands, what was tried, what came of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from autores import hookimpl
from autores.agent import Section, SessionBrief
from autores.config import SettingsBook
from autores.lineage.view import LineageView
from autores.records import Gate, Trial
from autores.text import escape_line


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How much is told."""

    leaders: int = field(default=20, metadata={"help": "rows of the leaderboard"})
    path: int = field(default=20, metadata={"help": "steps of the path to the parent"})
    children: int = field(default=10, metadata={"help": "children of the parent"})
    recent: int = field(default=20, metadata={"help": "trials that finished last"})
    saturation: int = field(
        default=5, metadata={"help": "a specialist's trials without effect that earn advice"}
    )


@hookimpl
def autores_context(
    view: LineageView, session: SessionBrief, settings: SettingsBook
) -> Iterable[Section]:
    """Sections in the order in which an agent wants to know."""
    own = settings.of(Settings)
    rows = _Rows(view)
    leaders, recent = view.leaderboard(own.leaders), view.recent(own.recent)
    return (
        Section(title="Where the run stands", text=_standing(view, rows), rank=10),
        Section(
            title="Leaderboard", text=rows.table(leaders), rank=20, cap=4 << 10, newest_first=True
        ),
        Section(
            title=f"Path to trial {session.parent}, newest first",
            text=rows.table(reversed(view.path(session.parent, own.path))),
            rank=30,
            cap=4 << 10,
        ),
        Section(
            title=f"What was tried from trial {session.parent}",
            text=rows.table(view.children(session.parent, own.children)),
            rank=40,
            cap=4 << 10,
        ),
        Section(title="Recent activity", text=rows.table(recent, notes=True), rank=50),
        Section(title="Saturation", text=_saturation(view, session, own.saturation), rank=60),
    )


def _standing(view: LineageView, rows: _Rows) -> str:
    metric = view.task.metric
    lines = [f"{metric.name} is to be {metric.direction.value}d."]
    for title, trial in (("Head, from which most start", view.head), ("Best, confirmed", view.best)):
        if trial is None:
            lines.append(f"{title}: none yet")
        else:
            found = view.trial(trial)
            lines.append(f"{title}: trial {trial}, {metric.render(_score(view, found))}")
    calibration = view.calibration
    if calibration is not None and calibration.spread:
        lines.append(
            f"Noise of one measurement (standard deviation): {metric.render(calibration.spread)}"
        )
    lines += [f"Gate: {rows.threshold(gate)}" for gate in view.task.gates]
    return "\n".join(lines)


def _score(view: LineageView, trial: Trial) -> float | None:
    calibration = view.calibration
    if trial.id == 0 and calibration is not None and calibration.score is not None:
        return calibration.score
    return trial.score


def _saturation(view: LineageView, session: SessionBrief, count: int) -> str:
    """Advice, if nothing that this specialist tried of late did more than noise does."""
    calibration = view.calibration
    rows = view.by_specialist(session.specialist.key, count)
    if calibration is None or len(rows) < count:
        return ""
    if any(row.delta is not None and abs(row.delta) > calibration.spread for row in rows):
        return ""
    return (
        f"The last {count} trials of {session.specialist.key} changed nothing beyond noise. "
        "Try something of another kind: a structural change rather than another value."
    )


class _Rows:
    """Trials as lines."""

    def __init__(self, view: LineageView) -> None:
        self._view = view
        self._metric = view.task.metric

    def table(self, trials: Iterable[Trial], *, notes: bool = False) -> str:
        return "\n".join(self._row(trial, notes) for trial in trials)

    def _row(self, trial: Trial, notes: bool) -> str:
        submission = trial.submission
        status = trial.status.value if trial.status else trial.phase.value
        cells = [f"{trial.id:04d}", submission.specialist or "–", status]
        cells.append(self._metric.render(_score(self._view, trial)))
        if trial.delta is not None:
            cells.append(f"gain {trial.delta:+{self._metric.format}}")
        cells += [self._gated(gate, trial) for gate in self._view.task.gates if trial.counts]
        cells.append(escape_line(submission.hypothesis, 140))
        row = " | ".join(cells)
        said = escape_line(trial.detail or submission.notes, 160) if notes else ""
        return f"{row}\n      {said}" if said else row

    def _gated(self, gate: Gate, trial: Trial) -> str:
        """The gated quantity: hits of total, pooled over all looks."""
        total = trial.counts.get(gate.total, 0)
        hits = trial.counts.get(gate.hits, 0)
        return f"{gate.name} {hits / total:.4f}" if total else f"{gate.name} –"

    def threshold(self, gate: Gate) -> str:
        calibration = self._view.calibration
        known = calibration.thresholds.get(gate.name) if calibration else None
        return f"{gate.name} at least {gate.at_least or known or 'what calibration will say'}"
