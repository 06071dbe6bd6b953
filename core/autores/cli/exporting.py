"""`autores export`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TextIO

import click

from autores.cli.options import located, run_argument
from autores.config import Environment
from autores.errors import UserError
from autores.export import jsonl, write_bundle, write_csv, write_tsv
from autores.published import LAYOUTS, OWN
from autores.reading import Reading, reading
from autores.readmodel import read

FORMATS = ("jsonl", "tsv", "csv", "git-bundle")


@click.command()
@run_argument
@click.option(
    "--format",
    "kind",
    type=click.Choice(FORMATS),
    default="jsonl",
    show_default=True,
    help="how it is written",
)
@click.option(
    "--columns",
    type=click.Choice((OWN, *LAYOUTS)),
    default=OWN,
    show_default=True,
    help="of a tsv: as published for that task, or with all that this one reports",
)
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="file to write, else standard output",
)
def export(run: Path, kind: str, columns: str, out: Path | None) -> None:
    """Write a run's lineage or code for other programs.

    \b
    jsonl       every event with its hash, as it was written
    tsv         one row a trial, in the columns of the published traces
    csv         one row a trial, all that is known of it
    git-bundle  the code of all trials; `git clone FILE` reads it
    """  # noqa: D301
    if columns != OWN and kind != "tsv":
        raise UserError("--columns is for --format tsv")
    environment = Environment.read()
    with reading(located(run, environment), environment) as found:
        if kind == "git-bundle":
            _bundle(found, out)
        elif out is None:
            _write(found, kind, columns, sys.stdout)
        else:
            with out.open("w", encoding="utf-8", newline="") as file:
                _write(found, kind, columns, file)


def _bundle(found: Reading, out: Path | None) -> None:
    if out is None:
        raise UserError("a git bundle is no text; say where to with --out FILE.bundle")
    write_bundle(found.folder.code, out)


def _write(found: Reading, kind: str, columns: str, file: TextIO) -> None:
    if kind == "jsonl":
        file.writelines(jsonl(found.store))
        return
    story = read(found.store, found.task)
    if kind == "csv":
        write_csv(story, file)
    else:
        write_tsv(story, file, layout=columns, looks=found.store.looks)
