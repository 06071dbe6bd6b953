"""Says on standard error that something goes on, and how far it is."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from autores.rendering import duration

LONG = 1.0
"""Seconds after which a log gets a line on what took so long."""


@contextmanager
def progress(title: str, total: float | None = None) -> Iterator[Callable[[float], None]]:
    """Show a bar while the block runs: on a screen only, and gone when it is done.

    Elsewhere one line says afterwards what took longer than a second.

    Args:
        title: What goes on, as in `decode pictures`.
        total: How much there is to do; None where nobody knows.

    Yields:
        A function that is told how much more has been done.
    """
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    console, began = Console(stderr=True), time.monotonic()
    if not console.is_terminal:
        yield lambda more: None
        passed = time.monotonic() - began
        if passed > LONG:
            console.print(f"{title}: {duration(passed)}", highlight=False, markup=False)
        return
    endless = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    columns = Progress.get_default_columns() if total else endless
    with Progress(*columns, console=console, transient=True, refresh_per_second=4) as bar:
        task = bar.add_task(title.replace("[", r"\["), total=total)
        yield lambda more: bar.advance(task, more)
