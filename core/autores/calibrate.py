"""What the seed recipe's own looks say: level, noise, gates, and what to compare with."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean

from autores.records import Calibration, Gate, Outcome, Task
from autores.statistics import Scale, lag1
from autores.status import Cause


def calibration_of(
    task: Task, outcomes: Sequence[Outcome], *, world: str, hardware: str
) -> Calibration:
    """Calibrate from outcomes of the seed recipe, of which all have run.

    The spread is pooled with the task's prior, so that a few looks that happen to agree do
    not make noise look like nothing.
    """
    scores = [_measured(task, o) for o in outcomes]
    known = [s for s in scores if s is not None]
    counts = pooled_counts(outcomes)
    thresholds = {gate.name: threshold_of(gate, counts, len(outcomes)) for gate in task.gates}
    prior = task.metric.noise
    scales = [Scale.of(known)] if len(known) > 1 else []
    if prior is not None:
        scales.append(Scale(sd=prior.sd, df=prior.degrees_of_freedom))
    spread = Scale.pooled(scales) if scales else Scale(sd=0.0, df=0.0)
    return Calibration(
        task=task.name,
        profile=task.profile,
        world=world,
        hardware=hardware,
        score=fmean(known) if known else None,
        spread=spread.sd,
        degrees_of_freedom=spread.df,
        feasible=missed_gate(task, counts, thresholds) is None,
        autocorrelation=lag1(known) if len(known) > 2 else 0.0,
        references=_means(o.metrics for o in outcomes),
        thresholds=thresholds,
    )


def _measured(task: Task, outcome: Outcome) -> float | None:
    """The score, or what it would have been but for a gate."""
    return outcome.score if outcome.score is not None else outcome.metrics.get(task.metric.name)


def pooled_counts(outcomes: Iterable[Outcome]) -> dict[str, int]:
    """Exact counts over several looks."""
    total: dict[str, int] = {}
    for outcome in outcomes:
        for name, count in outcome.counts.items():
            total[name] = total.get(name, 0) + count
    return total


def threshold_of(gate: Gate, counts: Mapping[str, int], looks: int) -> str:
    """The gate's own threshold; else so many standard errors of one look below the seed's rate."""
    if gate.at_least is not None:
        return gate.at_least
    total = counts.get(gate.total, 0)
    if not total:
        return "0"
    rate = counts.get(gate.hits, 0) / total
    error = math.sqrt(rate * (1 - rate) / (total / max(1, looks)))
    return f"{max(0.0, rate - gate.slack * error):.5f}"


def missed_gate(
    task: Task, counts: Mapping[str, int], thresholds: Mapping[str, str]
) -> tuple[Gate, int] | None:
    """The first gate that pooled counts miss, and by how many."""
    for gate in task.gates:
        threshold = gate.at_least or thresholds.get(gate.name)
        if threshold is not None and counts.get(gate.total):
            missing = gate.shortfall(counts, threshold)
            if missing > 0:
                return gate, missing
    return None


def ran(outcomes: Iterable[Outcome]) -> bool:
    """Whether all looks got as far as their counts: an infeasible seed is still a baseline."""
    return all(o.cause in (Cause.VALID, Cause.GATE) for o in outcomes)


def _means(rows: Iterable[Mapping[str, float]]) -> dict[str, float]:
    found: dict[str, list[float]] = {}
    for row in rows:
        for name, value in row.items():
            found.setdefault(name, []).append(value)
    return {name: fmean(values) for name, values in found.items()}
