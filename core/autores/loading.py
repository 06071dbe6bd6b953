"""From settings to plugins: what a run uses, loaded, checked and resolved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from autores import arms
from autores.config import SettingsBook
from autores.errors import PluginError, UserError
from autores.manager import Group, PluginManager
from autores.records import Limits, Specialist, Task


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A task with all that works on it."""

    plugins: PluginManager
    settings: SettingsBook
    task: Task
    module: str
    """Of the task's plugin."""
    specialists: Mapping[str, Specialist]
    """Of this run, by key."""

    @property
    def knowledge(self) -> tuple[str, ...]:
        """The task's documents."""
        return tuple(Path(path).read_text(encoding="utf-8") for path in self.task.knowledge)

    def limits(self) -> Limits:
        """What one evaluation may use."""
        limits: Limits | None = self.plugins.hook.autores_budget(task=self.task)
        if limits is None:
            raise self._lacks("autores_budget")
        return replace(limits, early_stop=self.settings.run.early_stop)

    def world(self, data_dir: Path) -> str:
        """Prepare the task's data; the id of its world."""
        data_dir.mkdir(parents=True, exist_ok=True)
        return self.plugins.hook.autores_prepare(task=self.task, data_dir=data_dir) or ""

    def _lacks(self, hook: str) -> PluginError:
        name = self.task.name
        distribution = self.plugins.is_from(Group.TASK, name)
        return PluginError(name, distribution, f"has no {hook}", f"write a function {hook}")


def load(settings: SettingsBook, plugins: PluginManager) -> Loaded:
    """Load what the settings name.

    Raises:
        UserError: Something that they name is not known.
        PluginError: A plugin does not fit.
    """
    run = settings.run
    task, module = load_task(settings, plugins)
    plugins.load_all(Group.ALWAYS)
    plugins.load_all(Group.SPECIALIST)
    for group, name in (
        (Group.AGENT, run.agent),
        (Group.EXECUTOR, run.executor),
        (Group.POLICY, run.policy),
        (Group.REPORTER, reporter_of(settings)),
        (Group.STORE, scheme_of(run.store)),
    ):
        plugins.load(group, name)
    add_sections(settings, plugins)
    known = arms.by_name(s for found in plugins.hook.autores_specialists() for s in found)
    specialists = {s.key: s for s in arms.chosen(run, task, known)}
    return Loaded(
        plugins=plugins, settings=settings, task=task, module=module, specialists=specialists
    )


def load_task(settings: SettingsBook, plugins: PluginManager) -> tuple[Task, str]:
    """The task that the settings name, in its profile, and its plugin's module."""
    name = settings.run.task
    if not name:
        raise UserError("name a task with --task; `autores tasks` lists them")
    module = plugins.load(Group.TASK, name)
    task: Task | None = plugins.hook.autores_task(profile=settings.run.profile)
    if task is None:
        distribution = plugins.is_from(Group.TASK, name)
        raise PluginError(name, distribution, "has no autores_task", "write that function")
    return task, module.__name__


def reporter_of(settings: SettingsBook) -> str:
    """What shows the run: what was asked for, else what suits where it is seen."""
    return settings.run.reporter or ("live" if settings.environment.terminal else "plain")


def scheme_of(url: str) -> str:
    """The plugin that a store's URL belongs to."""
    return url.partition(":")[0] or "sqlite"


def add_sections(settings: SettingsBook, plugins: PluginManager) -> None:
    """Let each loaded plugin find its settings, and refuse settings that nobody has."""
    for (group, name), module in plugins.loaded.items():
        kind = getattr(module, "Settings", None)
        if kind is not None:
            settings.add(kind, group.section(name))
    settings.check_names(
        group.section(name) for group in Group for name in plugins.installed(group)
    )
