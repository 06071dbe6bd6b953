"""`autores import`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from autores.archive.taking import Imported, examine, keep, runs_in, size_of
from autores.cli.options import json_option, tell
from autores.config import Environment, gather
from autores.errors import ExitCode, UserError
from autores.progress import progress
from autores.records import Direction
from autores.rendering import Facts, table
from autores.text import escape_line

_LISTED = 20


@click.command("import")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True))
@click.option("--out", type=click.Path(path_type=Path), help="folder of runs to keep it in")
@click.option("--name", help="name of the run's folder, else that of the source")
@click.option("--metric", default="", help="column that ranks, else the one after the status")
@click.option("--maximize/--minimize", default=None, help="else the way in which the keeps went")
@click.option("--dry-run", is_flag=True, help="read and check, and keep nothing")
@json_option
def import_(
    paths: tuple[Path, ...],
    out: Path | None,
    name: str | None,
    metric: str,
    maximize: bool | None,
    dry_run: bool,
    as_json: bool,
) -> int:
    """Take in runs that others recorded, to be read like our own.

    \b
    PATH    a file of one of these kinds, its folder, or a folder of such folders:
      results.tsv as in the published traces, with best.json and tree.tsv if they are there
      results.tsv with the columns commit, a score, status, description
      a .jsonl that `autores export` wrote

    Lines are repaired where the repair is certain and listed where it is not. The source is
    copied and never changed. The exit code is 1 where best.json or tree.tsv say otherwise and
    it is not known why.
    """  # noqa: D301
    paths = tuple(run for path in paths for run in runs_in(path))
    if name and len(paths) > 1:
        raise UserError("--name names one run; import several one after the other")
    direction = None if maximize is None else _direction(maximize)
    with progress("read and check", sum(map(size_of, paths))) as told:
        found = [
            examine(p, name=name or "", metric=metric, direction=direction, told=told)
            for p in paths
        ]
    if not dry_run:
        runs = out or gather(file=None, environment=Environment.read(), options={}).run.out
        for imported in found:
            keep(imported, runs)
    facts = [imported.as_mapping() for imported in found]
    data = facts[0] if len(facts) == 1 else {"runs": facts}
    tell(Facts(text="\n".join(_lines(found)), data=data), as_json=as_json)
    failed = any(check.fails for imported in found for check in imported.checks)
    return ExitCode.FAILED if failed else ExitCode.DONE


def _direction(maximize: bool) -> Direction:
    return Direction.MAXIMIZE if maximize else Direction.MINIMIZE


def _lines(found: Sequence[Imported]) -> Iterator[str]:
    for imported in found:
        yield from _told(imported)
        yield ""
    if len(found) > 1:
        yield _side_by_side(found)


def _told(imported: Imported) -> Iterator[str]:
    counts = ", ".join(f"{count} {status}" for status, count in imported.statuses.items())
    yield f"{imported.name}: {sum(imported.statuses.values())} trials: {counts}"
    best, metric = imported.best, imported.task.metric
    if best is not None:
        gain = best["relative_improvement"]
        better = "" if gain is None else f", {gain:+.2%} over the baseline"
        hypothesis = escape_line(best["hypothesis"], 80)
        yield f"best     trial {best['exp_id']}, {metric.render(best['score'])}{better}: {hypothesis}"
    keeps = ", ".join(f"{who} {count}" for who, count in imported.keeps.items())
    yield f"keeps    {keeps or 'none'}"
    for title, notes in (
        ("repaired", imported.notes.repaired),
        ("unrepaired", imported.notes.unrepaired),
    ):
        yield f"{title:<8} {len(notes)}"
        yield from (f"  {note}" for note in notes[:_LISTED])
        if len(notes) > _LISTED:
            yield f"  and {len(notes) - _LISTED} more; --json lists all"
    yield from (str(check) for check in imported.checks)


def _side_by_side(found: Sequence[Imported]) -> str:
    statuses = list(dict.fromkeys(s for imported in found for s in imported.statuses))
    header = ("run", "trials", *statuses, "best", "gain")
    rows = []
    for imported in found:
        best, counts = imported.best, imported.statuses
        gain = best["relative_improvement"] if best else None
        rows.append(
            (
                imported.name,
                str(sum(counts.values())),
                *(str(counts.get(status, 0)) for status in statuses),
                imported.task.metric.render(best["score"] if best else None),
                "–" if gain is None else f"{gain:+.2%}",
            )
        )
    return table(header, rows)
