from __future__ import annotations

import io
import time

import pytest
from rich.console import Console

from autores.config import Environment, SettingsBook
from autores.lineage.store import LineageStore
from autores.plugins.reporters.live import Settings, autores_watch
from autores.plugins.reporters.live.watcher import Lines, Watcher
from autores.scene import Scene
from autores.status import Verdict
from autores.testing.stores import life


def screen_of(columns: int = 100) -> Console:
    return Console(file=io.StringIO(), width=columns, height=30, force_terminal=True)


def test_it_draws_what_happens_and_leaves_the_screen_clean(
    scene: Scene, store: LineageStore
) -> None:
    console = screen_of()
    with Watcher(scene, console, Settings(refresh=0.01)) as watcher:
        for event in store.append(lambda head: life(4, 0.4, Verdict.LEAD, parents=[2])):
            watcher.autores_event(event=event)
        deadline = time.monotonic() + 20
        while "0.4000" not in console.file.getvalue():  # type: ignore[attr-defined]
            assert time.monotonic() < deadline
            time.sleep(0.01)
    assert console.file.getvalue().endswith("\x1b[2K")  # type: ignore[attr-defined]


def test_drawing_takes_a_bounded_share_of_a_core(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawings: list[float] = []

    def draw(self: Watcher) -> None:
        drawings.append(time.thread_time())
        while time.thread_time() < drawings[-1] + 0.02:
            pass

    monkeypatch.setattr(Watcher, "_draw", draw)
    with Watcher(scene, screen_of(), Settings(refresh=0.0)):
        time.sleep(0.5)
    assert len(drawings) == 1  # the next is due after 20 ms / 1.5 % of a core


def test_a_failure_to_draw_is_logged_and_nothing_more(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def draw(self: Watcher) -> None:
        raise ValueError("no screen")

    monkeypatch.setattr(Watcher, "_draw", draw)
    with Watcher(scene, screen_of(), Settings(refresh=0.01)):
        time.sleep(0.05)
    assert "could not be drawn" in caplog.text


def test_where_there_is_no_screen_lines_are_said(
    scene: Scene, store: LineageStore, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = SettingsBook({}, {Settings: "reporter.live"}, Environment())
    watcher = autores_watch(scene=scene, settings=settings)
    assert isinstance(watcher, Lines)
    with watcher:
        for event in store.since(0):
            watcher.autores_event(event=event, view=scene.view())
    said = capsys.readouterr().err
    assert "0001 optim" in said
    assert "\x1b" not in said
