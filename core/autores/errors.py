"""Three kinds of error: the user can fix it, a plugin's author can, or it is our bug."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from enum import IntEnum

MOST_NAMES = 12
"""That a message lists where none comes near."""


class ExitCode(IntEnum):
    """What the `autores` command says to the shell."""

    DONE = 0
    """The work was done; a budget that ended a run is done too."""
    FAILED = 1
    """The run could not go on."""
    USAGE = 2
    """The command or its configuration was wrong; the message says how to mend it."""
    BUG = 3
    """An error in autores itself; the traceback is printed."""
    INTERRUPTED = 130
    """Stopped by Ctrl-C or SIGTERM."""


class AutoresError(Exception):
    """Base of the errors that are shown as one line, without a traceback."""

    exit_code = ExitCode.FAILED


class UserError(AutoresError):
    """Something that the user can mend: the message says what and how."""

    exit_code = ExitCode.USAGE


class PluginError(AutoresError):
    """A plugin that cannot be used: names the plugin, its distribution and the fix."""

    exit_code = ExitCode.USAGE

    def __init__(self, plugin: str, distribution: str, problem: str, fix: str) -> None:
        super().__init__(f"plugin {plugin!r} ({distribution}): {problem}; {fix}")
        self.plugin = plugin
        self.distribution = distribution
        self.problem = problem
        self.fix = fix


class RunFailed(AutoresError):
    """The run cannot go on: a store that is gone, a baseline that does not run."""


def unknown(kind: str, name: str, known: Iterable[str]) -> UserError:
    """Say that a name is not known, and which ones come nearest."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.5) or names
    listing = ", ".join(near[:MOST_NAMES]) if near else "none is installed"
    if len(near) > MOST_NAMES:
        listing += f" and {len(near) - MOST_NAMES} more"
    return UserError(f"unknown {kind} {name!r}; known: {listing}")
