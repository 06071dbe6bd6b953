"""Names that no training recipe needs: other processes, the network, code made from text."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import Enum
from functools import cache
from typing import NamedTuple

from autores.plugins.gates.edit import Edit
from autores.plugins.gates.settings import Settings
from autores.records import Violation
from autores.workspace import syntax
from autores.workspace.names import shown

MODULES = (
    # code that no gate has read
    *("importlib", "runpy", "imp", "marshal", "code", "codeop", "zipimport", "builtins"),
    *("types.CodeType", "types.FunctionType"),
    # other processes and the network
    *("subprocess", "pty", "socket", "ssl", "http", "urllib", "ftplib", "smtplib", "requests"),
    *("os.system", "os.popen", "os.fork*", "os.exec*", "os.spawn*", "os.posix_spawn*", "os.kill*"),
    # the interpreter and the machine from below, and the harness itself
    *("ctypes", "cffi", "mmap", "gc.get_objects", "gc.get_referrers", "sys._getframe"),
    *("sys.settrace", "sys.setprofile", "sys.modules", "inspect.stack", "inspect.currentframe"),
    "autores",
)
"""Imported names, with all that lies below them."""
BARE = frozenset({"eval", "exec", "compile", "__import__", "__builtins__", "breakpoint"})
ATTRIBUTES = frozenset(
    {"__subclasses__", "__globals__", "__builtins__", "__code__", "f_back", "f_globals", "f_locals"}
)
STRINGS = ("/proc/", "held_out", "LD_PRELOAD", "AUTORES_", "__builtins__", "__subclasses__")


class Kind(Enum):
    """How a recipe says a name."""

    IMPORTED = "imported"
    NAME = "name"
    STRING = "string"


class Use(NamedTuple):
    """A name, and where it is said first."""

    kind: Kind
    name: str
    line: int


_NAMELESS = Use(Kind.NAME, "?", 0)


def check(edit: Edit) -> Iterator[Violation]:
    """What is new in this edit; a name that the recipe used before stays allowed."""
    if edit.is_seed:
        return
    known = {use.name for module in edit.modules_before for use in uses(module)}
    for change in edit.sources:
        module = change.modules[1]
        said, judged = set(known), set()
        for use in uses(module) if module else ():
            what = use.kind, use.name
            if use.name in said or what in judged:
                continue
            judged.add(what)
            if _is_forbidden(use, edit.settings):
                said.add(use.name)
                yield _refused(change.path, use)


def _is_forbidden(use: Use, settings: Settings) -> bool:
    if use.kind is Kind.STRING:
        return any(text in use.name for text in STRINGS)
    if _any_of(settings.allowed).match(use.name):
        return False
    _, dot, last = use.name.rpartition(".")
    return bool(
        _any_of(settings.forbidden).match(use.name)
        or (use.kind is Kind.IMPORTED and _any_of(MODULES).match(use.name))
        or (use.kind is Kind.NAME and use.name.partition(".")[0] in BARE)
        or (dot and last in ATTRIBUTES)  # one further in is a use of its own
    )


@cache
def _any_of(names: tuple[str, ...]) -> re.Pattern[str]:
    """Dotted names with `*`, and all that lies below them."""
    parts = [re.escape(name).replace(r"\*", ".*") for name in names]
    return re.compile(rf"(?:{'|'.join(parts)})(?:\.|\Z)" if parts else "(?!)")


def _refused(path: str, use: Use) -> Violation:
    shortened = use.name if len(use.name) <= 60 else f"{use.name[:60]}…"
    return Violation(
        rule="forbidden-name",
        message=f"recipes may not use {shortened!a}.",
        fix="Do without it: a recipe computes in its own process, from its own data.",
        path=shown(path),
        line=use.line,
    )


def uses(module: ast.Module) -> Iterator[Use]:
    """The dotted names that a module uses, aliases resolved, and its strings."""
    nodes = syntax.nodes(module)
    imports = [node for node in nodes if isinstance(node, syntax.IMPORTS)]
    for node in imports:
        for alias in node.names:
            yield Use(Kind.IMPORTED, _whole(node, alias), node.lineno)
    dotted = _dotted(nodes, dict(_aliases(imports)))
    for part in nodes:
        if part in dotted:
            yield dotted[part]
        elif isinstance(part, ast.Constant) and isinstance(part.value, (str, bytes)):
            text = part.value if isinstance(part.value, str) else part.value.decode("latin-1")
            yield Use(Kind.STRING, text, part.lineno)


def _whole(node: ast.Import | ast.ImportFrom, alias: ast.alias) -> str:
    return f"{node.module or ''}.{alias.name}" if isinstance(node, ast.ImportFrom) else alias.name


def _aliases(imports: Iterable[ast.Import | ast.ImportFrom]) -> Iterator[tuple[str, str]]:
    """What each imported name stands for."""
    for node in imports:
        for alias in node.names:
            if alias.asname or isinstance(node, ast.ImportFrom):
                yield alias.asname or alias.name, _whole(node, alias)
            else:
                first = alias.name.partition(".")[0]
                yield first, first


def _dotted(nodes: Sequence[ast.AST], aliases: Mapping[str, str]) -> dict[ast.AST, Use]:
    """`os.path.join`; `?.join` where what stands before the dot has no name."""
    found: dict[ast.AST, Use] = {}
    for node in reversed(nodes):  # what stands before a dot comes before the whole
        if isinstance(node, ast.Name):
            kind = Kind.IMPORTED if node.id in aliases else Kind.NAME
            found[node] = Use(kind, aliases.get(node.id, node.id), node.lineno)
        elif isinstance(node, ast.Attribute):
            kind, root, _ = found.get(node.value, _NAMELESS)
            found[node] = Use(kind, f"{root}.{node.attr}", node.lineno)
    return found
