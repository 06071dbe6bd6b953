"""Options that commands share; those of a run follow from `RunSettings`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

import click

from autores.config import Environment, RunSettings, SettingsBook, gather
from autores.errors import UserError
from autores.manager import PluginManager
from autores.rendering import Facts

F = TypeVar("F", bound=Callable[..., Any])

ALIASES = {"sessions": "-j", "task": "-t"}


def run_options(command: F) -> F:
    """One option for each setting of a run."""
    for setting in reversed(fields(RunSettings)):
        flag = "--" + setting.name.replace("_", "-")
        names = [flag, setting.name, *([ALIASES[setting.name]] if setting.name in ALIASES else [])]
        metavar = setting.name.rpartition("_")[2].upper()
        option = click.option(*names, default=None, metavar=metavar, help=setting.metadata["help"])
        command = option(command)
    return command


def settings_options(command: F) -> F:
    """Where settings come from, and which plugins take part."""
    for option in (
        click.option(
            "--config", type=click.Path(path_type=Path), help="settings file, else autores.toml"
        ),
        click.option("-o", "overrides", multiple=True, metavar="NAME=VALUE", help="any setting"),
        click.option(
            "-p",
            "plugins",
            multiple=True,
            metavar="NAME",
            help="load a module; no:NAME switches a plugin off",
        ),
    ):
        command = option(command)
    return command


def json_option(command: F) -> F:
    """`--json`."""
    return click.option("--json", "as_json", is_flag=True, help="print facts as JSON")(command)


run_argument = click.argument("run", type=click.Path(path_type=Path))


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What the command line, the environment and a file say together."""

    settings: SettingsBook
    plugins: PluginManager


def given(
    *, config: Path | None, overrides: tuple[str, ...], plugins: tuple[str, ...], **options: Any
) -> Given:
    """Settings and a manager that knows what is switched off and what is added."""
    settings = gather(
        file=config, environment=Environment.read(), options=options, overrides=overrides
    )
    manager = PluginManager()
    manager.ask(plugins)
    return Given(settings=settings, plugins=manager)


def located(run: Path, environment: Environment) -> Path:
    """A run's folder, given as such or by its name under the usual folder of runs.

    Raises:
        UserError: There is no such run.
    """
    settings = gather(file=None, environment=environment, options={})
    for folder in (run, settings.run.out / run):
        if (folder / "run.toml").exists():
            return folder
    raise UserError(
        f"there is no run {str(run)!r}; `autores ls` lists those under {settings.run.out}"
    )


def tell(facts: Facts, *, as_json: bool) -> None:
    """Print facts for people or for programs."""
    click.echo(facts.json if as_json else facts.text)
