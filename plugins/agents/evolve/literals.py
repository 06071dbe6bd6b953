"""Literals of a program that have a name, found by its syntax tree and changed in place.

A change replaces the bytes of one literal: all others stay as they are, comments and
spacing included.
"""

from __future__ import annotations

import ast
import math
import operator
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

Value = bool | int | float | str

_LINE_END = re.compile(rb"\r\n|\r|\n")
_BOM = b"\xef\xbb\xbf"
_QUOTED = re.compile(r"""^(["'])\w[\w./-]*\1$""")
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_OPERATORS: Mapping[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.LShift: operator.lshift,
    ast.Pow: operator.pow,
}
_LARGEST = 2.0**62


@dataclass(frozen=True, slots=True, kw_only=True)
class Literal:
    """A constant expression that has a name."""

    identity: str
    """`train.py::SGD.step(alpha)#1`: file, scope, name, and which of that name in the scope.
    Stays the same when values and other code change."""
    name: str
    line: int
    start: int
    """Offset of its first byte."""
    end: int
    value: Value
    text: str
    comment: str = ""
    """What the comment on its line says."""

    def splice(self, source: bytes, text: str) -> bytes:
        """The source with this literal replaced."""
        return source[: self.start] + text.encode() + source[self.end :]


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A parsed file: its literals, and what it says of the values of names."""

    literals: tuple[Literal, ...]
    compared: Mapping[str, frozenset[Value]]
    """Name to the constants that it is compared with."""
    tested: frozenset[str]
    """Names whose truth is asked, so that zero means off."""
    counted: frozenset[str]
    """Names that the program itself counts up or down."""


@lru_cache(maxsize=32)
def parse(path: str, source: bytes) -> Program | None:
    """Read a Python file; None where it does not parse."""
    text = source.removeprefix(_BOM)
    try:
        module = ast.parse(text.decode())
    except (SyntaxError, ValueError):
        return None
    nodes = tuple(ast.walk(module))
    return Program(
        literals=tuple(_literals(path, module, source)),
        compared=_compared(nodes),
        tested=frozenset(_tested(nodes)),
        counted=frozenset(_name(n.target) for n in nodes if isinstance(n, ast.AugAssign)),
    )


def parses(source: bytes) -> bool:
    """Whether it is Python."""
    try:
        ast.parse(source)
    except (SyntaxError, ValueError):
        return False
    return True


def constant(node: ast.expr) -> Value | None:
    """The value of a literal or of arithmetic on number literals; None for anything else."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, bool | int | float | str) else None
    number = _number(node)
    fits = number is not None and math.isfinite(number) and abs(number) <= _LARGEST
    return number if fits else None


def _number(node: ast.expr) -> float | None:
    match node:
        case ast.Constant(value=bool()):
            return None
        case ast.Constant(value=int() | float() as value):
            return value
        case ast.UnaryOp(op=ast.USub(), operand=inner):
            number = _number(inner)
            return None if number is None else -number
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
            a, b = _number(left), _number(right)
            return None if a is None or b is None else _computed(type(op), a, b)
    return None


def _computed(kind: type[ast.operator], a: float, b: float) -> float | None:
    if kind in (ast.Pow, ast.LShift) and abs(b) > 62:
        return None
    try:
        result = _OPERATORS[kind](a, b)
    except (ArithmeticError, TypeError, ValueError):
        return None
    return result if isinstance(result, int | float) else None


# ------------------------------------------------------------------------------ finding


@dataclass(frozen=True, slots=True)
class _Place:
    scope: tuple[str, ...]
    name: str
    node: ast.expr


def _literals(path: str, module: ast.Module, source: bytes) -> Iterator[Literal]:
    offsets = _line_offsets(source)
    seen: Counter[str] = Counter()
    for place in _walk(module, ()):
        value = constant(place.node)
        if value is None:
            continue
        start, end = _span(place.node, offsets)
        text = source[start:end].decode()
        if isinstance(value, str) and not _QUOTED.match(text):
            continue
        stem = f"{path}::{'.'.join((*place.scope, place.name))}"
        seen[stem] += 1
        yield Literal(
            identity=stem if seen[stem] == 1 else f"{stem}#{seen[stem]}",
            name=place.name,
            line=place.node.lineno,
            start=start,
            end=end,
            value=value,
            text=text,
            comment=_comment(source, end),
        )


def _line_offsets(source: bytes) -> list[int]:
    first = len(_BOM) if source.startswith(_BOM) else 0
    return [first, *(match.end() for match in _LINE_END.finditer(source))]


def _span(node: ast.expr, offsets: Sequence[int]) -> tuple[int, int]:
    end_line, end_column = node.end_lineno or node.lineno, node.end_col_offset or 0
    return offsets[node.lineno - 1] + node.col_offset, offsets[end_line - 1] + end_column


def _comment(source: bytes, end: int) -> str:
    stop = _LINE_END.search(source, end)
    rest = source[end : stop.start() if stop else len(source)]
    return rest.decode(errors="replace").partition("#")[2].strip()


def _walk(node: ast.AST, scope: tuple[str, ...]) -> Iterator[_Place]:
    """All named constants, in the order of the program."""
    if isinstance(node, ast.JoinedStr):  # positions inside are not those of the file
        return
    inner = (*scope, node.name) if isinstance(node, _SCOPES) else scope
    for name, value in _named(node):
        for part, element in _elements(name, value):
            yield _Place(inner, part, element)
    for child in ast.iter_child_nodes(node):
        yield from _walk(child, inner)


def _named(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    match node:
        case ast.Assign(targets=[ast.Tuple(elts=names)], value=ast.Tuple(elts=values)):
            yield from ((_name(n), v) for n, v in zip(names, values, strict=False) if _name(n))
        case ast.Assign(targets=[target], value=value) if _name(target):
            yield _name(target), value
        case ast.AnnAssign(target=target, value=ast.expr() as value) if _name(target):
            yield _name(target), value
        case ast.FunctionDef(args=arguments) | ast.AsyncFunctionDef(args=arguments):
            yield from _defaults(arguments)
        case ast.Call(func=function, keywords=keywords):
            yield from ((f"{_name(function) or '·'}({k.arg})", k.value) for k in keywords if k.arg)
        case ast.Dict(keys=keys, values=values):
            for key, value in zip(keys, values, strict=True):
                if isinstance(key, ast.Constant) and isinstance(key.value, str):
                    yield f"[{key.value}]", value


def _name(node: ast.expr) -> str:
    if isinstance(node, ast.Name):
        return node.id
    return node.attr if isinstance(node, ast.Attribute) else ""


def _defaults(arguments: ast.arguments) -> Iterator[tuple[str, ast.expr]]:
    positional = [*arguments.posonlyargs, *arguments.args]
    late = positional[len(positional) - len(arguments.defaults) :]
    yield from ((a.arg, d) for a, d in zip(late, arguments.defaults, strict=True))
    for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        if default is not None:
            yield argument.arg, default


def _elements(name: str, node: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    if isinstance(node, ast.Tuple | ast.List):
        yield from ((f"{name}[{i}]", element) for i, element in enumerate(node.elts))
    else:
        yield name, node


# ----------------------------------------------------------------- what is said of names


def _compared(nodes: Iterable[ast.AST]) -> Mapping[str, frozenset[Value]]:
    found: dict[str, set[Value]] = {}
    for node in nodes:
        if isinstance(node, ast.Compare) and len(node.comparators) == 1 and _name(node.left):
            other = node.comparators[0]
            options = other.elts if isinstance(other, ast.Tuple | ast.Set | ast.List) else [other]
            values = {v for o in options if (v := constant(o)) is not None}
            found.setdefault(_name(node.left), set()).update(values)
    return {name: frozenset(values) for name, values in found.items()}


def _tested(nodes: Iterable[ast.AST]) -> Iterator[str]:
    for node in nodes:
        match node:
            case ast.If(test=test) | ast.IfExp(test=test) | ast.While(test=test):
                yield _name(test)
            case ast.UnaryOp(op=ast.Not(), operand=test):
                yield _name(test)
