"""How a run stands, in a few lines: what is claimed, what leads, what it took."""

from __future__ import annotations

from typing import Any

from autores.events import Head
from autores.lineage.view import LineageView
from autores.records import Trial
from autores.rendering import Facts
from autores.status import Status
from autores.text import escape_line


def summary(view: LineageView, head: Head, ended: str = "") -> Facts:
    """Of a run as it stands now.

    Args:
        view: The whole lineage.
        head: Where it stands.
        ended: Why the run ended, if it did.
    """
    data: dict[str, Any] = {
        "ended": ended,
        "trials": max(0, head.next_trial - 1),
        "finished": head.finished,
        "baseline": _baseline(view),
        "best": _told(view, head.best),
        "lead": _told(view, head.lead),
        "cost": head.spent,
        "error_spent": head.error_spent,
        "steered": view.course.changes,
        "head_hash": head.hash,
        "events": head.seq,
    }
    return Facts(text="\n".join(_lines(view, head, ended)), data=data)


def _lines(view: LineageView, head: Head, ended: str) -> list[str]:
    metric = view.task.metric
    lines = [f"ended: {ended}"] if ended else []
    task = view.task
    lines.append(f"task       {task.name}, {task.profile}: {metric.direction.value} {metric.name}")
    lines.append(f"baseline   {metric.render(_baseline(view))}")
    lines += _standing("best", view, head.best)
    if head.lead != head.best:
        lines += _standing("leading", view, head.lead)
    spent = head.spent
    lines.append(
        f"trials     {max(0, head.next_trial - 1)}, {spent.seconds:.0f} s of evaluation"
        + (f", {spent.tokens:,} tokens, {spent.dollars:.2f} dollars" if spent.tokens else "")
    )
    lines.append(f"outcomes   {_outcomes(view)}")
    if view.course.changes:
        lines.append(f"steered    {view.course.changes} times by people; `autores steer` lists it")
    lines.append(f"chain      {head.seq} events, head {head.hash}")
    return lines


def _outcomes(view: LineageView) -> str:
    counts = dict.fromkeys(Status, 0)
    for (_, status), count in view.tally().items():
        if status is not None:
            counts[status] += count
    told = (f"{s.glyph} {n:,} {s.value}" for s, n in counts.items() if n)
    return "  ".join(told) or "none yet"


def _standing(word: str, view: LineageView, trial: int | None) -> list[str]:
    """One line, and another on what was measured after the decision."""
    if trial is None:
        return [f"{word:<9}  none: no trial passes the gates yet"]
    if trial == 0:
        return [f"{word:<9}  the baseline"]
    found = view.trial(trial)
    said = escape_line(found.submission.hypothesis, 80)
    score = view.task.metric.render(found.score)
    first = f"{word:<9}  trial {trial}, {score}{_gain(view, found)}: {said}"
    tested = _estimate(view, found)
    return [first, f"{'':<9}  {tested}"] if tested else [first]


def _gain(view: LineageView, trial: Trial) -> str:
    """Over the baseline, by the scores as they rank."""
    base, metric = _baseline(view), view.task.metric
    if base is None or trial.score is None:
        return ""
    gain = metric.direction.gain(base, trial.score)
    share = f", {gain / abs(base):+.1%}" if base else ""
    return f" ({gain:+{metric.format}}{share})"


def _estimate(view: LineageView, trial: Trial) -> str:
    """The gain that was estimated after the decision, with its interval."""
    decision, form = trial.decision, view.task.metric.format
    if decision is None or decision.estimate is None:
        return ""
    found, over = decision.interval, f"over trial {decision.against}"
    if found is None:
        return f"by one look {decision.estimate:+{form}} {over}; never tested"
    interval = f"[{found.low:+{form}}, {found.high:+{form}}]"
    return f"measured after the decision {decision.estimate:+{form}} {interval} {over}"


def _baseline(view: LineageView) -> float | None:
    return view.calibration.score if view.calibration else None


def _told(view: LineageView, trial: int | None) -> Trial | None:
    return None if trial is None else view.trial(trial)
