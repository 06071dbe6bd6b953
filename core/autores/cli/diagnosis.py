"""`autores doctor`."""

from __future__ import annotations

import asyncio
from typing import Any

import click

from autores.agent import Checkable, Closing
from autores.cli.options import Given, given, json_option, settings_options
from autores.config import Environment, gather
from autores.doctor import diagnose, render, to_json
from autores.errors import UserError
from autores.loading import add_sections
from autores.manager import Group


@click.command()
@click.option("--agent", help="instead: make one tiny call to see whether this agent would work")
@settings_options
@json_option
def doctor(agent: str | None, as_json: bool, **options: Any) -> None:
    """Say what this machine can guarantee, and what a probe showed."""
    if agent:
        click.echo(_checked(agent, given(**options)))
        return
    environment = Environment.read()
    out = gather(file=None, environment=environment, options={}).run.out
    report = diagnose(environment, runs=out)
    click.echo(to_json(report) if as_json else render(report))


def _checked(name: str, choice: Given) -> str:
    choice.plugins.load(Group.AGENT, name)
    add_sections(choice.settings, choice.plugins)
    agent = choice.plugins.hook.autores_agent(settings=choice.settings)
    if not isinstance(agent, Checkable):
        raise UserError(f"agent {name!r} has nothing to check; it needs no service")
    return asyncio.run(_check(agent))


async def _check(agent: Checkable) -> str:
    try:
        return await agent.check()
    finally:
        if isinstance(agent, Closing):
            await agent.close()
