"""Arms: which specialists a run has, and what they may see. Configuration, not code paths."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from autores.config import RunSettings
from autores.errors import UserError, unknown
from autores.records import Specialist, Task

GENERALIST = "generalist"
GENERIC = "generic:"
MOST_GENERIC = 26


def by_name(specialists: Iterable[Specialist]) -> dict[str, Specialist]:
    """Keys and aliases to specialists.

    Raises:
        UserError: Two specialists claim one name.
    """
    found: dict[str, Specialist] = {}
    for specialist in specialists:
        for name in (specialist.key, *specialist.aliases):
            if found.setdefault(name, specialist) is not specialist:
                raise UserError(
                    f"two specialists are called {name!r}: {found[name].title} and "
                    f"{specialist.title}; switch one off with -p no:NAME"
                )
    return found


def chosen(settings: RunSettings, task: Task, known: Mapping[str, Specialist]) -> list[Specialist]:
    """The specialists of a run, in the order of their turns.

    Raises:
        UserError: There is no such arm or specialist.
    """
    arm = settings.arm
    if arm == GENERALIST:
        return [_named(GENERALIST, known)]
    if arm.startswith(GENERIC):
        return _generic(arm, _named(GENERALIST, known))
    if arm != "specialists":
        raise unknown("arm", arm, ("specialists", GENERALIST, f"{GENERIC}10"))
    names = settings.specialists or task.default_specialists or (GENERALIST,)
    return list(dict.fromkeys(_named(name, known) for name in names))


def hidden(settings: RunSettings) -> tuple[str, ...]:
    """What sessions of this arm do not see; stands in `run.toml`."""
    if settings.lineage:
        return ()
    return (
        "other sessions' trials in context, tools, paths, refs and ids",
        "leaderboard, path, children, recent activity and saturation of the run",
        "workspaces of earlier sessions",
    )


def _named(name: str, known: Mapping[str, Specialist]) -> Specialist:
    if name not in known:
        raise unknown("specialist", name, known)
    return known[name]


def _generic(arm: str, generalist: Specialist) -> list[Specialist]:
    """N equal generalists, told apart by name alone."""
    count = arm.removeprefix(GENERIC)
    if not count.isdecimal() or not 0 < int(count) <= MOST_GENERIC:
        raise UserError(f"arm {arm!r}: write generic:N with N from 1 to {MOST_GENERIC}")
    letters = (chr(ord("a") + number) for number in range(int(count)))
    return [replace(generalist, key=f"gen{letter}", aliases=()) for letter in letters]
