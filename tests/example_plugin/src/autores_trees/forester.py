"""A specialist for how trees grow."""

from __future__ import annotations

from autores import hookimpl
from autores.records import Specialist


@hookimpl
def autores_specialists() -> tuple[Specialist, ...]:
    """One who owns the only surface there is."""
    return (
        Specialist(
            key="forester",
            title="Forester",
            surfaces=("growth",),
            aliases=("wood",),
            preamble="You know how trees grow: fast when young, hardly at all when old.",
        ),
    )
