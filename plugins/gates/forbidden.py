"""Names that no training recipe needs: other processes, the network, code made from text."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import Enum
from fnmatch import fnmatchcase
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
    parts = use.name.split(".")
    if _any(parts, settings.allowed):
        return False
    return (
        _any(parts, settings.forbidden)
        or (use.kind is Kind.IMPORTED and _any(parts, MODULES))
        or (use.kind is Kind.NAME and parts[0] in BARE)
        or not ATTRIBUTES.isdisjoint(parts[1:])
    )


def _any(parts: Sequence[str], patterns: Iterable[str]) -> bool:
    """Whether a dotted name, or a package that it begins with, is meant."""
    starts = [".".join(parts[:end]) for end in range(1, len(parts) + 1)]
    return any(fnmatchcase(start, pattern) for pattern in patterns for start in starts)


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
    aliases = dict(_imported(nodes))
    for node in nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Use(Kind.IMPORTED, alias.name, node.lineno)
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                yield Use(Kind.IMPORTED, f"{node.module or ''}.{alias.name}", node.lineno)
        elif isinstance(node, ast.Name | ast.Attribute):
            yield _dotted(node, aliases)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str | bytes):
            text = node.value if isinstance(node.value, str) else node.value.decode("latin-1")
            yield Use(Kind.STRING, text, node.lineno)


def _imported(nodes: Iterable[ast.AST]) -> Iterator[tuple[str, str]]:
    """What each imported name stands for."""
    for node in nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                whole, first = alias.name, alias.name.partition(".")[0]
                yield (alias.asname, whole) if alias.asname else (first, first)
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                yield alias.asname or alias.name, f"{node.module or ''}.{alias.name}"


def _dotted(node: ast.Name | ast.Attribute, aliases: Mapping[str, str]) -> Use:
    """`os.path.join`; `?.join` where what stands before the dot has no name."""
    parts: list[str] = []
    inner: ast.expr = node
    while isinstance(inner, ast.Attribute):
        parts.append(inner.attr)
        inner = inner.value
    root = inner.id if isinstance(inner, ast.Name) else "?"
    name = ".".join([aliases.get(root, root), *reversed(parts)])
    return Use(Kind.IMPORTED if root in aliases else Kind.NAME, name, node.lineno)
