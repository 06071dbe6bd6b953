"""The specialists of the published table, and how they meet the surfaces of parameter_golf."""

from __future__ import annotations

import importlib

import pytest

from autores.records import Radius, Specialist
from autores.tasks.parameter_golf import plugin
from autores.workspace.surfaces import owned_surfaces, unowned

KEYS = plugin.autores_task("cpu").default_specialists
DOERS = tuple(key for key in KEYS if key != "meta")


def _load(key: str) -> Specialist:
    module = importlib.import_module(f"autores.specialists.{key}")
    (specialist,) = module.autores_specialists()
    assert isinstance(specialist, Specialist)
    return specialist


def test_there_are_ten() -> None:
    assert len(set(KEYS)) == 10


@pytest.mark.parametrize("key", KEYS)
def test_a_module_offers_the_specialist_of_its_name(key: str) -> None:
    specialist = _load(key)
    assert specialist.key == key
    assert len(specialist.preamble.split()) > 60
    assert specialist.radius is (Radius.LITERAL if key == "meta" else Radius.STRUCTURAL)


def test_no_two_answer_to_one_name() -> None:
    names = [n for key in (*KEYS, "generalist") for n in (key, *_load(key).aliases)]
    assert len(set(names)) == len(names)
    assert {"opt", "tok", "curr"} <= set(names)


def test_the_doers_own_all_of_the_recipe() -> None:
    assert unowned(plugin.autores_task("cpu"), [_load(key) for key in DOERS]) == ()


@pytest.mark.parametrize("key", DOERS)
def test_each_doer_owns_something_and_the_analyst_everything(key: str) -> None:
    task = plugin.autores_task("cpu")
    assert set() < owned_surfaces(task, _load(key)) < set(task.recipe.surfaces)
    assert owned_surfaces(task, _load("meta")) == set(task.recipe.surfaces)


def test_a_part_has_one_owner_among_the_doers() -> None:
    task = plugin.autores_task("cpu")
    for surface in task.recipe.surfaces:
        owners = [key for key in DOERS if surface in owned_surfaces(task, _load(key))]
        assert len(owners) == 1, surface
