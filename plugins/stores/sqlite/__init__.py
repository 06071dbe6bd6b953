"""The default store: one SQLite file in WAL mode, for one host and any number of processes.

URLs: `sqlite:runs/one/lineage.db`.
"""

from __future__ import annotations

from pathlib import Path

from autores import hookimpl
from autores.plugins.stores.sqlite.store import SqliteStore

__all__ = ["SqliteStore", "autores_store"]


@hookimpl
def autores_store(url: str) -> SqliteStore | None:
    """Open or create a file."""
    scheme, _, path = url.partition(":")
    return SqliteStore(Path(path)) if scheme == "sqlite" else None
