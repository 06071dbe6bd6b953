from __future__ import annotations

import pytest

from autores.plugins.stores import memory
from autores.plugins.stores.memory import MemoryStore
from autores.testing.stores import Reopen, StoreConformance


class TestMemoryStore(StoreConformance):
    @pytest.fixture
    def reopen(self) -> Reopen:
        store = MemoryStore()
        return lambda: store


def test_the_scheme_is_memory() -> None:
    assert isinstance(memory.autores_store("memory:"), MemoryStore)
    assert memory.autores_store("sqlite:memory") is None
