"""Commands that look at a run: nothing here writes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from autores.cli.options import json_option, located, run_argument, tell
from autores.config import Environment, gather
from autores.errors import UserError, unknown
from autores.folder import RunFolder
from autores.lineage.store import Order, Query
from autores.manifest import Manifest
from autores.reading import Reading, reading
from autores.records import Look, Metric, Trial
from autores.rendering import Facts, table
from autores.rows import glyph, row, standing
from autores.status import Status
from autores.summary import summary
from autores.text import escape, escape_line

trial_argument = click.argument("trial", type=int)


@contextmanager
def _opened(run: Path) -> Iterator[Reading]:
    environment = Environment.read()
    with reading(located(run, environment), environment) as found:
        yield found


@click.command()
@click.argument("run", required=False, type=click.Path(path_type=Path))
@click.option("--status", help="only trials of this status")
@click.option("--specialist", help="only trials of this specialist")
@click.option("--search", default="", help="only trials whose hypothesis has these words")
@click.option("--best", is_flag=True, help="best score first")
@click.option("--limit", type=int, default=50, show_default=True, help="at most so many")
@json_option
def ls(run: Path | None, as_json: bool, **filters: Any) -> None:
    """List runs; with RUN, its trials, latest first."""
    if run is None:
        tell(_runs(), as_json=as_json)
        return
    with _opened(run) as found:
        trials = found.store.query(_query(**filters))
        metric = found.task.metric
        tell(Facts(text="\n".join(row(t, metric) for t in trials), data=trials), as_json=as_json)


def _query(
    *, status: str | None, specialist: str | None, search: str, best: bool, limit: int
) -> Query:
    known = {s.value: s for s in Status}
    if status is not None and status not in known:
        raise unknown("status", status, known)
    return Query(
        statuses=(known[status],) if status else (),
        specialist=specialist,
        text=search,
        order=Order.BEST if best else Order.NEWEST,
        limit=limit,
    )


def _runs() -> Facts:
    out = gather(file=None, environment=Environment.read(), options={}).run.out
    folders = sorted(path.parent for path in out.glob("*/run.toml"))
    manifests = [Manifest.read(RunFolder(folder).manifest) for folder in folders]
    rows = [
        (str(folder), str(m.settings.get("task", "")), str(m.settings.get("agent", "evolve")))
        for folder, m in zip(folders, manifests, strict=True)
    ]
    data = [
        {"run": str(f), "settings": dict(m.settings)}
        for f, m in zip(folders, manifests, strict=True)
    ]
    text = table(("run", "task", "agent"), rows) if rows else f"no runs under {out}"
    return Facts(text=text, data=data)


@click.command()
@run_argument
@trial_argument
@json_option
def show(run: Path, trial: int, as_json: bool) -> None:
    """Show a trial: its idea, its looks, what was decided and why."""
    with _opened(run) as found:
        known, looks = found.store.get(trial), found.store.looks(trial)
        text = "\n".join(_shown(known, looks, found.task.metric))
        tell(Facts(text=text, data={"trial": known, "looks": looks}), as_json=as_json)


def _shown(trial: Trial, looks: tuple[Look, ...], metric: Metric) -> Iterator[str]:
    submission = trial.submission
    yield f"{glyph(trial)} trial {trial.id:04d}  {standing(trial)}  {metric.render(trial.score)}"
    yield f"hypothesis   {escape_line(submission.hypothesis, 1000)}"
    if submission.expected_delta is not None:
        yield f"expected     {submission.expected_delta:+{metric.format}}"
    yield f"by           {submission.specialist}, session {submission.session or '–'}"
    yield f"made from    {', '.join(map(str, submission.parents)) or 'nothing'}"
    yield f"commit       {submission.commit}"
    if submission.edit is not None:
        edit = submission.edit
        yield (
            f"edit         {edit.radius.value}, +{edit.added} -{edit.removed} lines in "
            f"{', '.join(edit.files) or 'no file'}; surfaces {', '.join(edit.surfaces) or 'none'}"
        )
    if trial.detail:
        yield f"detail       {escape_line(trial.detail, 1000)}"
    yield from (f"violation    {escape_line(str(v), 1000)}" for v in trial.violations)
    yield from (_look(look, metric) for look in looks)
    if trial.decision is not None:
        decision = trial.decision
        yield f"decision     {decision.verdict.value} by {decision.policy}: {decision.reason}"
        if decision.estimate is not None:
            yield f"             gain {decision.estimate:+{metric.format}} over {decision.against}"
    for look in looks:
        yield from _logs(look)


def _look(look: Look, metric: Metric) -> str:
    evaluation, outcome = look.evaluation, look.outcome
    what = f"look {evaluation.ordinal}".ljust(13) + evaluation.purpose.value
    if evaluation.pair:
        what += f", pair {evaluation.pair}"
    if outcome is None:
        return f"{what}: running"
    counts = "".join(f", {name} {count}" for name, count in outcome.counts.items())
    said = f", {escape_line(outcome.detail)}" if outcome.detail else ""
    return (
        f"{what}: {outcome.cause.value} {metric.render(outcome.score)}{counts}, "
        f"{outcome.wall:.2f} s{said}"
    )


def _logs(look: Look) -> Iterator[str]:
    for measurement in look.outcome.measurements if look.outcome else ():
        if measurement.log:
            yield f"\n--- {measurement.phase}, look {look.evaluation.ordinal}"
            yield escape(measurement.log.rstrip())


@click.command()
@run_argument
@click.argument("old", type=int)
@click.argument("new", type=int, required=False)
def diff(run: Path, old: int, new: int | None) -> None:
    """Show what NEW differs from OLD in; with one trial, what it changed."""
    with _opened(run) as found:
        if new is None:
            trial = found.store.get(old)
            if trial.parent is None:
                raise UserError("the baseline was made from nothing; name two trials")
            old, new = trial.parent, old
        before, after = (found.commit(t) for t in (old, new))
        click.echo(escape(found.code.diff(before, after)), nl=False)


@click.command()
@run_argument
@click.argument("trial", type=int, required=False)
@json_option
def log(run: Path, trial: int | None, as_json: bool) -> None:
    """Show the path from the baseline to TRIAL, or to the head."""
    with _opened(run) as found:
        path = found.store.path(found.view.head if trial is None else trial)
        text = "\n".join(row(step, found.task.metric) for step in path)
        tell(Facts(text=text, data=path), as_json=as_json)


@click.command()
@run_argument
@click.option("--limit", type=int, default=1000, show_default=True, help="at most so many trials")
def tree(run: Path, limit: int) -> None:
    """Show who was made from whom."""
    with _opened(run) as found:
        trials = found.store.query(Query(limit=limit))
        children: dict[int | None, list[Trial]] = {}
        for trial in trials:
            children.setdefault(trial.parent, []).append(trial)
        for line in _branches(children, found.task.metric):
            click.echo(line)


def _branches(children: dict[int | None, list[Trial]], metric: Metric) -> Iterator[str]:
    """Depth first, without recursion: a path may be thousands of trials long."""
    waiting = [(trial, 0) for trial in reversed(children.get(None, []))]
    while waiting:
        trial, depth = waiting.pop()
        yield "  " * depth + row(trial, metric, width=48)
        waiting += [(child, depth + 1) for child in reversed(children.get(trial.id, []))]


@click.command()
@run_argument
@click.option(
    "--into", type=click.Path(path_type=Path), help="write its files into this new folder"
)
@json_option
def best(run: Path, into: Path | None, as_json: bool) -> None:
    """Show what is claimed, what leads, and what it took."""
    with _opened(run) as found:
        head = found.store.head()
        if into is not None:
            _write_out(found, head.best, into)
        tell(summary(found.view, head), as_json=as_json)


def _write_out(found: Reading, trial: int | None, into: Path) -> None:
    if trial is None:
        raise UserError("nothing passes the gates yet: there is no best trial to write")
    if into.exists():
        raise UserError(f"{into} exists; name a folder that does not")
    files = found.code.tree(found.commit(trial)).files()
    for path, data in files.items():
        target = into / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
