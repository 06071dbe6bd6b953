"""A trial's numbers as agents are told them: scores, gates, what was missing."""

from __future__ import annotations

from collections.abc import Iterator

from autores.lineage.view import LineageView
from autores.records import Gate, Trial


def score_of(view: LineageView, trial: Trial) -> float | None:
    """The score that ranks; the baseline's as calibrated."""
    calibration = view.calibration
    if trial.id == 0 and calibration is not None and calibration.score is not None:
        return calibration.score
    return trial.score


def threshold(view: LineageView, gate: Gate) -> str | None:
    """What a gate asks for, exactly; None before calibration has set it."""
    calibration = view.calibration
    known = calibration.thresholds.get(gate.name) if calibration else None
    return gate.at_least or known


def gates_of(view: LineageView, trial: Trial) -> Iterator[str]:
    """Each gated quantity of a trial, pooled over its looks, with what it lacks."""
    for gate in view.task.gates:
        total = trial.counts.get(gate.total, 0)
        if not total:
            continue
        told = f"{gate.name} {trial.counts.get(gate.hits, 0) / total:.4f}"
        wanted = threshold(view, gate)
        missing = gate.shortfall(trial.counts, wanted) if wanted else 0
        yield f"{told}, {missing} of {total:,} {gate.hits} short" if missing > 0 else told
