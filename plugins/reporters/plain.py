"""One line for each trial that ends; for terminals of all kinds, files and pipes."""

from __future__ import annotations

import sys

from autores import hookimpl
from autores.events import Calibrated, Decided, Demoted, Evaluated, Event, Gated
from autores.lineage.view import LineageView
from autores.records import Calibration
from autores.rows import row
from autores.status import Verdict
from autores.text import escape_line


@hookimpl
def autores_event(event: Event, view: LineageView) -> None:
    """Say what ended."""
    line = line_of(event, view)
    if line:
        print(line, file=sys.stderr, flush=True)


def line_of(event: Event, view: LineageView) -> str:
    """What is said of an event; empty for most."""
    match event.body:
        case Calibrated(calibration=calibration):
            return _calibrated(calibration, view)
        case Decided(trial=trial, decision=decision):
            if decision.verdict is Verdict.MEASURE:
                return f"  {trial:04d} is measured again: {decision.reason}"
            return row(view.trial(trial), view.task.metric)
        case Demoted(trial=trial, reason=reason):
            return f"{row(view.trial(trial), view.task.metric)}\n       {escape_line(reason)}"
        case Gated(trial=trial) | Evaluated(trial=trial):
            return _ended(trial, event.at, view)
    return ""


def _ended(trial: int, at: float, view: LineageView) -> str:
    """A trial that gates or evaluator ended here: a refusal, a crash, an overrun."""
    found = view.trial(trial)
    if found.finished_at != at or trial == 0:
        return ""
    line = row(found, view.task.metric)
    return f"{line}\n       {escape_line(found.detail)}" if found.detail else line


def _calibrated(calibration: Calibration, view: LineageView) -> str:
    metric = view.task.metric
    level = f"baseline {metric.name} {metric.render(calibration.score)}"
    noise = f"noise {metric.render(calibration.spread)}"
    gates = [f"{name} at least {threshold}" for name, threshold in calibration.thresholds.items()]
    feasible = () if calibration.feasible else ("the seed recipe misses a gate",)
    return "◆ " + ", ".join((level, noise, *gates, *feasible))
