"""A run that is looked at: its lineage and code, without working on it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from autores.archive.taking import reopened
from autores.config import Environment, SettingsBook, Value
from autores.errors import UserError
from autores.folder import RunFolder
from autores.lineage.store import LineageStore
from autores.lineage.view import LineageView
from autores.loading import load_task, scheme_of
from autores.manager import Group, PluginManager
from autores.manifest import Manifest
from autores.records import Task
from autores.workspace.repository import CodeRepository


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What there is to read of a run."""

    folder: RunFolder
    manifest: Manifest
    task: Task
    store: LineageStore
    code: CodeRepository

    @property
    def view(self) -> LineageView:
        """The whole lineage."""
        return LineageView(self.store, self.task)

    def commit(self, trial: int) -> str:
        """Where a trial's code is.

        Raises:
            UserError: It was imported, and its code was not there.
        """
        found = self.store.get(trial).submission.commit
        if not found:
            raise UserError(f"the code of trial {trial} was not imported with it")
        return found


@contextmanager
def reading(root: Path, environment: Environment) -> Iterator[Reading]:
    """Open a run's folder.

    Raises:
        UserError: It is none, or what it needs is not installed.
    """
    folder = RunFolder(root)
    manifest = Manifest.read(folder.manifest)
    imported = reopened(folder, manifest)
    if imported is not None:
        code = CodeRepository.open(folder.code)
        yield Reading(
            folder=folder, manifest=manifest, task=imported.task, store=imported.store, code=code
        )
        return
    values = {n: Value(value=v, source=str(folder.manifest)) for n, v in manifest.settings.items()}
    settings = SettingsBook(values, environment=environment)
    plugins = PluginManager()
    plugins.ask(manifest.run.get("plugins", ()))
    task, _ = load_task(settings, plugins)
    url = store_url(settings, folder)
    plugins.load(Group.STORE, scheme_of(url))
    store: LineageStore | None = plugins.hook.autores_store(url=url)
    if store is None:
        raise UserError(f"no plugin opens the store {url!r}")
    try:
        yield Reading(
            folder=folder,
            manifest=manifest,
            task=task,
            store=store,
            code=CodeRepository.open(folder.code),
        )
    finally:
        store.close()


def store_url(settings: SettingsBook, folder: RunFolder) -> str:
    """Where the lineage lies: what `--store` says, else SQLite in the run's folder."""
    return settings.run.store or f"sqlite:{folder.lineage}"
