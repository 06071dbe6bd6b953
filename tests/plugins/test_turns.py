from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autores import hookimpl
from autores.lineage.store import Query, create
from autores.lineage.view import LineageView
from autores.manager import Group, PluginManager
from autores.plugins.stores.memory import MemoryStore
from autores.plugins.turns import autores_next
from autores.records import Metric, Recipe, Task
from autores.status import Verdict
from autores.testing.stores import CREATED, life, write
from autores.turns import Turn

TASK = Task(
    name="toy",
    title="Toy",
    metric=Metric(name="loss", direction=CREATED.direction),
    recipe=Recipe(path="/nowhere"),
)
KEYS = ("arch", "optim", "reg")


@pytest.fixture
def store() -> MemoryStore:
    store = MemoryStore()
    create(store, CREATED)
    write(store, *life(0, 1.0, session="", specialist="seed"))
    return store


def view(store: MemoryStore, *active: str) -> LineageView:
    return LineageView(store, TASK, specialists=KEYS, active=active)


def test_the_hook_is_called(store: MemoryStore) -> None:
    plugins = PluginManager()
    plugins.load(Group.ALWAYS, "turns")
    turn = plugins.hook.autores_next(view=view(store), settings=None)
    assert turn == Turn(specialist="arch", parent=0)


def test_anybody_else_is_asked_first(store: MemoryStore) -> None:
    @dataclass
    class Mine:
        @hookimpl
        def autores_next(self) -> Turn:
            return Turn(specialist="reg", parent=7)

    plugins = PluginManager()
    plugins.register(Mine(), "mine")
    plugins.load(Group.ALWAYS, "turns")
    assert plugins.hook.autores_next(view=view(store), settings=None) == Turn(
        specialist="reg", parent=7
    )


def test_all_start_from_the_head(store: MemoryStore) -> None:
    write(store, *life(1, 0.5, Verdict.LEAD, specialist="arch"), *life(2, 0.9, specialist="optim"))
    assert autores_next(view(store)) == Turn(specialist="reg", parent=1)


def test_those_who_work_now_have_had_their_turn(store: MemoryStore) -> None:
    assert autores_next(view(store, "arch")).specialist == "optim"
    assert autores_next(view(store, "arch", "optim")).specialist == "reg"
    assert autores_next(view(store, *KEYS)).specialist == "arch"


def test_who_is_no_more_in_the_run_does_not_count(store: MemoryStore) -> None:
    write(store, *life(1, 0.5, specialist="gone"))
    assert autores_next(view(store)).specialist == "arch"


@settings(max_examples=25, deadline=None)
@given(st.lists(st.sampled_from(KEYS), max_size=8), st.integers(1, 6))
def test_everybody_gets_as_many_turns(done: list[str], more: int) -> None:
    store = MemoryStore()
    create(store, CREATED)
    write(store, *life(0, 1.0, session="", specialist="seed"))
    for number, key in enumerate(done, start=1):
        write(store, *life(number, 1.0, specialist=key))
    for number in range(len(done) + 1, len(done) + 1 + 3 * len(done) + more):
        write(store, *life(number, 1.0, specialist=autores_next(view(store)).specialist))
    turns = Counter(t.submission.specialist for t in store.query(Query()))
    assert max(turns[k] for k in KEYS) - min(turns[k] for k in KEYS) <= 1
