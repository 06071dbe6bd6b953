"""Trials that missed a gate or a limit by little: what a small correction might save."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from autores.agent import SessionBrief
from autores.lineage.view import LineageView
from autores.plugins.context.rows import Rows
from autores.records import Trial
from autores.status import Status
from autores.telling import threshold

LATEST = 20
"""Trials of each kind that are looked at."""
LITTLE = 0.1
"""Of what was asked for: more is no near miss."""


def near_misses(view: LineageView, session: SessionBrief, rows: Rows, most: int) -> str:
    """The smallest misses first, with what was missing."""
    found = [
        (share, trial, told)
        for status in (Status.DISQUALIFIED, Status.SIZE_BLOCKED)
        for trial in view.by_status(status, LATEST)
        for share, told in _missed(view, session, trial)
        if share <= LITTLE
    ]
    found.sort(key=lambda miss: (miss[0], -miss[1].id))
    return "\n".join(f"{rows.row(trial)}\n      {told}" for _, trial, told in found[:most])


def _missed(view: LineageView, session: SessionBrief, trial: Trial) -> Iterator[tuple[float, str]]:
    """What a trial lacks, as a share of what was asked for, and in words."""
    reached = trial.metrics.get(view.task.metric.name)
    score = "" if reached is None else f"; without that: {view.task.metric.render(reached)}"
    for gate in view.task.gates:
        wanted, total = threshold(view, gate), trial.counts.get(gate.total, 0)
        missing = gate.shortfall(trial.counts, wanted) if wanted and total else 0
        if missing > 0:
            needed = float(Fraction(wanted or "1") * total)
            told = f"{missing:,} more {gate.hits} of {total:,} would have passed {gate.name}"
            yield missing / needed, told + score
    if trial.artifact is not None and session.limits is not None:
        over = trial.artifact.total_bytes - session.limits.artifact_bytes
        if over > 0:
            yield over / session.limits.artifact_bytes, f"{over:,} bytes too large{score}"
