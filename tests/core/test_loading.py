from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from autores.config import Environment, SettingsBook, gather
from autores.errors import PluginError, UserError
from autores.loading import Loaded, load, load_task, reporter_of, scheme_of
from autores.manager import Group, PluginManager

Install = Callable[..., str]
CHOICE = {"task": "toy", "agent": "scripted", "executor": "inline", "policy": "strict"}


def settings(*overrides: str, **options: Any) -> SettingsBook:
    return gather(
        file=None,
        environment=Environment.read({}),
        options=CHOICE | options,
        overrides=overrides,
    )


def loaded(*overrides: str, **options: Any) -> Loaded:
    return load(settings(*overrides, **options), PluginManager())


def test_what_a_run_uses_is_loaded_and_nothing_else(place: Path) -> None:
    found = loaded()
    assert (found.task.name, found.module) == ("toy", "autores.testing.toy")
    by_group: dict[Group, list[str]] = {}
    for group, name in found.plugins.loaded:
        by_group.setdefault(group, []).append(name)
    assert by_group.pop(Group.SPECIALIST) == list(PluginManager().installed(Group.SPECIALIST))
    assert by_group.pop(Group.ALWAYS) == list(PluginManager().installed(Group.ALWAYS))
    assert by_group == {
        Group.TASK: ["toy"],
        Group.AGENT: ["scripted"],
        Group.EXECUTOR: ["inline"],
        Group.POLICY: ["strict"],
        Group.REPORTER: ["plain"],
        Group.STORE: ["sqlite"],
    }


def test_specialists_by_key_in_the_order_of_their_turns(place: Path) -> None:
    assert list(loaded().specialists) == ["arch", "optim", "reg"]
    assert list(loaded(specialists="reg,arch").specialists) == ["reg", "arch"]


def test_limits_world_and_knowledge(place: Path) -> None:
    found = loaded()
    assert found.limits().wall == {"train": 5.0}
    assert found.world(place / "data") == found.world(place / "data") != ""
    (place / "facts.md").write_text("Lower is better.")
    task = replace(found.task, knowledge=(str(place / "facts.md"),))
    assert replace(found, task=task).knowledge == ("Lower is better.",)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"task": "tyo"}, "unknown task 'tyo'; known: toy"),
        ({"task": ""}, "name a task with --task; `autores tasks` lists them"),
        ({"agent": "scriptd"}, "unknown agent 'scriptd'; known: scripted"),
        ({"executor": "inlin"}, "unknown executor 'inlin'; known: inline"),
        ({"policy": "strikt"}, "unknown policy 'strikt'; known: strict"),
        ({"reporter": "plane"}, "unknown reporter 'plane'; known: plain"),
        ({"store": "sqlit:x"}, "unknown store 'sqlit'; known: sqlite"),
        ({"specialists": "optimm"}, "unknown specialist 'optimm'; known: optim"),
        ({"profile": "slwo"}, "unknown toy profile 'slwo'; known: slow"),
        ({"tasc": "x"}, "unknown setting 'tasc'; known: task"),
    ],
)
def test_what_is_not_known_comes_with_the_nearest(
    place: Path, wrong: dict[str, str], message: str
) -> None:
    with pytest.raises(UserError) as caught:
        loaded(**wrong)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_settings_of_plugins_that_are_not_used_are_left_alone(place: Path) -> None:
    loaded("agent.replay.path=x")
    with pytest.raises(UserError, match=r"unknown setting 'agent\.scripted\.paht'"):
        loaded("agent.scripted.paht=x")


def test_a_plugin_finds_its_settings(place: Path) -> None:
    found = loaded("agent.scripted.path=edits.json")
    module = found.plugins.loaded[Group.AGENT, "scripted"]
    assert found.settings.of(module.Settings).path == "edits.json"


NO_BUDGET = """
    from autores import hookimpl
    from autores.records import Direction, Metric, Recipe, Task

    @hookimpl
    def autores_task(profile):
        metric = Metric(name="loss", direction=Direction.MINIMIZE)
        return Task(name="mine", title="Mine", metric=metric, recipe=Recipe(path="/nowhere"))
"""


def test_a_task_without_its_hooks_is_told_what_to_write(place: Path, install: Install) -> None:
    install("autores.tasks", "mine", NO_BUDGET, distribution="some-dist")
    install("autores.tasks", "empty", "", distribution="some-dist")
    found = loaded(task="mine")
    assert found.world(place / "data") == ""  # nothing to prepare is fine
    with pytest.raises(PluginError, match=r"'mine' \(some-dist 1\.0\): has no autores_budget"):
        found.limits()
    with pytest.raises(PluginError, match=r"'empty' \(some-dist 1\.0\): has no autores_task"):
        load_task(settings(task="empty"), PluginManager())


@pytest.mark.parametrize(
    ("url", "scheme"), [("", "sqlite"), ("sqlite:a/b.db", "sqlite"), ("memory:", "memory")]
)
def test_a_stores_url_names_its_plugin(url: str, scheme: str) -> None:
    assert scheme_of(url) == scheme


def test_the_reporter_suits_where_it_is_seen() -> None:
    book = SettingsBook({}, environment=replace(Environment(), terminal=True))
    assert reporter_of(book) == "live"
    assert reporter_of(SettingsBook({})) == "plain"
    assert reporter_of(settings(reporter="quiet")) == "quiet"
