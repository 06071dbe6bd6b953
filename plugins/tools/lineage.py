"""Read what was tried, what came of it, and the code and logs of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal

from autores.fence import fence, quote
from autores.lineage.store import Order, Query
from autores.plugins.tools.files import numbered
from autores.records import Look, Measurement, Trial
from autores.rows import standing
from autores.status import Status
from autores.telling import gates_of, score_of
from autores.tools import ToolContext, ToolRefused, tool

MOST_ROWS = 100
_ORDERS = {
    "best": Order.BEST,
    "newest": Order.NEWEST,
    "oldest": Order.OLDEST,
    "latest": Order.LATEST,
}
_SHORT, _LONG = 140, 2000


@tool(narrow="Ask for fewer rows with `limit`, or say what you look for.")
async def lineage(
    context: ToolContext,
    text: str = "",
    status: str = "",
    specialist: str = "",
    parent: int | None = None,
    order: Literal["latest", "best", "newest", "oldest"] = "latest",
    limit: int = 20,
) -> str:
    """Find trials. All conditions hold together; without any, the latest are listed.

    Args:
        text: Words that begin words of the hypothesis.
        status: Such as `keep` or `crash`.
        specialist: The key of who submitted.
        parent: The trial whose tree was edited.
        order: How they are sorted.
        limit: How many at most, up to 100.
    """
    query = Query(
        text=text,
        statuses=(_status(status),) if status else (),
        specialist=specialist or None,
        parent=parent,
        order=_ORDERS[order],
        limit=max(1, min(limit, MOST_ROWS)),
    )
    return _rows(context, context.view.query(query))


@tool(narrow="Ask for fewer rows with `limit`.")
async def leaderboard(context: ToolContext, limit: int = 20) -> str:
    """List baseline, leads and keeps, best score first.

    Args:
        limit: How many at most, up to 100.
    """
    return _rows(context, context.view.leaderboard(max(1, min(limit, MOST_ROWS))))


@tool()
async def trial(context: ToolContext, trial: int) -> str:
    """Show all that is known of one trial: why it was made, what was measured, what came of it.

    Args:
        trial: Its number.
    """
    found = context.view.trial(trial)
    looks = context.view.looks(trial)
    return "\n".join([*_described(context, found), *_measured(context, looks)])


@tool(narrow="Give `path`, and read fewer lines with `first` and `last`.")
async def read_snapshot(
    context: ToolContext, trial: int, path: str = "", first: int = 1, last: int | None = None
) -> str:
    """Read the code of a trial.

    Args:
        trial: Its number.
        path: Of a file; empty for the list of files.
        first: The first line, counted from 1.
        last: The last line; the end of the file if it is left out.
    """
    tree = context.session.snapshot(trial)
    if not path:
        return fence("\n".join(tree), f"files of trial {trial}")
    if path not in tree:
        raise ToolRefused(f"trial {trial} has no file {path!r}; it has: {', '.join(tree)}")
    lines = tree.read(path).decode(errors="replace").split("\n")[max(0, first - 1) : last]
    return fence(numbered(lines, max(1, first)), f"{path} of trial {trial}")


@tool(narrow="Read single files with `read_snapshot` instead.")
async def diff_snapshots(context: ToolContext, old: int, new: int) -> str:
    """Show what differs between the code of two trials, as a unified diff.

    Args:
        old: Number of the one.
        new: Number of the other.
    """
    found = context.session.compare(old, new)
    return fence(found, f"diff from trial {old} to {new}") if found else "their code is the same"


@tool(alone=True)
async def rebase_to(context: ToolContext, trial: int) -> str:
    """Move your edits onto another trial's code, which becomes your starting point.

    Args:
        trial: Its number, such as the head's.
    """
    moved = context.session.rebase(trial)
    if not moved.conflicts:
        return str(moved)
    told = fence("\n".join(moved.conflicts.values()), "conflicts")
    return f"now at trial {trial}; resolve these conflicts in your files:\n{told}"


@tool(narrow="Name a `phase`.")
async def read_log(context: ToolContext, trial: int, phase: str = "") -> str:
    """Read what a trial's program printed while it was measured: beginning and end of each log.

    Args:
        trial: Its number.
        phase: Such as `train`; empty for all.
    """
    looks = context.view.looks(trial)
    logs = [m for look in looks if look.outcome for m in look.outcome.measurements]
    known = sorted({m.phase for m in logs})
    found = [m for m in logs if m.phase == phase or not phase]
    if not found:
        raise ToolRefused(f"trial {trial} has no log of that; phases: {', '.join(known) or 'none'}")
    return "\n\n".join(fence(m.log or "(nothing)", _log_title(trial, m)) for m in found)


def _log_title(trial: int, measurement: Measurement) -> str:
    return f"log of trial {trial}, {measurement.phase}, seed {measurement.seed}"


def _status(name: str) -> Status:
    known = {status.value: status for status in Status}
    if name not in known:
        raise ToolRefused(f"there is no status {name!r}; there are: {', '.join(known)}")
    return known[name]


# ------------------------------------------------------------------------------ in words


def _rows(context: ToolContext, trials: Iterable[Trial]) -> str:
    rows = [row(context, found) for found in trials]
    return "\n".join(rows) or "no trial is like that"


def row(context: ToolContext, found: Trial) -> str:
    """A trial as one line."""
    metric = context.task.metric
    cells = [
        f"{found.id:04d}",
        found.submission.specialist or "–",
        standing(found),
        metric.render(score_of(context.view, found)),
        *([f"gain {found.delta:+{metric.format}}"] if found.delta is not None else []),
        *gates_of(context.view, found),
        quote(found.submission.hypothesis, _SHORT),
    ]
    return " | ".join(cells)


def _described(context: ToolContext, found: Trial) -> Iterator[str]:
    submission = found.submission
    yield row(context, found)
    parents = ", ".join(map(str, submission.parents)) or "none"
    yield f"parents: {parents}; cites: {', '.join(map(str, submission.cites)) or 'none'}"
    if submission.edit is not None:
        edit = submission.edit
        yield (
            f"edit: {edit.radius.value}, +{edit.added} -{edit.removed} lines, "
            f"surfaces {', '.join(edit.surfaces) or 'none'}, files {', '.join(edit.files)}"
        )
    if submission.expected_delta is not None:
        yield f"expected change of the score: {submission.expected_delta:+g}"
    if len(submission.hypothesis) > _SHORT:
        yield f"hypothesis: {quote(submission.hypothesis, _LONG)}"
    if submission.notes:
        yield f"notes: {quote(submission.notes, _LONG)}"
    for violation in found.violations:
        yield f"{violation.severity.value}: {quote(str(violation), 400)}"
    if found.detail:
        yield f"detail: {quote(found.detail, 400)}"
    if found.decision is not None and found.decision.reason:
        yield f"decision: {found.decision.verdict.value}: {found.decision.reason}"


def _measured(context: ToolContext, looks: Iterable[Look]) -> Iterator[str]:
    metric = context.task.metric
    for look in looks:
        outcome = look.outcome
        if outcome is None:
            yield f"look {look.evaluation.ordinal}: under way"
            continue
        scores = ", ".join(metric.render(sample.score) for sample in outcome.samples)
        yield (
            f"look {look.evaluation.ordinal} ({look.evaluation.purpose.value}): "
            f"{outcome.cause.value} {metric.render(outcome.score)}; samples: {scores or '–'}"
        )
        for name, value in sorted(outcome.metrics.items()):
            yield f"  {name}: {value:g}"
        if outcome.artifact is not None:
            yield f"  artifact: {outcome.artifact.total_bytes:,} bytes"
        yield from (f"  {_phase(m)}" for m in outcome.measurements)


def _phase(m: Measurement) -> str:
    parts = [f"{m.phase}, seed {m.seed}: {m.wall:.3g} s, {m.peak_memory / 2**20:,.0f} MiB"]
    if m.limit:
        parts.append(f"over its limit of {m.limit}")
    if m.points:
        last = m.points[-1]
        values = ", ".join(f"{name} {value:.4g}" for name, value in last.values.items())
        parts.append(f"it said at step {last.step}: {values}")
    return "; ".join(parts)


TOOLS = (
    lineage,
    leaderboard,
    trial,
    read_snapshot,
    diff_snapshots,
    rebase_to,
    read_log,
)
