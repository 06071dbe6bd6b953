"""`autores run` and `autores resume`."""

from __future__ import annotations

import asyncio
import logging
import sys
from pathlib import Path
from typing import Any

import click

from autores.cli.options import (
    Given,
    given,
    json_option,
    located,
    run_options,
    settings_options,
    tell,
)
from autores.errors import ExitCode
from autores.folder import RunFolder
from autores.loading import Loaded
from autores.opening import begin, opened, take_up
from autores.progress import progress
from autores.stop import Stop
from autores.summary import summary
from autores.supervise import supervise

quiet_option = click.option("-q", "--quiet", is_flag=True, help="say nothing until the end")


@click.command()
@run_options
@settings_options
@quiet_option
@json_option
def run(as_json: bool, quiet: bool, **options: Any) -> int:
    """Improve a task's recipe until a budget is used up or you press Ctrl-C.

    Ctrl-C once lets sessions finish what they have in hand; twice stops now. Nothing is
    lost either way: `autores resume` goes on.
    """
    choice = given(**options | _quietly(quiet))
    with progress("prepare the run"):
        folder, loaded = begin(choice.settings, choice.plugins)
    return _work(folder, loaded, as_json=as_json)


@click.command()
@click.argument("run", type=click.Path(path_type=Path), metavar="RUN")
@click.option("--accept-changes", is_flag=True, help="go on although code, data or machine changed")
@click.option("--max-trials", type=int, help="end after so many trials in all")
@click.option("--deadline", help="end then, counted from the run's beginning")
@settings_options
@quiet_option
@json_option
def resume(run: Path, accept_changes: bool, as_json: bool, quiet: bool, **options: Any) -> int:
    """Go on with a run from where it is, however it ended."""
    choice: Given = given(**options | _quietly(quiet))
    root = located(run, choice.settings.environment)
    folder, loaded = take_up(root, choice.settings, choice.plugins, accept_changes=accept_changes)
    return _work(folder, loaded, as_json=as_json)


def _quietly(quiet: bool) -> dict[str, str]:
    return {"reporter": "quiet"} if quiet else {}


def _work(folder: RunFolder, loaded: Loaded, *, as_json: bool) -> int:
    _log_into(folder)
    stop = Stop()
    try:
        asyncio.run(_supervised(folder, loaded, stop, as_json=as_json))
    except asyncio.CancelledError:
        return _interrupted(folder)
    return _interrupted(folder) if stop.by_signal else ExitCode.DONE


async def _supervised(folder: RunFolder, loaded: Loaded, stop: Stop, *, as_json: bool) -> None:
    click.echo(f"run {folder.root}", err=True)
    async with opened(folder, loaded) as found:
        await supervise(found, stop)
        run = found.run
        tell(summary(run.view(), run.store.head(), stop.reason), as_json=as_json)


def _interrupted(folder: RunFolder) -> int:
    click.echo(f"stopped; `autores resume {folder.root}` goes on", err=True)
    return ExitCode.INTERRUPTED


def _log_into(folder: RunFolder) -> None:
    """What the supervisor has to say goes to a file; a person sees the reporter."""
    logging.basicConfig(
        filename=folder.log,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        level=logging.INFO,
    )
    logging.captureWarnings(sys.warnoptions == [])
