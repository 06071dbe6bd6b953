"""Keeps the screen up to date from a thread of its own, at a bounded share of a core."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live

from autores import hookimpl
from autores.events import Event
from autores.lineage.view import LineageView
from autores.plugins.reporters import plain
from autores.plugins.reporters.live.screen import screen
from autores.readmodel import Moment, Now
from autores.scene import Scene

SHARE = 0.015
"""Of a core: after each drawing comes a pause so long that drawing takes no more than this."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How the screen behaves."""

    refresh: float = field(default=1.0, metadata={"help": "seconds between two drawings, at least"})


class Lines:
    """What is said where no screen can be drawn."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    @hookimpl
    def autores_event(self, event: Event, view: LineageView) -> None:
        """As the plain reporter does."""
        plain.autores_event(event=event, view=view)


class Watcher:
    """Hears of events in the run's thread and draws in its own."""

    def __init__(self, scene: Scene, console: Console, settings: Settings) -> None:
        """Watch a run on a console."""
        self._scene = scene
        self._settings = settings
        self._live = Live(console=console, auto_refresh=False, transient=True)
        self._moment = Moment(view=scene.view())
        self._hearing = threading.Lock()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._draw_until_over, name="live", daemon=True)

    def __enter__(self) -> Self:
        self._live.start()
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        self._thread.join()
        self._live.stop()

    @hookimpl
    def autores_event(self, event: Event) -> None:
        """Note it; drawing is not done here."""
        with self._hearing:
            self._moment.take(event)

    def _draw_until_over(self) -> None:
        pause = 0.0
        while not self._over.wait(pause):
            began = time.thread_time()
            try:
                self._draw()
            except Exception:
                log.warning("the screen could not be drawn", exc_info=True)
            used = time.thread_time() - began
            pause = max(self._settings.refresh, used / SHARE)

    def _draw(self) -> None:
        console = self._live.console
        now = self._now(console.height)
        drawn = screen(now, self._scene, time.time(), width=console.width, height=console.height)
        self._live.update(drawn, refresh=True)

    def _now(self, height: int) -> Now:
        with self._hearing:
            return self._moment.now(recent=height, view=self._scene.view())
