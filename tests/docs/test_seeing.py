from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from autores.lineage.store import create
from autores.manager import PluginManager
from autores.plugins.stores.memory import MemoryStore
from autores.records import Direction, Metric, Recipe, Task
from autores.status import Verdict
from autores.testing.stores import CREATED, life

PAGE = Path(__file__).parents[2] / "docs" / "seeing.md"
TASK = Task(
    name="toy",
    title="Toy",
    metric=Metric(name="loss", direction=Direction.MINIMIZE),
    recipe=Recipe(path="/nowhere"),
)


@pytest.fixture
def store() -> MemoryStore:
    made = MemoryStore()
    create(made, CREATED)
    made.append(lambda head: [*life(0, 1.0), *life(1, 0.5, Verdict.KEEP)])
    return made


def snippet(containing: str) -> str:
    found = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    (code,) = [code for code in found if containing in code]
    return str(code)


def test_the_lineage_is_read_as_told(
    store: MemoryStore, capsys: pytest.CaptureFixture[str]
) -> None:
    exec(snippet("readmodel"), {"store": store, "task": TASK})  # noqa: S102  our own page
    assert capsys.readouterr().out == "0 0\n1 1\nNone []\n"


def test_a_reporter_is_written_as_told(store: MemoryStore) -> None:
    module: dict[str, Any] = {"__name__": "mine"}
    exec(snippet("autores_watch"), module)  # noqa: S102  our own page
    plugins = PluginManager()
    with module["autores_watch"](scene=None) as watcher:
        plugins.register(watcher, "mine")
        for event in store.since(0):
            plugins.hook.autores_event(event=event, view=None, settings=None)
    assert watcher.trials == 2
