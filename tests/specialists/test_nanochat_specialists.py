from __future__ import annotations

from importlib import import_module

import pytest

from autores.records import Specialist
from autores.tasks.nanochat import plugin

KEYS = plugin.autores_task("cpu").default_specialists


def _load(key: str) -> Specialist:
    (found,) = import_module(f"autores.specialists.{key}").autores_specialists()
    assert isinstance(found, Specialist)
    return found


def test_there_are_the_five_of_the_paper() -> None:
    assert KEYS == ("arch", "optim", "data", "schedule", "systems")


@pytest.mark.parametrize("key", KEYS)
def test_a_module_offers_the_specialist_of_its_name(key: str) -> None:
    specialist = _load(key)
    assert specialist.key == key
    assert set(specialist.surfaces) & set(plugin.SURFACES)
    assert len(specialist.preamble) > 300


def test_no_two_answer_to_one_name() -> None:
    names = [name for key in KEYS for name in (key, *_load(key).aliases)]
    assert len(set(names)) == len(names)
    assert {"opt", "sched", "sys"} <= set(names)
