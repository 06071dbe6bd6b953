"""The tools that every agent has: files, checks, the lineage, submitting."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from autores import hookimpl
from autores.config import SettingsBook
from autores.plugins.tools.checks import TOOLS as CHECKING
from autores.plugins.tools.editing import TOOLS as EDITING
from autores.plugins.tools.files import TOOLS as READING
from autores.plugins.tools.lineage import TOOLS as REMEMBERING
from autores.plugins.tools.shell import TOOLS as SHELL
from autores.plugins.tools.submitting import TOOLS as SUBMITTING
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
    extra = SHELL if settings.of(Settings).shell else ()
    return (*READING, *EDITING, *CHECKING, *REMEMBERING, *SUBMITTING, *extra)
