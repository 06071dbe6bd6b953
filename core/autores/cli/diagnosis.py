"""`autores doctor`."""

from __future__ import annotations

import click

from autores.cli.options import json_option
from autores.config import Environment, gather
from autores.doctor import diagnose, render, to_json


@click.command()
@json_option
def doctor(as_json: bool) -> None:
    """Say what this machine can guarantee, and what a probe showed."""
    environment = Environment.read()
    out = gather(file=None, environment=environment, options={}).run.out
    report = diagnose(environment, runs=out)
    click.echo(to_json(report) if as_json else render(report))
