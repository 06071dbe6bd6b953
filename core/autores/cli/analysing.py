"""`autores analyze`."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import click

from autores.analysis import Analysis, analyse
from autores.analysis.audits import in_domain, read_marks, write_table
from autores.analysis.worth import Worth
from autores.archive.taking import keep_marks
from autores.cli.options import json_option, located, run_argument, tell
from autores.config import Environment
from autores.events import Marked
from autores.progress import progress
from autores.reading import Reading, reading
from autores.readmodel import Story, read
from autores.records import Metric
from autores.rendering import Facts, duration, table
from autores.text import escape_line

_MOST = 12


@click.command()
@run_argument
@click.option("--domain", help="write all submissions of a specialist or surface as a table")
@click.option(
    "--table",
    "out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="that table's file",
)
@click.option(
    "--marks",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="keep what was written into the mark and comment columns of such a table",
)
@json_option
def analyze(
    run: Path, domain: str | None, out: Path | None, marks: Path | None, as_json: bool
) -> None:
    """Read the trajectory of RUN: what was worth its cost, what was mended, what was missed.

    \b
    autores analyze RUN --domain arch --table arch.tsv   a table to mark up
    autores analyze RUN --marks arch.tsv                 keeps the marks with the run
    """  # noqa: D301
    environment = Environment.read()
    with _undisturbed(), ExitStack() as stack:
        with progress("read the run"):
            found = stack.enter_context(reading(located(run, environment), environment))
            story = read(found.store, found.task, checked=False)
        if marks is not None:
            said = read_marks(marks, story)
            _keep(found, said)
            tell(Facts(text=f"{len(said)} marks kept", data={"marks": said}), as_json=as_json)
        elif domain is not None:
            _audit(story, domain, out)
        else:
            with progress("analyze the run"):
                analysis = analyse(story)
            text = "\n".join(_lines(analysis, found.task.metric))
            tell(Facts(text=text, data=analysis), as_json=as_json)


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Nothing becomes garbage while a large run is read, and looking for it costs a third."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _keep(found: Reading, marks: Sequence[Marked]) -> None:
    if "imported" in found.manifest.run:
        keep_marks(found.folder, marks)
    else:
        found.store.append(lambda head: marks)


def _audit(story: Story, domain: str, out: Path | None) -> None:
    trials = in_domain(story, domain)
    if out is None:
        write_table(story, trials, sys.stdout)
        return
    with out.open("w", encoding="utf-8", newline="") as file:
        write_table(story, trials, file)
    click.echo(f"{len(trials)} submissions of {domain} in {out}")


# ----------------------------------------------------------------------------- for people


def _lines(found: Analysis, metric: Metric) -> Iterator[str]:
    counts = ", ".join(f"{count} {status}" for status, count in found.statuses.items())
    yield f"{found.trials} trials: {counts}"
    if found.steered:
        yield f"a person steered this run {found.steered} times"
    yield from _titled("Best over time", _steps(found, metric))
    yield from _titled("By quarter", _quarters(found))
    for title, worths in (("Specialists", found.specialists), ("Surfaces", found.surfaces)):
        yield from _titled(title, _worths(worths, metric))
    yield from _titled("Edits", _reaches(found, metric))
    yield from _titled("Repairs", _repairs(found))
    yield from _titled("Near misses that nobody mended", _misses(found, metric))
    yield from _titled("Foresight", _foresight(found))
    yield from _titled("Ideas that came again", _duplicates(found))
    yield from _titled("Two numbers at once", _fronts(found, metric))


def _titled(title: str, lines: Iterable[str]) -> Iterator[str]:
    told = [line for line in lines if line]
    if told:
        yield f"\n{title}"
        yield from told


def _steps(found: Analysis, metric: Metric) -> Iterator[str]:
    rows = [
        (
            str(step.after),
            "none" if step.trial is None else f"{step.trial:04d}",
            metric.render(step.score),
            _signed(step.gain, metric),
        )
        for step in found.bests[-_MOST:]
    ]
    yield table(("after", "trial", metric.name, "gain over baseline"), rows) if rows else ""
    if len(found.leads) > len(found.bests):
        yield f"{len(found.leads)} changes of the lead"


def _quarters(found: Analysis) -> Iterator[str]:
    names = list(found.statuses)
    rows = [
        (f"{q.first}–{q.last}", *(str(q.statuses.get(name, 0)) for name in names))
        for q in found.quarters
    ]
    yield table(("trials", *names), rows) if rows else ""


def _worths(worths: Sequence[Worth], metric: Metric) -> Iterator[str]:
    header = ("", "trials", "keeps", "leads", "failed", "gain", "time", "GPU h", "GPU h/σ", "$/σ")
    rows = [
        (
            w.name,
            str(w.trials),
            f"{w.keeps} ({w.keep_rate:.1%})",
            str(w.leads),
            str(w.failed),
            _signed(w.gain, metric),
            duration(w.cost.seconds),
            f"{w.gpu_hours:.2f}",
            _plain(w.gpu_hours_per_sigma),
            _plain(w.dollars_per_sigma),
        )
        for w in worths
    ]
    yield table(header, rows) if rows else ""


def _reaches(found: Analysis, metric: Metric) -> Iterator[str]:
    for reach in found.reaches:
        counts = ", ".join(f"{count} {status}" for status, count in reach.statuses.items())
        gains = f"median {_signed(reach.median, metric)}, best {_signed(reach.best, metric)}"
        yield f"{reach.radius:<10} {counts}; gain {gains}"


def _repairs(found: Analysis) -> Iterator[str]:
    for kind, chains in (
        ("citation", found.repairs_by_citation),
        ("ancestry", found.repairs_by_ancestry),
    ):
        if chains:
            yield f"{len(chains)} by {kind}"
        for chain in sorted(chains, key=lambda c: -len(c.failed))[:_MOST]:
            way = " → ".join(f"{trial:04d}" for trial in (*chain.failed, chain.by))
            yield f"  {way} {chain.status.value}"


def _misses(found: Analysis, metric: Metric) -> Iterator[str]:
    for miss in found.near_misses[:_MOST]:
        yield (
            f"{miss.trial:04d} {miss.specialist} {miss.status.value}: "
            f"{metric.render(miss.number)}, {_signed(miss.ahead, metric)} ahead of the best; "
            f"{escape_line(miss.detail, 80)}"
        )
    if len(found.near_misses) > _MOST:
        yield f"and {len(found.near_misses) - _MOST} more"


def _foresight(found: Analysis) -> Iterator[str]:
    told = found.foresight
    if told.pairs:
        yield (
            f"{told.pairs} said what they expect: {told.right_signs:.0%} moved that way; "
            f"{told.kept_promises} of {told.promises} promised gains came; measured per expected "
            f"gain {_plain(told.slope)} (1 would be calibrated)"
        )


def _duplicates(found: Analysis) -> Iterator[str]:
    for idea in sorted(found.duplicates, key=lambda i: -len(i.trials))[:_MOST]:
        trials = ", ".join(f"{trial:04d}" for trial in idea.trials[:8])
        more = f" and {len(idea.trials) - 8} more" if len(idea.trials) > 8 else ""
        yield f"{len(idea.trials)}: {trials}{more}: {escape_line(idea.hypothesis, 60)}"


def _fronts(found: Analysis, metric: Metric) -> Iterator[str]:
    for front in found.fronts:
        yield f"{front.x} and {front.y}: {len(front.places)} of {front.trials} are beaten in neither"
        for place in front.places[:_MOST]:
            invalid = "" if place.ranked else "  (does not rank)"
            yield f"  {place.trial:04d}  {metric.render(place.x)}  {place.y:g}{invalid}"


def _signed(value: float | None, metric: Metric) -> str:
    return "–" if value is None else f"{value:+{metric.format}}"


def _plain(value: float | None) -> str:
    return "–" if value is None else f"{value:.2g}"
