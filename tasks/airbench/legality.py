"""What this task asks of a recipe, besides the gates that every task has.

A recipe could carry answers about the held-out pictures in its own text. Their order is secret
and the artifact is weighed; what is left is closed here, by a limit on what the constants of
the text can hold.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from autores.records import Severity, Tree, Violation
from autores.status import Cause
from autores.workspace.syntax import Form, Unit, fault, nodes, parse, units

ENTRY = "train.py"
LONGEST_LITERAL = 400
"""Bytes of one string, or of one list of constants; docstrings are free."""
ALL_LITERALS = 8_000
"""Bytes of all constants of a file together; the seed recipe has about 1,500."""
LONGEST_FILE = 200_000
PROXY_KNOBS = ("keep", "proxy_every")
Nodes = Sequence[ast.AST]
_HOLDERS = (ast.Constant, ast.List, ast.Tuple, ast.Set, ast.Dict)
_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
_SPEAKS = {
    "ready": "call harness.ready() when everything is built and warm",
    "done": "hand the weights over with harness.done(artifact)",
    "serve": "answer with harness.serve(predict), or loop over harness.stream()",
}


def check_tree(tree: Tree) -> Iterator[Violation]:
    """Everything that is wrong with the files of a submission."""
    if ENTRY not in tree:
        yield Violation(
            rule="entry",
            message=f"there is no {ENTRY}.",
            fix=f"Keep the recipe in {ENTRY}.",
            path=ENTRY,
            cause=Cause.LAUNCH,
        )
    for path in tree:
        if path.endswith(".py"):
            yield from check_source(path, tree.read(path))


def check_effect(tree: Tree, sizes: Mapping[str, Any]) -> Iterator[Violation]:
    """Whether all that was edited lies idle in this profile: a look at it would be wasted."""
    parent: Tree | None = getattr(tree, "parent", None)
    if parent is None or sizes["proxy_widths"] or ENTRY not in parent or ENTRY not in tree:
        return
    before, after = parent.read(ENTRY), tree.read(ENTRY)
    if before != after and _do_the_same(before, after):
        yield Violation(
            rule="no-effect",
            message=f"profiles without a proxy net do not use {' and '.join(PROXY_KNOBS)}.",
            fix="Edit something that this profile uses.",
            path=ENTRY,
        )


def _do_the_same(before: bytes, after: bytes) -> bool:
    """Whether two recipes differ in the knobs of their proxy nets at most."""
    modules = parse(before), parse(after)
    return None not in modules and len({_active(module) for module in modules if module}) == 1


def _active(module: ast.Module) -> tuple[Form, ...]:
    """What a recipe says without the knobs of its proxy net."""
    return tuple(unit.form for unit in units(module) if not _sets_proxy_knob(unit))


def _sets_proxy_knob(unit: Unit) -> bool:
    """Whether it gives a plain value to one of them."""
    node = unit.node
    if unit.name not in PROXY_KNOBS or not isinstance(node, ast.Assign):
        return False
    try:
        ast.literal_eval(node.value)
    except ValueError:
        return False
    return isinstance(node.targets[0], ast.Name)


def check_source(path: str, data: bytes) -> Iterator[Violation]:
    """Everything that is wrong with one file."""
    if len(data) > LONGEST_FILE:
        yield Violation(
            rule="file-size",
            message=f"{len(data):,} bytes of at most {LONGEST_FILE:,}.",
            fix="Shorten the file.",
            path=path,
        )
        return
    if found := fault(data):
        yield Violation(
            rule="syntax",
            message=f"not Python: {found.why}.",
            fix="Mend the syntax.",
            path=path,
            line=found.line,
            cause=Cause.SYNTAX,
        )
    if module := parse(data):
        yield from _literals(path, nodes(module))
        if path == ENTRY:
            yield from _protocol(path, nodes(module))


def _literals(path: str, nodes: Nodes) -> Iterator[Violation]:
    free = set(_docstrings(nodes))
    total = 0
    for node in nodes:
        if not isinstance(node, _HOLDERS) or id(node) in free:
            continue
        size = _weight(node)
        if isinstance(node, ast.Constant):
            total += size
        if size > LONGEST_LITERAL:
            yield Violation(
                rule="literal-size",
                message=f"a literal of {size:,} bytes; at most {LONGEST_LITERAL} are allowed.",
                fix="Compute the values, or learn them from the training data.",
                path=path,
                line=node.lineno,
            )
    if total > ALL_LITERALS:
        yield Violation(
            rule="literals-size",
            message=f"literals of {total:,} bytes together; at most {ALL_LITERALS:,} are allowed.",
            fix="Compute the values, or learn them from the training data.",
            path=path,
        )


def _docstrings(nodes: Nodes) -> Iterator[int]:
    for node in nodes:
        if isinstance(node, _DOCUMENTED):
            first = node.body[0] if node.body else None
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                yield id(first.value)


def _weight(node: ast.AST) -> int:
    """How many bytes a constant, or a display of constants, can hold."""
    if isinstance(node, ast.Constant):
        return _held_by(node.value)
    if isinstance(node, ast.List | ast.Tuple | ast.Set):
        return sum(_held_by(e.value) for e in node.elts if isinstance(e, ast.Constant))
    if isinstance(node, ast.Dict):
        both: Iterable[ast.expr | None] = (*node.keys, *node.values)
        return sum(_held_by(e.value) for e in both if isinstance(e, ast.Constant))
    return 0


def _held_by(value: object) -> int:
    if isinstance(value, str):
        return len(value.encode("utf-8", "surrogatepass"))
    if isinstance(value, bytes):
        return len(value)
    if isinstance(value, bool) or value is None or value is Ellipsis:
        return 1
    if isinstance(value, int):
        return 1 + value.bit_length() // 8
    return 16 if isinstance(value, complex) else 8


def _protocol(path: str, nodes: Nodes) -> Iterator[Violation]:
    said = set()
    for node in nodes:
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            said |= {node.attr} if node.value.id == "harness" else set()
        elif isinstance(node, ast.ImportFrom) and node.module == "harness":
            said |= {alias.name for alias in node.names}
    if "stream" in said:
        said.add("serve")
    for word, fix in _SPEAKS.items():
        if word not in said:
            yield Violation(
                rule="protocol",
                message=f"the recipe never says {word!r} to the harness.",
                fix=f"{fix[0].upper()}{fix[1:]}.",
                severity=Severity.WARN,
                path=path,
            )
