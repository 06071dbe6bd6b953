from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Self

import pytest

from autores import hookimpl
from autores.config import SettingsBook
from autores.executor import Capacity
from autores.folder import RunFolder
from autores.manager import PluginManager
from autores.manifest import Manifest
from autores.records import Budget, Lease
from autores.scene import Scene, watched
from autores.stop import Stop


class Watcher:
    def __init__(self, heard: list[str]) -> None:
        self.heard = heard

    def __enter__(self) -> Self:
        self.heard.append("began")
        return self

    def __exit__(self, *_: object) -> None:
        self.heard.append("ended")

    @hookimpl
    def autores_event(self, event: Any) -> None:
        self.heard.append(event)


class Plugin:
    def __init__(self, heard: list[str]) -> None:
        self.heard = heard
        self.scenes: list[Scene] = []

    @hookimpl
    def autores_watch(self, scene: Scene) -> Watcher:
        self.scenes.append(scene)
        return Watcher(self.heard)


@pytest.fixture
def run(tmp_path: Path) -> Any:
    folder = RunFolder(tmp_path)
    tables: Any = {name: {} for name in Manifest.__dataclass_fields__} | {"run": {"began": 5.0}}
    Manifest(**tables).write(folder.manifest)
    return SimpleNamespace(
        plugins=PluginManager(),
        settings=SettingsBook({}),
        folder=folder,
        task="a task",
        budget=Budget(trials=3),
        executor=SimpleNamespace(capacity=lambda: Capacity(jobs=2, cpus=2)),
        laboratory=SimpleNamespace(
            conditions=SimpleNamespace(limits=SimpleNamespace(lease=Lease.HOST))
        ),
        active=Counter(arch=2, optim=0),
        view=lambda active: active,
    )


@contextmanager
def running(run: Any, heard: list[str], stop: Any) -> Iterator[Scene]:
    plugin = Plugin(heard)
    run.plugins.register(plugin, "mine")
    with watched(run, stop):
        yield plugin.scenes[0]


def test_a_watcher_hears_what_happens_while_it_watches(run: Any) -> None:
    heard: list[str] = []
    with running(run, heard, SimpleNamespace(reason="")):
        run.plugins.hook.autores_event(event="kept", view=None, settings=None)
    assert heard == ["began", "kept", "ended"]


def test_a_watcher_is_told_of_the_end_of_a_run_that_fails(run: Any) -> None:
    heard: list[str] = []
    with pytest.raises(OSError, match="full"), running(run, heard, SimpleNamespace(reason="")):
        raise OSError("full")
    assert heard == ["began", "ended"]


def test_a_scene_says_what_the_run_is(run: Any) -> None:
    stop = Stop()
    with running(run, [], stop) as scene:
        assert (scene.began, scene.lease, scene.milestone) == (5.0, Lease.HOST, 20)
        assert scene.view() == ("arch", "arch")
        assert scene.stopping() == ""
        stop.request("enough")
        assert scene.stopping() == "enough"
