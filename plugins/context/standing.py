"""Where the run stands, what the starting point leaves unused, and whether all is tried."""

from __future__ import annotations

from collections.abc import Iterator

from autores.agent import SessionBrief
from autores.config import RunSettings
from autores.lineage.store import NoSuchTrial
from autores.lineage.view import LineageView
from autores.records import Limits, Outcome
from autores.telling import score_of, threshold


def standing(view: LineageView, settings: RunSettings) -> str:
    """Score, head, best, noise, gates, and how much of the run is left."""
    metric = view.task.metric
    lines = [f"{metric.name} is to be {metric.direction.value}d."]
    for title, trial in (
        ("Head, from which most start", view.head),
        ("Best, confirmed", view.best),
    ):
        if trial is None:
            lines.append(f"{title}: none yet")
        else:
            score = metric.render(score_of(view, view.trial(trial)))
            lines.append(f"{title}: trial {trial}, {score}")
    calibration = view.calibration
    if calibration is not None and calibration.spread:
        spread = metric.render(calibration.spread)
        lines.append(f"Noise of one measurement (standard deviation): {spread}")
    lines += _gates(view)
    if settings.lineage and settings.max_trials is not None:
        used = max(0, sum(view.tally().values()) - 1)
        lines.append(f"Trials of this run: {used} of {settings.max_trials}")
    return "\n".join(lines)


def _gates(view: LineageView) -> Iterator[str]:
    """Thresholds, and by how much the head passes."""
    head = view.trial(view.head)
    for gate in view.task.gates:
        wanted = threshold(view, gate)
        if wanted is None:
            yield f"Gate {gate.name}: at least what calibration will say"
            continue
        spare = -gate.shortfall(head.counts, wanted)
        total = head.counts.get(gate.total, 0)
        told = f"; the head has {spare:,} of {total:,} {gate.hits} to spare" if total else ""
        yield f"Gate {gate.name}: at least {wanted}{told}"


def unused(view: LineageView, session: SessionBrief) -> str:
    """What limits of one evaluation the starting point does not reach: room for ideas."""
    if session.limits is None:
        return ""
    try:
        outcomes = [look.outcome for look in view.looks(session.parent) if look.outcome]
    except NoSuchTrial:
        return ""
    return "\n".join(_left(session.limits, outcomes[-1])) if outcomes else ""


def _left(limits: Limits, outcome: Outcome) -> Iterator[str]:
    for phase, most in limits.wall.items():
        walls = [m.wall for m in outcome.measurements if m.phase == phase]
        if walls:
            yield _share(phase, max(walls), most, "s", ".3g")
    if outcome.artifact is not None:
        yield _share(
            "artifact", outcome.artifact.total_bytes, limits.artifact_bytes, "bytes", ",.0f"
        )
    peak = max((m.peak_memory for m in outcome.measurements), default=0)
    if peak:
        yield _share("memory", peak / 2**20, limits.memory_bytes / 2**20, "MiB", ",.0f")


def _share(name: str, used: float, most: float, unit: str, form: str) -> str:
    share = 100 * (1 - used / most)
    return f"{name}: {used:{form}} of {most:{form}} {unit} used, {share:.0f} % unused"


def saturation(view: LineageView, session: SessionBrief, count: int) -> str:
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
