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
@click.option("--out", type=click.Path(path_type=Path), help="file to write, else standard output")
def export(run: Path, kind: str, out: Path | None) -> None:
    r"""Write a run's lineage or code for other programs.

    \b
    jsonl       every event with its hash, as it was written
    tsv         one row a trial, in the columns of the published traces
    csv         one row a trial, all that is known of it
    git-bundle  the code of all trials; `git clone FILE` reads it
    """
    environment = Environment.read()
    with reading(located(run, environment), environment) as found:
        if kind == "git-bundle":
            _bundle(found, out)
        elif out is None:
            _write(found, kind, sys.stdout)
        else:
            with out.open("w", encoding="utf-8", newline="") as file:
                _write(found, kind, file)


def _bundle(found: Reading, out: Path | None) -> None:
    if out is None:
        raise UserError("a git bundle is no text; say where to with --out FILE.bundle")
    write_bundle(found.folder.code, out)


def _write(found: Reading, kind: str, file: TextIO) -> None:
    if kind == "jsonl":
        file.writelines(jsonl(found.store))
    else:
        write = write_tsv if kind == "tsv" else write_csv
        write(read(found.store, found.task), file)
