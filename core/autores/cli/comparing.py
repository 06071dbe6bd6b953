"""`autores compare`."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from statistics import fmean
from typing import Any

import click

from autores.cli.claims import interval
from autores.cli.options import given, json_option, run_options, settings_options, tell
from autores.comparing import NO_LINEAGE, SPECIALISTS, Compared, Difference, compare_arms
from autores.loading import load_task
from autores.records import Metric
from autores.rendering import Facts, duration, table


@click.command()
@click.option(
    "--arms",
    default=f"{SPECIALISTS},generalist,{NO_LINEAGE}",
    show_default=True,
    help="with commas; the others are compared with the first",
)
@click.option("--repeats", type=click.IntRange(min=1), default=3, show_default=True, help="of each")
@click.option(
    "--looks",
    type=click.IntRange(min=0),
    default=8,
    show_default=True,
    help="fresh looks at each best and its baseline in the end",
)
@run_options
@settings_options
@json_option
def compare(arms: str, repeats: int, looks: int, as_json: bool, **options: Any) -> None:
    """Run matched arms of a task, and say how they differ, repeat by repeat.

    \b
    specialists   each with surfaces of its own
    generalist    one that owns all
    generic:N     N of these, told apart by name alone
    no-lineage    specialists that see nothing but the head's code and their own rows

    Within a repeat all arms have the same budget, seeds, baseline and calibration, and run at the
    same time on one executor, which takes their jobs in turn. The same command, with the same
    --name, goes on where it was interrupted.
    """  # noqa: D301
    choice = given(**options)
    task, _ = load_task(choice.settings, choice.plugins)
    found = asyncio.run(
        compare_arms(
            choice.settings,
            [arm.strip() for arm in arms.split(",") if arm.strip()],
            repeats=repeats,
            looks=looks,
            name=choice.settings.run.name or f"compare-{task.name}",
        )
    )
    tell(Facts(text="\n".join(_lines(found, task.metric)), data=found), as_json=as_json)


def _lines(found: Compared, metric: Metric) -> Iterator[str]:
    yield _runs(found, metric)
    yield ""
    yield _curves(found, metric)
    yield ""
    yield from (_told(difference, metric) for difference in found.differences)


def _runs(found: Compared, metric: Metric) -> str:
    header = ("arm", "repeat", "trials", "keeps", "gain", "fresh gain", "invalid by quarter")
    rows = [
        (
            o.arm,
            str(o.repeat),
            str(o.trials),
            str(o.keeps),
            f"{o.gain:+{metric.format}}",
            "–" if o.fresh_gain is None else f"{o.fresh_gain:+{metric.format}}",
            " ".join(f"{rate:.0%}" for rate in o.invalid_by_quarter),
            f"{o.repairs_by_citation} / {o.repairs_by_ancestry}",
            duration(o.cost.seconds),
            f"{o.cost.dollars:.2f}",
        )
        for o in found.outcomes
    ]
    return table((*header, "repairs (cited / made from)", "time", "$"), rows)


def _curves(found: Compared, metric: Metric) -> str:
    """Mean gain of the best over the repeats, after each tenth of the trials."""
    rows = []
    for arm in found.arms:
        curves = [o.curve for o in found.outcomes if o.arm == arm]
        means = [fmean(points) for points in zip(*curves, strict=True)]
        rows.append((arm, *(f"{mean:+{metric.format}}" for mean in means)))
    points = len(rows[0]) - 1
    return table(("best after", *(f"{10 * (n + 1)}%" for n in range(points))), rows)


def _told(difference: Difference, metric: Metric) -> str:
    text = f"{difference.arm} − {difference.against}: {difference.gain:+{metric.format}}"
    if difference.interval is None:
        return f"{text}, of one repeat; more give an interval"
    return f"{text} {interval(difference.interval, metric)}, {difference.repeats} repeats"
