"""`autores finalize`."""

from __future__ import annotations

from pathlib import Path

import click

from autores.cli.options import json_option, located, run_argument, tell
from autores.config import Environment
from autores.finalize import Squash
from autores.finalize import finalize as write_branch
from autores.progress import progress
from autores.reading import reading
from autores.readmodel import read
from autores.rendering import Facts

SQUASH = click.Choice([squash.value for squash in Squash])


@click.command()
@run_argument
@click.option(
    "--into",
    type=click.Path(path_type=Path),
    default=Path(),
    help="your git repository, else this folder's",
)
@click.option("--folder", default="", help="where the recipe lies in it, else its root")
@click.option("--branch", default="", help="name of the new branch, else autores/RUN")
@click.option(
    "--squash",
    type=SQUASH,
    default="none",
    show_default=True,
    help="what becomes one commit; none: each step",
)
@json_option
def finalize(run: Path, into: Path, folder: str, branch: str, squash: str, as_json: bool) -> None:
    """Put what was kept on a branch of your own repository, as commits to review.

    The branch begins at that repository's HEAD; its files and other branches stay as they are.
    """
    environment = Environment.read()
    with reading(located(run, environment), environment) as found:
        name = found.folder.root.resolve().name
        with progress("merge the steps"):
            done = write_branch(
                read(found.store, found.task),
                lambda trial: found.code.tree(trial.submission.commit).files(),
                into,
                run=name,
                branch=branch or f"autores/{name}",
                folder=folder,
                squash=Squash(squash),
            )
    lines = [f"branch {done.branch} at {done.tip[:12]}", *(f"  {s}" for s in done.subjects)]
    tell(Facts(text="\n".join(lines), data=done), as_json=as_json)
