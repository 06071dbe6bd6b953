from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import click
import pytest

from autores.cli.options import given, located, run_options, settings_options
from autores.config import Environment, RunSettings
from autores.errors import UserError
from autores.manager import Group

Install = Callable[..., str]


@click.command()
@run_options
@settings_options
def probe(**options: Any) -> None:
    pass


def parsed(*arguments: str) -> Any:
    context = probe.make_context("probe", list(arguments))
    return given(**context.params)


@pytest.mark.parametrize("name", [f.name for f in fields(RunSettings)])
def test_every_setting_of_a_run_is_an_option(place: Path, name: str) -> None:
    flag = "--" + name.replace("_", "-")
    settings = parsed(flag, "1").settings
    assert settings.source(name) == flag


def test_options_have_the_help_of_their_settings() -> None:
    helps = {p.name: p.help for p in probe.params if isinstance(p, click.Option)}
    assert all(helps[f.name] == f.metadata["help"] for f in fields(RunSettings))


def test_short_names(place: Path) -> None:
    run = parsed("-t", "toy", "-j", "3").settings.run
    assert (run.task, run.sessions) == ("toy", 3)


def test_any_setting(place: Path) -> None:
    settings = parsed("-o", "policy=strict", "-o", "agent.mine.a=b=c").settings
    assert settings.run.policy == "strict"
    assert settings.values["agent.mine.a"].value == "b=c"


def test_plugins_are_added_and_switched_off(place: Path, install: Install) -> None:
    module = install("nowhere", "mine", "")
    plugins = parsed("-p", module, "-p", "no:toy", "-p", "no:specialists:arch").plugins
    assert (Group.ALWAYS, module) in plugins.loaded
    assert "toy" not in plugins.installed(Group.TASK)
    assert "arch" not in plugins.installed(Group.SPECIALIST)


def test_a_run_is_found_by_folder_or_name(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in ("runs/one", "elsewhere/two"):
        Path(folder).mkdir(parents=True)
        (Path(folder) / "run.toml").touch()
    environment = Environment.read()
    assert located(Path("one"), environment) == Path("runs/one")
    assert located(Path("runs/one"), environment) == Path("runs/one")
    assert located(Path("elsewhere/two"), environment) == Path("elsewhere/two")
    with pytest.raises(UserError, match=r"there is no run 'two'; .* under runs"):
        located(Path("two"), environment)
    monkeypatch.setenv("AUTORES_OUT", "elsewhere")
    assert located(Path("two"), Environment.read()) == Path("elsewhere/two")
