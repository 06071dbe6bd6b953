"""The five specialists of the published task, and how they meet its surfaces."""

from __future__ import annotations

import importlib

import pytest

from autores.records import Radius, Specialist
from autores.tasks.airbench import plugin

KEYS = ("arch", "optim", "augment", "loss", "reg")


def _load(key: str) -> Specialist:
    module = importlib.import_module(f"autores.specialists.{key}")
    (specialist,) = module.autores_specialists()
    assert isinstance(specialist, Specialist)
    return specialist


@pytest.mark.parametrize("key", KEYS)
def test_a_module_offers_the_specialist_of_its_name(key: str) -> None:
    specialist = _load(key)
    assert specialist.key == key
    assert specialist.radius is Radius.STRUCTURAL
    assert len(specialist.preamble.split()) > 60


def test_aliases_are_those_of_the_paper() -> None:
    assert {a: k for k in KEYS for a in _load(k).aliases} == {"opt": "optim", "aug": "augment"}


def test_every_surface_of_airbench_has_a_specialist() -> None:
    owned = {surface for key in KEYS for surface in _load(key).surfaces}
    assert set(plugin.SURFACES) <= owned


def test_the_task_asks_for_all_five() -> None:
    assert set(plugin.autores_task("cpu").default_specialists) == set(KEYS)
