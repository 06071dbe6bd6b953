"""`autores ablate`, `transfer` and `certify`: what the best is made of, and where it holds."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from autores.claims.ablating import Ablation, Step, ablate_path
from autores.claims.certifying import NO_NEW_DATA, Certificate, certify_best
from autores.claims.transferring import transfer_trial
from autores.cli.claims import accept_option, in_run, interval, verdict_lines
from autores.cli.options import given, json_option, located, run_argument, settings_options, tell
from autores.errors import ExitCode
from autores.reading import reading
from autores.records import Metric
from autores.rendering import Facts
from autores.run import Run
from autores.text import escape_line
from autores.verify import DEFAULT_ERROR

trial_option = click.argument("trial", type=int, required=False)
error_option = click.option(
    "--error", type=click.FloatRange(0, 0.5), default=DEFAULT_ERROR, show_default=True, help="α"
)
seeds_option = click.option(
    "--seeds", type=click.IntRange(min=2), default=10, show_default=True, help="a side"
)


@click.command()
@run_argument
@trial_option
@click.option("--looks", type=click.IntRange(min=2), default=8, show_default=True, help="a recipe")
@click.option("--error", type=click.FloatRange(0, 0.5), default=0.05, show_default=True, help="α")
@accept_option
@settings_options
@json_option
def ablate(
    run: Path,
    trial: int | None,
    looks: int,
    error: float,
    accept_changes: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Leave each step from the baseline to TRIAL, or the best, out, and measure what is lost.

    Steps that do nothing are named; the recipe without all of them is measured too, and wins a
    tie. What comes of it are trials of the run that nobody starts from.
    """

    async def work(found: Run) -> tuple[Ablation, Metric]:
        return await ablate_path(found, trial, looks=looks, error=error), found.task.metric

    found, metric = in_run(run, work, accept_changes, **options)
    tell(Facts(text="\n".join(_ablated(found, metric)), data=found), as_json=as_json)


def _ablated(found: Ablation, metric: Metric) -> Iterator[str]:
    yield f"trial {found.trial}, step by step; {found.looks} looks at each recipe"
    for step in found.steps:
        yield f"{step.trial:04d}  {_step(step, metric)}: {escape_line(step.hypothesis, 60)}"
    idle = [str(step.trial) for step in found.steps if step.idle]
    if idle:
        yield f"do nothing that can be shown: {', '.join(idle)}"
    if found.loses is not None:
        loses = f"{found.loses:+{metric.format}}, at most {found.loses_at_most:+{metric.format}}"
        yield f"without all of them it loses {loses}"
    if found.simpler is not None:
        yield f"the simpler recipe wins the tie: trial {found.simpler}"


def _step(step: Step, metric: Metric) -> str:
    if step.contributes is None or step.interval is None:
        return step.note
    said = "nothing shown" if step.idle else f"p = {step.p:.2g}"
    return f"{step.contributes:+{metric.format}} {interval(step.interval, metric)}, {said}"


@click.command()
@run_argument
@click.argument("trial", type=int)
@click.option("--profile", default="", help="of the task, in which to measure")
@click.option("--fresh-world", is_flag=True, help="draw new data from a new key")
@seeds_option
@error_option
@settings_options
@json_option
def transfer(
    run: Path,
    trial: int,
    profile: str,
    fresh_world: bool,
    seeds: int,
    error: float,
    as_json: bool,
    **options: Any,
) -> int:
    """Measure TRIAL against the baseline in another profile or world, in a run of its own.

    The exit code is 1 where the gain does not hold there.
    """
    choice = given(**options)
    environment = choice.settings.environment
    with reading(located(run, environment), environment) as found:
        verdict, root = asyncio.run(
            transfer_trial(
                found,
                trial,
                choice.settings,
                profile=profile,
                fresh_world=fresh_world,
                seeds=seeds,
                error=error,
            )
        )
        whom = f"trial {trial} against the baseline, {_where(profile, fresh_world)}"
        lines = [
            *verdict_lines(verdict, found.task.metric, whom),
            f"run        {root}, where it is trial 1",
        ]
    data = {"run": str(root), **verdict.as_mapping()}
    tell(Facts(text="\n".join(lines), data=data), as_json=as_json)
    return ExitCode.DONE if verdict.verified else ExitCode.FAILED


def _where(profile: str, fresh_world: bool) -> str:
    places = [f"profile {profile}"] * bool(profile) + ["a fresh world"] * fresh_world
    return f"in {' and '.join(places)}"


@click.command()
@run_argument
@trial_option
@click.option("--force", is_flag=True, help="look a second time; that is recorded")
@seeds_option
@error_option
@accept_option
@settings_options
@json_option
def certify(
    run: Path,
    trial: int | None,
    force: bool,
    seeds: int,
    error: float,
    accept_changes: bool,
    as_json: bool,
    **options: Any,
) -> int:
    """Score baseline and best once on the part of the data that nothing was chosen by.

    A second look is refused unless it is forced. The exit code is 1 where the gain is not there.
    """

    async def work(found: Run) -> tuple[Certificate, Metric]:
        certificate = await certify_best(found, trial=trial, seeds=seeds, error=error, force=force)
        return certificate, found.task.metric

    found, metric = in_run(run, work, accept_changes, **options)
    tell(Facts(text="\n".join(_certified(found, metric)), data=found), as_json=as_json)
    return ExitCode.DONE if found.verdict.verified else ExitCode.FAILED


def _certified(found: Certificate, metric: Metric) -> Iterator[str]:
    yield f"on {found.on}" if found.on else NO_NEW_DATA
    word = "certified" if found.on else "verified"
    yield from verdict_lines(found.verdict, metric, f"trial {found.trial} against trial 0", word)
    if found.claimed is not None and found.shrinkage is not None:
        yield f"claimed    {found.claimed:+{metric.format}}; shrinkage {found.shrinkage:.0%}"
    if found.forced:
        yield "this is not the first look at this data"
