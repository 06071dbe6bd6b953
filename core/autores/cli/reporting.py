"""`autores report`."""

from __future__ import annotations

from pathlib import Path

import click

from autores.cli.options import located, run_argument
from autores.config import Environment
from autores.progress import progress
from autores.reading import reading
from autores.report import Sources, render_html, render_markdown


@click.command()
@run_argument
@click.option(
    "--format",
    "kind",
    type=click.Choice(("html", "md")),
    default="html",
    show_default=True,
    help="how it is written",
)
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="file to write, else report.FORMAT in the run's folder",
)
def report(run: Path, kind: str, out: Path | None) -> None:
    """Write what a run was asked and found as one file, which needs no network."""
    environment = Environment.read()
    with reading(located(run, environment), environment) as found:
        target = out or found.folder.root / f"report.{kind}"
        render = render_html if kind == "html" else render_markdown
        with progress("read and render the run"):
            target.write_text(render(Sources.of(found)), encoding="utf-8")
    click.echo(target)
