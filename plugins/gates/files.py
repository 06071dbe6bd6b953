"""Which files there are, and which of them an edit may touch."""

from __future__ import annotations

from collections.abc import Iterator

from autores.globs import is_editable, matches_any
from autores.plugins.gates.edit import Edit
from autores.records import Recipe, Violation
from autores.workspace import names
from autores.workspace.changes import FileChange


def check(edit: Edit) -> Iterator[Violation]:
    """Names, kinds of files, protected files, and the globs of what may be edited."""
    yield from names.check_paths(edit.tree)
    yield from _kinds(edit)
    if not edit.is_seed:
        for change in edit.changes:
            yield from _touched(edit.task.recipe, change)


def _kinds(edit: Edit) -> Iterator[Violation]:
    kind_of = getattr(edit.tree, "kind", lambda path: "")
    for path in edit.tree:
        if kind := kind_of(path):
            yield names.irregular(path, kind)


def _touched(recipe: Recipe, change: FileChange) -> Iterator[Violation]:
    path = change.path
    if matches_any(path, recipe.protected):
        yield _object(change, "protected-file", "this file is protected.", "Restore it.")
    elif not is_editable(recipe, path):
        globs = ", ".join(recipe.editable)
        fix = f"Restore it; editable are {globs}."
        yield _object(change, "not-editable", "this file may not be edited.", fix)
    elif change.old is None and not recipe.may_add_files:
        message, fix = "this recipe's files are fixed.", "Put the code into a file that is there."
        yield _object(change, "file-added", message, fix)


def _object(change: FileChange, rule: str, message: str, fix: str) -> Violation:
    line = next(iter(change.lines[1]), 0)
    return Violation(rule=rule, message=message, fix=fix, path=names.shown(change.path), line=line)
