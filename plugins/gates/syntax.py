"""Whether what should be Python is Python."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator, Sequence

from autores.plugins.gates.edit import Edit
from autores.records import Violation
from autores.status import Cause
from autores.workspace.names import shown
from autores.workspace.syntax import NOT_PYTHON, Fault, fault, nodes, walk

MOST_COMPILED = 8_000
"""Nodes up to which a file is compiled as well: some code takes compilers their square."""
_MOST_COPIED = 100_000
"""Nodes of `finally` that a compiler repeats, once for each way out."""


def check(edit: Edit) -> Iterator[Violation]:
    """Read each new or edited file; compile it where that is quick, and forget the result."""
    for change in edit.sources:
        module = change.modules[1]
        if found := _compiled(module) if module else fault(change.after):
            yield Violation(
                rule="syntax",
                message=f"not Python: {found.why}.",
                fix="Mend the syntax.",
                path=shown(change.path),
                line=found.line,
                cause=Cause.SYNTAX,
            )


def _compiled(module: ast.Module) -> Fault | None:
    """What only a compiler sees, such as a `return` outside of a function."""
    if not _is_quick(nodes(module)):
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(module, "", "exec", dont_inherit=True)
    except NOT_PYTHON as error:
        return Fault.of(error)
    return None


def _is_quick(nodes: Sequence[ast.AST]) -> bool:
    """Whether a compiler is quick: not so with much code, or `finally` within `finally`."""
    if len(nodes) > MOST_COMPILED:
        return False
    last = walk(*(s for node in nodes for s in getattr(node, "finalbody", ())))
    ways_out = sum(isinstance(node, ast.Return | ast.Break | ast.Continue) for node in nodes)
    return len(last) == len(set(last)) and len(last) * (2 + ways_out) <= _MOST_COPIED
