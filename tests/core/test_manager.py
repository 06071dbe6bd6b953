from __future__ import annotations

import sys
from collections.abc import Callable
from types import ModuleType

import pytest

from autores import hookspecs
from autores.errors import PluginError, UserError
from autores.manager import Available, Group, PluginManager, names_of

Install = Callable[..., str]

HOOKS = """
    from autores import hookimpl

    @hookimpl
    def autores_specialists():
        return ()
"""


# ------------------------------------------------------------------------------- finding


def test_groups_are_entry_point_groups() -> None:
    assert Group.TASK.entry_points == "autores.tasks"
    assert Group.ALWAYS.entry_points == "autores"
    assert (Group.POLICY.singular, Group.ALWAYS.singular) == ("policy", "plugin")
    assert Group.AGENT.section("evolve") == "agent.evolve"
    assert Group.ALWAYS.section("gates") == "gates"


def test_bundled_plugins_are_found_like_any_others() -> None:
    manager = PluginManager()
    found = manager.installed(Group.TASK)["toy"]
    assert (found.module, found.group) == ("autores.testing.toy", Group.TASK)
    assert found.distribution.startswith("autores ")
    assert {"context", "gates", "turns"} <= set(manager.installed(Group.ALWAYS))


def test_finding_imports_nothing(install: Install) -> None:
    module = install("autores.agents", "mine", "raise RuntimeError('imported')")
    found = PluginManager().installed(Group.AGENT)["mine"]
    assert found == Available(
        group=Group.AGENT, name="mine", module=module, distribution="fake 1.0"
    )
    assert module not in sys.modules


def test_names_are_sorted(install: Install) -> None:
    install("autores.policies", "aaa", "")
    names = list(PluginManager().installed(Group.POLICY))
    assert names == sorted(names)
    assert names[0] == "aaa"
    assert names_of(PluginManager().installed(Group.POLICY).values()) == tuple(names)


# ------------------------------------------------------------------------------- loading


def test_a_plugin_is_loaded_once(install: Install) -> None:
    module = install("autores.specialists", "mine", HOOKS)
    manager = PluginManager()
    first = manager.load(Group.SPECIALIST, "mine")
    assert manager.load(Group.SPECIALIST, "mine") is first is sys.modules[module]
    assert manager.loaded == {(Group.SPECIALIST, "mine"): first}
    assert manager.hook.autores_specialists() == [()]
    assert manager.is_from(Group.SPECIALIST, "mine") == "fake 1.0"


def test_managers_share_nothing(install: Install) -> None:
    install("autores.specialists", "mine", HOOKS)
    PluginManager().load(Group.SPECIALIST, "mine")
    other = PluginManager()
    assert other.loaded == {}
    assert other.hook.autores_specialists() == []


def test_a_whole_group_is_loaded(install: Install) -> None:
    install("autores.reporters", "mine", HOOKS)
    manager = PluginManager()
    assert len(manager.load_all(Group.REPORTER)) == len(manager.installed(Group.REPORTER))
    assert (Group.REPORTER, "mine") in manager.loaded


def test_a_module_that_is_given_and_known_by_name_is_one_plugin(install: Install) -> None:
    module = install("autores.reporters", "mine", HOOKS)
    manager = PluginManager()
    assert manager.load_module(module) is manager.load(Group.REPORTER, "mine")
    assert manager.hook.autores_specialists() == [()]


def test_a_module_that_nobody_declares(install: Install) -> None:
    module = install("elsewhere", "mine", HOOKS)
    manager = PluginManager()
    assert manager.load_module(module) is manager.load_module(module)
    assert manager.hook.autores_specialists() == [()]
    assert manager.is_from(Group.ALWAYS, module) == "given with -p"


def test_some_plugins_are_left_out(install: Install) -> None:
    install("autores.specialists", "mine", HOOKS)
    manager = PluginManager()
    loaded = manager.load(Group.SPECIALIST, "mine")
    extra = ModuleType("extra")
    manager.register(extra, "extra")
    assert manager.without(loaded) == [extra]


# -------------------------------------------------------------------------------- errors


def test_an_unknown_name_comes_with_the_nearest() -> None:
    with pytest.raises(UserError, match="unknown task 'tyo'; known: toy"):
        PluginManager().load(Group.TASK, "tyo")


@pytest.mark.parametrize("word", ["mine", "specialists:mine"])
def test_a_plugin_can_be_switched_off(install: Install, word: str) -> None:
    install("autores.specialists", "mine", HOOKS)
    manager = PluginManager(disabled=[word])
    assert "mine" not in manager.installed(Group.SPECIALIST)
    with pytest.raises(UserError, match=f"'mine' is switched off; drop `-p no:{word}`"):
        manager.load(Group.SPECIALIST, "mine")


def test_switching_off_in_one_group_leaves_the_others(install: Install) -> None:
    install("autores.specialists", "mine", HOOKS)
    install("autores.agents", "mine", HOOKS, distribution="other")
    manager = PluginManager(disabled=["agents:mine"])
    assert "mine" in manager.installed(Group.SPECIALIST)
    assert "mine" not in manager.installed(Group.AGENT)


SETTINGS = """
    from dataclasses import dataclass, field

    @dataclass(frozen=True, kw_only=True)
    class Settings:
        size: int = {}
"""
MISFITS = {
    "unknown hook": (
        HOOKS.replace("autores_specialists", "autores_specialist"),
        "unknown hook 'autores_specialist'; known: autores_specialists",
        "rename the function",
    ),
    "unmarked unknown hook": (
        "def autores_evalute(request): ...",
        "unknown hook 'autores_evalute'; known: autores_evaluate",
        "rename the function",
    ),
    "unmarked hook": (
        "def autores_specialists(): ...",
        "autores_specialists is not marked as a hook",
        "put `@autores.hookimpl` above it",
    ),
    "wrong argument": (
        HOOKS.replace("autores_specialists()", "autores_budget(tsk)"),
        "autores_budget has no argument 'tsk'",
        "take any of: task",
    ),
    "import failure": (
        "import a_module_that_there_is_not",
        "cannot be imported: ModuleNotFoundError: No module named 'a_module_that_there_is_not'",
        "mend or reinstall it, or pass `-p no:mine`",
    ),
    "syntax error": ("def", "cannot be imported: SyntaxError", "mend or reinstall it"),
    "setting without help": (
        SETTINGS.format("3"),
        "setting 'size' has no help",
        'declare it as field(default=…, metadata={"help": "…"})',
    ),
    "setting with empty help": (
        SETTINGS.format('field(default=3, metadata={"help": ""})'),
        "setting 'size' has no help",
        "declare it as",
    ),
    "settings of another kind": (
        "class Settings: ...",
        "Settings is not a dataclass",
        "decorate it with @dataclass",
    ),
}


@pytest.mark.parametrize("case", MISFITS)
def test_a_plugin_that_does_not_fit_names_itself_and_the_fix(install: Install, case: str) -> None:
    source, problem, fix = MISFITS[case]
    install("autores.agents", "mine", source, distribution="some-dist")
    with pytest.raises(PluginError) as caught:
        PluginManager().load(Group.AGENT, "mine")
    error = caught.value
    assert (error.plugin, error.distribution) == ("mine", "some-dist 1.0")
    assert problem in error.problem
    assert fix in error.fix
    assert str(error).startswith("plugin 'mine' (some-dist 1.0): ")
    assert "\n" not in str(error)


def test_what_is_to_be_switched_off_is_no_plugin_of_another_group(install: Install) -> None:
    install("autores.agents", "mine", "def")
    install("autores.specialists", "mine", HOOKS)
    with pytest.raises(PluginError) as caught:
        PluginManager().load(Group.AGENT, "mine")
    assert "pass `-p no:agents:mine`" in caught.value.fix


def test_what_a_plugin_says_to_the_user_on_import_is_passed_on(install: Install) -> None:
    source = "from autores.errors import UserError\nraise UserError('install torch')"
    install("autores.agents", "mine", source)
    with pytest.raises(UserError, match=r"^install torch$"):
        PluginManager().load(Group.AGENT, "mine")


def test_helpers_that_a_plugin_imports_are_not_its_hooks(install: Install) -> None:
    helper = install("elsewhere", "helper", "def autores_helper(): ...")
    install("autores.agents", "mine", f"from {helper} import autores_helper")
    assert PluginManager().load(Group.AGENT, "mine")


def test_two_distributions_with_one_name(install: Install) -> None:
    install("autores.agents", "mine", "", distribution="one-dist")
    install("autores.agents", "mine", "", distribution="two-dist")
    with pytest.raises(PluginError) as caught:
        PluginManager().installed(Group.AGENT)
    assert {"one-dist", "two-dist"} <= set(str(caught.value).replace("(", " ").split())
    assert "has the agent 'mine' too" in caught.value.problem
    assert "`-p no:agents:mine` does without both" in caught.value.fix
    assert "mine" not in PluginManager(disabled=["agents:mine"]).installed(Group.AGENT)


def test_all_specifications_are_known() -> None:
    names = {name for name in vars(hookspecs) if name.startswith("autores_")}
    assert all(hasattr(PluginManager().hook, name) for name in names)
