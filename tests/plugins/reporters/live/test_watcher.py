from __future__ import annotations

import io
import time
from collections.abc import Callable

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


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_it_draws_what_happens_and_leaves_the_screen_clean(
    scene: Scene, store: LineageStore
) -> None:
    console = screen_of()
    with Watcher(scene, console, Settings(refresh=0.01)) as watcher:
        for event in store.append(lambda head: life(4, 0.4, Verdict.LEAD, parents=[2])):
            watcher.autores_event(event=event)
        until(lambda: "0.4000" in console.file.getvalue())  # type: ignore[attr-defined]
    assert console.file.getvalue().endswith("\x1b[2K")  # type: ignore[attr-defined]


def test_drawing_takes_a_bounded_share_of_a_core(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawings: list[float] = []

    paused: list[float] = []

    def draw(self: Watcher) -> None:
        drawings.append(time.thread_time())
        while time.thread_time() < drawings[-1] + 0.02:
            pass

    def pause(self: Watcher, seconds: float) -> bool:
        paused.append(seconds)
        return len(drawings) == 3

    monkeypatch.setattr(Watcher, "_draw", draw)
    watcher = Watcher(scene, screen_of(), Settings(refresh=0.0))
    monkeypatch.setattr(watcher._over, "wait", lambda seconds: pause(watcher, seconds))
    with watcher:
        watcher._thread.join()
    assert len(paused) == 4 and paused[0] == 0
    assert min(paused[1:]) > 1.3  # 20 ms are 1.5 % of a core for that long


def test_a_failure_to_draw_is_logged_and_nothing_more(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def draw(self: Watcher) -> None:
        raise ValueError("no screen")

    monkeypatch.setattr(Watcher, "_draw", draw)
    with Watcher(scene, screen_of(), Settings(refresh=0.01)):
        until(lambda: "could not be drawn" in caplog.text)
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
