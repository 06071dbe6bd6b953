"""The complete prompt of a session, one file for each task: changes are reviewed as diffs."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from autores import arms
from autores.agent import Section
from autores.manager import Group, PluginManager
from autores.prompts import shared
from autores.records import Specialist
from autores.status import Cause, Status, Verdict

TASKS = {
    "toy": "autores.testing.toy",
    "airbench": "autores.tasks.airbench.plugin",
    "nanochat": "autores.tasks.nanochat.plugin",
    "parameter_golf": "autores.tasks.parameter_golf.plugin",
}


def specialists() -> dict[str, Specialist]:
    plugins = PluginManager()
    plugins.load_all(Group.SPECIALIST)
    return arms.by_name(s for found in plugins.hook.autores_specialists() for s in found)


def stood(make_past: Callable[..., Any], task: Any, limits: Any) -> Any:
    """A run in the middle: one lead, a crash, a near miss, something under way."""
    past = make_past(task, limits)
    past.enter(0.45, specialist="arch", hypothesis="A wider first layer", verdict=Verdict.LEAD)
    past.enter(0.46, specialist="optim", hypothesis="More momentum", parents=(1,))
    if task.gates:
        past.missed(enough(task) - 1, specialist="reg", hypothesis="Less pull", parents=(1,))
    else:
        outcome = {"cause": Cause.NOT_FINITE, "score": None}
        past.enter(outcome=outcome, specialist="reg", hypothesis="Less pull", parents=(1,))
    past.enter(pending=True, specialist="arch", hypothesis="Deeper", parents=(1,))
    return past


def enough(task: Any) -> int:
    """Hits of 200 that pass the first gate."""
    return math.ceil(200 * Fraction(task.gates[0].at_least or "0.9"))


def knowledge(paths: tuple[str, ...]) -> tuple[str, ...]:
    """Of long documents their headings."""
    texts = (Path(path).read_text(encoding="utf-8") for path in paths)
    return tuple("\n".join(line for line in t.splitlines() if line.startswith("#")) for t in texts)


@pytest.mark.parametrize("name", TASKS)
def test_the_complete_prompt_of_a_session(
    name: str, make_past: Callable[..., Any], golden: Callable[[str, str], None]
) -> None:
    plugin = import_module(TASKS[name])
    task = plugin.autores_task(profile="")
    limits = plugin.autores_budget(task=task)
    optim = specialists()["optim"]
    past = stood(make_past, task, limits)
    told = past.text(specialist=optim, active=("optim", "arch"), max_trials=60)
    parts = (shared(task, limits, knowledge(task.knowledge)), optim.preamble.strip(), told)
    golden(name, "\n\n<!-- next part -->\n\n".join(parts) + "\n")


def test_every_status_is_explained() -> None:
    text = shared(import_module(TASKS["toy"]).autores_task(profile=""), None)
    for status in Status:
        assert f"`{status.value}`" in text


def common(first: str, second: str) -> int:
    pairs = zip(first.encode(), second.encode(), strict=False)
    return next((n for n, (a, b) in enumerate(pairs) if a != b), min(len(first), len(second)))


@pytest.mark.parametrize("name", TASKS)
def test_specialists_share_most_of_what_is_cached(name: str) -> None:
    plugin = import_module(TASKS[name])
    task = plugin.autores_task(profile="")
    known = specialists()
    front = shared(task, plugin.autores_budget(task=task), knowledge(task.knowledge))
    prompts = [f"{front}\n\n{known[key].preamble}" for key in task.default_specialists]
    for prompt in prompts[1:]:
        assert common(prompts[0], prompt) >= 0.8 * len(prompt.encode())


def test_sections_have_titles_of_their_own(make_past: Callable[..., Any]) -> None:
    sections = make_past().sections()
    assert all(isinstance(section, Section) for section in sections.values())
    ranks = [section.rank for section in sections.values()]
    assert ranks == sorted(set(ranks))
