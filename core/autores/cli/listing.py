"""What is installed, and what is set."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click

from autores.arms import by_name
from autores.cli.options import given, json_option, run_options, settings_options, tell
from autores.errors import AutoresError
from autores.loading import add_sections, load_task, reporter_of
from autores.manager import Group, PluginManager
from autores.records import Task
from autores.rendering import Facts, table


@click.command()
@json_option
def tasks(as_json: bool) -> None:
    """List the installed tasks with their profiles."""
    found = dict(_tasks())
    rows = [
        (name, task.title, task.metric.name, ", ".join(task.profiles))
        if isinstance(task, Task)
        else (name, f"cannot be used: {task}", "", "")
        for name, task in found.items()
    ]
    data = {n: t if isinstance(t, Task) else {"error": str(t)} for n, t in found.items()}
    tell(
        Facts(text=table(("task", "title", "metric", "profiles"), rows), data=data), as_json=as_json
    )


def _tasks() -> Iterator[tuple[str, Task | AutoresError]]:
    """Each in a manager of its own: hooks of two tasks would answer for each other."""
    for name in PluginManager().installed(Group.TASK):
        plugins = PluginManager()
        try:
            plugins.load(Group.TASK, name)
            yield name, plugins.hook.autores_task(profile="")
        except AutoresError as error:
            yield name, error


@click.command()
@json_option
def specialists(as_json: bool) -> None:
    """List the installed specialists with what they own."""
    plugins = PluginManager()
    plugins.load_all(Group.SPECIALIST)
    found = [s for several in plugins.hook.autores_specialists() for s in several]
    by_name(found)
    rows = [
        (s.key, ", ".join(s.aliases) or "–", s.radius.value, ", ".join(s.surfaces)) for s in found
    ]
    text = table(("specialist", "aliases", "radius", "surfaces"), rows)
    tell(Facts(text=text, data=found), as_json=as_json)


@click.command()
@json_option
def plugins(as_json: bool) -> None:
    """List all installed plugins and where they come from."""
    manager = PluginManager()
    found = [known for group in Group for known in manager.installed(group).values()]
    rows = [(k.group.singular, k.name, k.module, k.distribution) for k in found]
    data = [dict(zip(("kind", "name", "module", "distribution"), r, strict=True)) for r in rows]
    text = table(("kind", "name", "module", "distribution"), rows)
    tell(Facts(text=text, data=data), as_json=as_json)


@click.command()
@run_options
@settings_options
@json_option
def config(as_json: bool, **options: Any) -> None:
    """Show every setting, its value and where that came from."""
    choice = given(**options)
    run = choice.settings.run
    if run.task:
        load_task(choice.settings, choice.plugins)
    for group, name in (
        (Group.AGENT, run.agent),
        (Group.EXECUTOR, run.executor),
        (Group.POLICY, run.policy),
        (Group.REPORTER, reporter_of(choice.settings)),
    ):
        choice.plugins.load(group, name)
    choice.plugins.load_all(Group.ALWAYS)
    add_sections(choice.settings, choice.plugins)
    rows = [(n, str(v), source, told) for n, v, source, told in choice.settings.rows()]
    data = [dict(zip(("name", "value", "source", "help"), r, strict=True)) for r in rows]
    tell(
        Facts(text=table(("setting", "value", "from", "meaning"), rows), data=data), as_json=as_json
    )
