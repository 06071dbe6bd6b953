from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from autores.plugins.stores.sqlite import SqliteStore
from autores.testing.stores import Reopen, StoreConformance


class TestSqliteStore(StoreConformance):
    @pytest.fixture
    def reopen(self, tmp_path: Path) -> Iterator[Reopen]:
        opened = []

        def reopen() -> SqliteStore:
            opened.append(SqliteStore(tmp_path / "lineage.db"))
            return opened[-1]

        yield reopen
        for store in opened:
            store.close()
