"""One plugin manager per run: finds plugins by entry point and loads what the run uses."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from enum import Enum
from functools import cached_property
from importlib import metadata
from types import ModuleType
from typing import Any, cast

import pluggy

from autores import hookspecs
from autores.errors import PluginError, UserError, unknown

PREFIX = "autores_"
OFF = "no:"
"""Before a name: this plugin is switched off."""


class Group(Enum):
    """What kind of thing a plugin is: the part of its entry-point group after the dot."""

    TASK = "tasks"
    SPECIALIST = "specialists"
    AGENT = "agents"
    EXECUTOR = "executors"
    STORE = "stores"
    POLICY = "policies"
    REPORTER = "reporters"
    ALWAYS = ""

    @property
    def entry_points(self) -> str:
        """The entry-point group: `autores.tasks`, …; `autores` for what is always on."""
        return f"autores.{self.value}".rstrip(".")

    @property
    def singular(self) -> str:
        """As messages and tables of settings say it: `task`, `policy`, …; `plugin`."""
        return "plugin" if self is Group.ALWAYS else self.name.lower()

    def section(self, name: str) -> str:
        """The table of a plugin's settings: `agent.anthropic`, but `gates`."""
        return name if self is Group.ALWAYS else f"{self.singular}.{name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Available:
    """A plugin that is installed; loading it comes later, if at all."""

    group: Group
    name: str
    module: str
    distribution: str
    """Name and version of what brought it, for people."""


class PluginManager:
    """The plugins of one run. Nothing is shared between two of these."""

    def __init__(self, *, disabled: Collection[str] = ()) -> None:
        """Know the installed plugins, load none.

        Args:
            disabled: Names that are not to be loaded, or `group:name` where two share one.
        """
        self._pluggy = pluggy.PluginManager("autores")
        self._pluggy.add_hookspecs(hookspecs)
        self._specs = _specifications()
        self._disabled = set(disabled)
        self._asked: list[str] = []
        self._installed: dict[Group, dict[str, Available]] = {}
        self._loaded: dict[tuple[Group, str], ModuleType] = {}

    def ask(self, requests: Iterable[str]) -> None:
        """Do what `-p` says: `no:NAME` switches a plugin off, anything else is a module."""
        new = [request for request in requests if request not in self._asked]
        self._asked += new
        self._disabled |= {r.removeprefix(OFF) for r in new if r.startswith(OFF)}
        self._installed.clear()
        for module in new:
            if not module.startswith(OFF):
                self.load_module(module)

    @property
    def asked(self) -> tuple[str, ...]:
        """All that `-p` has said."""
        return tuple(self._asked)

    @cached_property
    def _points(self) -> metadata.EntryPoints:
        """All that is installed, read once: every distribution has a file of them."""
        return cast("metadata.EntryPoints", metadata.entry_points())

    @property
    def hook(self) -> Any:
        """Calls hooks: `manager.hook.autores_task(profile="cpu")`."""
        return self._pluggy.hook

    @property
    def loaded(self) -> Mapping[tuple[Group, str], ModuleType]:
        """What was loaded, in order."""
        return self._loaded

    def installed(self, group: Group) -> Mapping[str, Available]:
        """The plugins of a group by name, without those that are switched off."""
        if group not in self._installed:
            self._installed[group] = self._discover(group)
        return self._installed[group]

    def load(self, group: Group, name: str) -> ModuleType:
        """Import a plugin and register its hooks; once.

        Raises:
            UserError: There is no plugin of that name, or it is switched off.
            PluginError: It cannot be imported or its hooks do not fit.
        """
        if (group, name) in self._loaded:
            return self._loaded[group, name]
        if self._is_disabled(group, name):
            said = name if name in self._disabled else f"{group.value}:{name}"
            raise UserError(f"{group.singular} {name!r} is switched off; drop `-p no:{said}`")
        if name not in self.installed(group):
            raise unknown(group.singular, name, self.installed(group))
        return self._register(self.installed(group)[name])

    def load_all(self, group: Group) -> tuple[ModuleType, ...]:
        """Load every plugin of a group."""
        return tuple(self.load(group, name) for name in self.installed(group))

    def load_module(self, module: str) -> ModuleType:
        """Load a module that no distribution declares, as `-p MODULE` asks."""
        found = Available(
            group=Group.ALWAYS, name=module, module=module, distribution="given with -p"
        )
        return self._loaded.get((Group.ALWAYS, module)) or self._register(found)

    def register(self, plugin: object, name: str) -> None:
        """Register an object that is not a module: the run's own parts, tests."""
        self._pluggy.register(plugin, name)

    def without(self, *modules: ModuleType) -> list[object]:
        """The loaded plugins but for these, for `pluggy`'s subset callers."""
        return [m for m in self._pluggy.get_plugins() if m not in modules]

    def is_from(self, group: Group, name: str) -> str:
        """The distribution of a loaded or installed plugin."""
        found = self.installed(group).get(name)
        return found.distribution if found else "given with -p"

    def _discover(self, group: Group) -> dict[str, Available]:
        found: dict[str, Available] = {}
        for point in self._points.select(group=group.entry_points):
            if self._is_disabled(group, point.name):
                continue
            known = Available(
                group=group,
                name=point.name,
                module=point.value,
                distribution=_distribution(point),
            )
            other = found.setdefault(point.name, known)
            if other.module != known.module:
                raise PluginError(
                    known.name,
                    known.distribution,
                    f"{other.distribution} has the {group.singular} {known.name!r} too",
                    f"uninstall one of them; `-p no:{group.value}:{known.name}` does without both",
                )
        return dict(sorted(found.items()))

    def _is_disabled(self, group: Group, name: str) -> bool:
        return name in self._disabled or f"{group.value}:{name}" in self._disabled

    def _off(self, plugin: Available) -> str:
        """What switches this plugin off, and none of another group that has its name."""
        others = (group for group in Group if group is not plugin.group)
        shared = any(self._points.select(group=g.entry_points, name=plugin.name) for g in others)
        return f"{plugin.group.value}:{plugin.name}" if shared else plugin.name

    def _register(self, plugin: Available) -> ModuleType:
        try:
            module = importlib.import_module(plugin.module)
        except UserError:
            raise
        except Exception as error:
            problem = f"cannot be imported: {type(error).__name__}: {error}"
            fix = f"mend or reinstall it, or pass `-p no:{self._off(plugin)}`"
            raise PluginError(plugin.name, plugin.distribution, problem, fix) from error
        self._check_hooks(plugin, module)
        _check_settings(plugin, module)
        if not self._pluggy.is_registered(module):  # given with -p, and known by name as well
            self._pluggy.register(module, f"{plugin.group.value}:{plugin.name}")
        self._loaded[plugin.group, plugin.name] = module
        return module

    def _check_hooks(self, plugin: Available, module: ModuleType) -> None:
        for name, function in inspect.getmembers(module, inspect.isroutine):
            marked = self._pluggy.parse_hookimpl_opts(module, name) is not None
            if not marked and not (
                name.startswith(PREFIX) and function.__module__ == module.__name__
            ):
                continue
            problem, fix = self._misfit(name, function, marked=marked)
            if problem:
                raise PluginError(plugin.name, plugin.distribution, problem, fix)

    def _misfit(self, name: str, function: Any, *, marked: bool) -> tuple[str, str]:
        if name not in self._specs:
            near = str(unknown("hook", name, self._specs))
            return near, "rename the function; `autores.hookspecs` lists all hooks"
        if not marked:
            return f"{name} is not marked as a hook", "put `@autores.hookimpl` above it"
        extra = [a for a in inspect.signature(function).parameters if a not in self._specs[name]]
        if extra:
            known = ", ".join(self._specs[name])
            return f"{name} has no argument {extra[0]!r}", f"take any of: {known}"
        return "", ""


def _specifications() -> dict[str, tuple[str, ...]]:
    """Each hook's name and its arguments."""
    functions = inspect.getmembers(hookspecs, inspect.isfunction)
    return {
        name: tuple(inspect.signature(function).parameters)
        for name, function in functions
        if name.startswith(PREFIX)
    }


def _distribution(point: metadata.EntryPoint) -> str:
    dist = point.dist
    return f"{dist.name} {dist.version}" if dist is not None else "unknown distribution"


def _check_settings(plugin: Available, module: ModuleType) -> None:
    settings = getattr(module, "Settings", None)
    if settings is None:
        return
    if not is_dataclass(settings):
        problem, fix = "Settings is not a dataclass", "decorate it with @dataclass(frozen=True)"
        raise PluginError(plugin.name, plugin.distribution, problem, fix)
    for field in fields(settings):
        if not field.metadata.get("help"):
            problem = f"setting {field.name!r} has no help"
            fix = 'declare it as field(default=…, metadata={"help": "…"})'
            raise PluginError(plugin.name, plugin.distribution, problem, fix)


def names_of(plugins: Iterable[Available]) -> tuple[str, ...]:
    """Their names, for listings."""
    return tuple(plugin.name for plugin in plugins)
