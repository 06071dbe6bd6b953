"""A screen that shows a run while it goes on; plain lines where there is none."""

from __future__ import annotations

from contextlib import AbstractContextManager

from rich.console import Console

from autores import hookimpl
from autores.config import SettingsBook
from autores.plugins.reporters.live.watcher import Lines, Settings, Watcher
from autores.scene import Scene

NARROWEST = 50
"""Columns below which lines are more readable than a screen."""
LOWEST = 10

__all__ = ["Settings", "autores_watch"]


@hookimpl
def autores_watch(scene: Scene, settings: SettingsBook) -> AbstractContextManager[object]:
    """Draw on standard error, so that standard output stays for results."""
    console = Console(stderr=True, no_color=not settings.environment.colour)
    if not console.is_terminal or console.width < NARROWEST or console.height < LOWEST:
        return Lines()
    return Watcher(scene, console, settings.of(Settings))
