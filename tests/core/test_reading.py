from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from autores.baseline import ensure_baseline
from autores.config import Environment, SettingsBook, Value
from autores.errors import UserError
from autores.folder import RunFolder
from autores.reading import reading, store_url
from autores.run import Run

OpenRun = Callable[..., AbstractAsyncContextManager[Run]]


def test_a_run_is_read_without_working_on_it(open_run: OpenRun) -> None:
    async def scene() -> str:
        async with open_run(store="") as run:
            await ensure_baseline(run)
            with reading(run.folder.root, Environment.read()) as found:  # while it goes on, too
                assert found.store.head() == run.store.head()
            return run.store.head().hash

    head = asyncio.run(scene())
    before = {p: p.stat().st_mtime_ns for p in Path("runs/one").iterdir() if p.suffix != ".db-shm"}
    with reading(Path("runs/one"), Environment.read()) as found:
        assert found.store.head().hash == head
        assert found.task.name == "toy"
        assert found.view.trial(0).looks == 5
        assert found.manifest.settings["task"] == "toy"
        assert b"degree" in found.code.tree(found.view.trial(0).submission.commit).read("fit.py")
    assert {p: p.stat().st_mtime_ns for p in before} == before


def test_a_folder_that_is_no_run(place: Path) -> None:
    with pytest.raises(UserError, match="is not a run"), reading(place, Environment.read()):
        pass


def test_the_store_closes_whatever_happens(open_run: OpenRun) -> None:
    async def scene() -> None:
        async with open_run(store="") as run:
            await ensure_baseline(run)

    asyncio.run(scene())
    with pytest.raises(LookupError), reading(Path("runs/one"), Environment.read()) as found:
        raise LookupError
    with pytest.raises(Exception, match="closed"):
        found.store.head()


def test_where_the_lineage_lies() -> None:
    folder = RunFolder(Path("runs/one"))
    assert store_url(SettingsBook({}), folder) == "sqlite:runs/one/lineage.db"
    said = SettingsBook({"store": Value(value="sqlite:else.db", source="--store")})
    assert store_url(said, folder) == "sqlite:else.db"
