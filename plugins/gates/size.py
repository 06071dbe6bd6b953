"""How large a recipe may be."""

from __future__ import annotations

from collections.abc import Iterator

from autores.plugins.gates.edit import Edit
from autores.records import Violation
from autores.workspace.changes import content
from autores.workspace.names import shown

RULES = frozenset({"tree-files", "file-size", "tree-size"})
FIX = "Keep data, weights and generated code out of the recipe."


def check(edit: Edit) -> Iterator[Violation]:
    """Files, bytes of each, bytes of all."""
    limits = edit.settings
    sizes = {path: len(content(edit.tree, path)) for path in edit.tree}
    if len(sizes) > limits.files:
        yield _over("tree-files", f"{len(sizes):,} files", limits.files)
    for path, size in sizes.items():
        if size > limits.file_bytes:
            yield _over("file-size", f"{size:,} bytes", limits.file_bytes, path)
    if (total := sum(sizes.values())) > limits.tree_bytes:
        yield _over("tree-size", f"{total:,} bytes together", limits.tree_bytes)


def _over(rule: str, found: str, limit: int, path: str = "") -> Violation:
    message = f"{found}; at most {limit:,} are allowed."
    return Violation(rule=rule, message=message, fix=FIX, path=shown(path))
