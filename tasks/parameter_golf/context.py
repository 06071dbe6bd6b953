"""What a session is told besides: bytes of its parent, near misses, and training curves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from autores.agent import Section, SessionBrief
from autores.lineage.view import LineageView
from autores.records import Point, Trial
from autores.status import Status
from autores.tasks.parameter_golf.feedback import PREFIX
from autores.tasks.parameter_golf.profiles import profile_named
from autores.text import escape_line

UNRANKED = "unranked_bits_per_byte"
"""The score that would have been, of a trial that is not ranked."""
NEAR = 1.02
"""At most so many times too large: worth repairing."""
LOOKED_AT = 200
SHOWN = 6
CURVE_POINTS = 20


def sections(view: LineageView, session: SessionBrief) -> Iterable[Section]:
    """Bytes of the parent, and what nearly fitted."""
    limit = profile_named(view.task.profile).artifact_bytes
    yield Section(
        title="Bytes of the parent", text="\n".join(_bytes(view, session, limit)), rank=15
    )
    near = "\n".join(_near_misses(view, limit))
    yield Section(title="Near misses, worth repairing", text=near, rank=45)


def _bytes(view: LineageView, session: SessionBrief, limit: int) -> Iterator[str]:
    parent = view.trial(session.parent)
    artifact = parent.artifact
    if artifact is None:
        return
    yield (
        f"code {artifact.code_bytes:,} + weights {artifact.weight_bytes:,} = "
        f"{artifact.total_bytes:,} of {limit:,}; {limit - artifact.total_bytes:,} are free"
    )
    account = {n: v for n, v in parent.metrics.items() if n.startswith(PREFIX)}
    if account:
        told = ", ".join(
            f"{escape_line(n.removeprefix(PREFIX))} {v:,.0f}" for n, v in account.items()
        )
        yield f"by the recipe's own account: {told}"


def _near_misses(view: LineageView, limit: int) -> Iterator[str]:
    blocked = view.by_status(Status.SIZE_BLOCKED, LOOKED_AT)
    found = [t for t in blocked if t.artifact and t.artifact.total_bytes <= NEAR * limit]
    late = view.by_status(Status.TRAIN_BUDGET_OVERRUN, LOOKED_AT)
    found += [t for t in late if UNRANKED in t.metrics]
    for trial in sorted(found, key=_unranked)[:SHOWN]:
        would = trial.metrics.get(UNRANKED)
        score = "" if would is None else f" | would have been {view.task.metric.render(would)}"
        idea = escape_line(trial.submission.hypothesis, 120)
        yield f"{trial.id:04d} | {_missed(trial, limit)}{score} | {idea}"


def _missed(trial: Trial, limit: int) -> str:
    if trial.status is Status.TRAIN_BUDGET_OVERRUN or trial.artifact is None:
        return "trained too long"
    return f"{trial.artifact.total_bytes - limit:,} bytes over"


def _unranked(trial: Trial) -> float:
    return trial.metrics.get(UNRANKED, float("inf"))


def curve(points: Sequence[Point], count: int = CURVE_POINTS) -> list[tuple[float, float]]:
    """Seconds and loss at so many places, the last included."""
    told = [(p.seconds, p.values["loss"]) for p in points if "loss" in p.values]
    if len(told) <= count:
        return told
    return [told[round(i * (len(told) - 1) / (count - 1))] for i in range(count)]
