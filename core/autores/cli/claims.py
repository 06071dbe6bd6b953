"""`autores calibrate` and `autores verify`: measure again what is said of a run."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import click

from autores.baseline import recalibrate
from autores.claims.measuring import measuring
from autores.claims.verifying import BASELINE, verify_trial
from autores.cli.options import (
    given,
    json_option,
    located,
    run_argument,
    run_options,
    settings_options,
    tell,
)
from autores.errors import ExitCode
from autores.folder import RunFolder
from autores.loading import Loaded
from autores.opening import begin, opened
from autores.progress import progress
from autores.records import Calibration, Interval, Metric, Task
from autores.rendering import Facts
from autores.run import Run
from autores.verify import DEFAULT_ERROR, Verification

R = TypeVar("R")
accept_option = click.option(
    "--accept-changes", is_flag=True, help="measure although code, data or machine changed"
)


@click.command()
@click.argument("run", required=False, type=click.Path(path_type=Path))
@click.option("--looks", type=click.IntRange(min=0), default=0, help="so many more looks")
@accept_option
@run_options
@settings_options
@json_option
def calibrate(
    run: Path | None, looks: int, accept_changes: bool, as_json: bool, **options: Any
) -> None:
    """Measure the seed recipe: its score, its noise, and whether it passes the gates.

    \b
    autores calibrate --task toy       begins a run that `autores resume` goes on with
    autores calibrate RUN --looks 10   looks again and calibrates from all looks
    """  # noqa: D301
    if run is not None:
        found, task = in_run(run, lambda r: _calibrated(r, looks), accept_changes, **options)
    else:
        choice = given(**options)
        folder, loaded = begin(choice.settings, choice.plugins)
        click.echo(f"run {folder.root}", err=True)
        found, task = asyncio.run(_begun(folder, loaded, looks))
    tell(Facts(text="\n".join(_told(found, task)), data=found), as_json=as_json)


async def _begun(folder: RunFolder, loaded: Loaded, looks: int) -> tuple[Calibration, Task]:
    async with opened(folder, loaded) as found:
        return await _calibrated(found.run, looks)


async def _calibrated(run: Run, looks: int) -> tuple[Calibration, Task]:
    with progress("measure the seed recipe"):
        await recalibrate(run, looks)
    calibration = run.store.head().calibration
    assert calibration is not None
    return calibration, run.task


def in_run(
    run: Path, work: Callable[[Run], Awaitable[R]], accept_changes: bool, **options: Any
) -> R:
    """Open a run to measure in it, and do so."""
    choice = given(**options)
    root = located(run, choice.settings.environment)

    async def opened_run() -> R:
        async with measuring(
            root, choice.settings, choice.plugins, accept_changes=accept_changes
        ) as found:
            return await work(found)

    return asyncio.run(opened_run())


def _told(found: Calibration, task: Task) -> Iterator[str]:
    metric = task.metric
    yield f"score            {metric.render(found.score)}"
    yield f"spread           {metric.render(found.spread)}, {found.degrees_of_freedom:g} df"
    yield f"autocorrelation  {found.autocorrelation:+.2f}"
    feasible = (
        "yes" if found.feasible else "no: it misses a gate, and no trial is best until one passes"
    )
    yield f"feasible         {feasible}"
    for name, threshold in found.thresholds.items():
        yield f"gate             {name} at least {threshold}"
    for name, value in found.references.items():
        yield f"reference        {name} {value:g}"


# ---------------------------------------------------------------------------------- verify


@click.command()
@run_argument
@click.argument("trial", type=int)
@click.option("--against", type=int, default=BASELINE, show_default=True, help="the other trial")
@click.option("--seeds", type=click.IntRange(min=2), default=10, show_default=True, help="a side")
@click.option(
    "--error", type=click.FloatRange(0, 0.5), default=DEFAULT_ERROR, show_default=True, help="α"
)
@accept_option
@settings_options
@json_option
def verify(
    run: Path,
    trial: int,
    against: int,
    seeds: int,
    error: float,
    accept_changes: bool,
    as_json: bool,
    **options: Any,
) -> int:
    """Measure TRIAL and another on fresh, interleaved seeds, and say whether it is better.

    All gates apply, and whatever else the task asks. The verdict becomes part of the lineage.
    The exit code is 1 where it is not verified.
    """

    async def work(found: Run) -> tuple[Verification, Metric]:
        verdict = await verify_trial(found, trial, against=against, seeds=seeds, error=error)
        return verdict, found.task.metric

    verdict, metric = in_run(run, work, accept_changes, **options)
    text = "\n".join(verdict_lines(verdict, metric, f"trial {trial} against trial {against}"))
    tell(Facts(text=text, data=verdict.as_mapping()), as_json=as_json)
    return ExitCode.DONE if verdict.verified else ExitCode.FAILED


def verdict_lines(
    verdict: Verification, metric: Metric, whom: str, word: str = "verified"
) -> Iterator[str]:
    """A verdict for people."""
    yield f"{whom}: {word if verdict.verified else f'NOT {word}'}"
    size = "" if verdict.effect_size is None else f", {verdict.effect_size:+.2f} σ"
    yield f"gain       {verdict.effect:+{metric.format}} {metric.unit}".rstrip() + size
    yield f"Welch      {interval(verdict.welch, metric)}, p = {verdict.p:.2g}, {verdict.df:.1f} df"
    yield f"bootstrap  {interval(verdict.bootstrap, metric)}"
    yield f"looks      {verdict.looks[0]} and {verdict.looks[1]}"
    for check in verdict.checks:
        detail = f" ({check.detail})" if check.detail else ""
        yield f"{'holds' if check.holds else 'FAILS':<9}  {check.name}{detail}"


def interval(found: Interval, metric: Metric) -> str:
    """As `[low, high]`, with its level."""
    low, high = (f"{end:+{metric.format}}" for end in (found.low, found.high))
    return f"[{low}, {high}] ({found.level:.0%})"
