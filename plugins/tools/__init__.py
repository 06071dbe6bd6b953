"""The tools that every agent has: files, checks, the lineage, submitting."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from autores import hookimpl
from autores.config import SettingsBook
from autores.plugins.tools import checks, editing, files, lineage, shell, submitting
from autores.tools import Tool


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What agents may do besides."""

    shell: bool = field(
        default=False, metadata={"help": "a shell for reading and trying, in the sandbox"}
    )


@hookimpl
def autores_tools(settings: SettingsBook) -> Iterable[Tool]:
    """All of them; the shell only where it was asked for."""
    extra = shell.TOOLS if settings.of(Settings).shell else ()
    return (
        *files.TOOLS,
        *editing.TOOLS,
        *checks.TOOLS,
        *lineage.TOOLS,
        *submitting.TOOLS,
        *extra,
    )
