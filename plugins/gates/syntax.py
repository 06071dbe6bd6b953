"""Whether what should be Python is Python."""

from __future__ import annotations

import warnings
from collections.abc import Iterator

from autores.plugins.gates.edit import Edit
from autores.records import Violation
from autores.status import Cause
from autores.workspace.names import shown
from autores.workspace.syntax import parse


def check(edit: Edit) -> Iterator[Violation]:
    """Compile each new or edited file, and forget what comes of it."""
    for change in edit.sources:
        if len(change.after) <= edit.settings.file_bytes:
            yield from _compiled(change.path, change.after)


def _compiled(path: str, data: bytes) -> Iterator[Violation]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(data, path, "exec", dont_inherit=True)
    except SyntaxError as error:
        yield _not_python(path, error.lineno or 0, error.msg)
    except (ValueError, RecursionError, MemoryError) as error:
        yield _not_python(path, 0, str(error) or "it is nested too deeply")
    else:
        if parse(data) is None:
            yield _not_python(path, 0, "too large, too deeply nested, or with too long a number")


def _not_python(path: str, line: int, why: str) -> Violation:
    return Violation(
        rule="syntax",
        message=f"not Python: {why}.",
        fix="Mend the syntax.",
        path=shown(path),
        line=line,
        cause=Cause.SYNTAX,
    )
