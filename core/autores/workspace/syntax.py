"""Recipes as syntax trees: the parts that can have an owner, and when two parts are the same."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from typing import Any, NamedTuple

LARGEST_SOURCE = 1 << 20
"""Bytes of a file above which it is not parsed: recipes are written by hand."""
DEEPEST = 120
"""Levels of nesting above which it is not either; functions here recurse."""
MOST_NODES = 40_000
"""Parts of a file above which it is not either: 200 kB of code have 15,000, dense ones 32,000."""
MOST_UNITS = 5_000
"""Units of a file above which it is not either: 200 kB of any code that we saw have 1,700."""
_MOST_FIELDS = 10**9
"""Braces times bytes: a parser may look through a long f-string anew for each of its fields."""
_REMEMBERED = 256 << 10
"""Bytes of a file whose tree is worth keeping for a while."""
_LONGEST_NUMBER = 10_000
"""Bits; Python itself prints no more than 4,300 digits."""
Form = Any
"""A nested tuple that is equal for equal code, whatever its comments and its layout."""
Predicate = Callable[[ast.AST], bool]

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
DEFINITIONS = (*FUNCTIONS, ast.ClassDef)
IMPORTS = (ast.Import, ast.ImportFrom)
ASSIGNMENTS = (ast.Assign, ast.AnnAssign, ast.AugAssign)
BINDING = (*DEFINITIONS, *ASSIGNMENTS, *IMPORTS)
LOOPS = (ast.For, ast.AsyncFor, ast.While)
_LITERALS = frozenset(
    {ast.Constant, ast.UnaryOp, ast.BinOp, ast.Tuple, ast.List, ast.Set, ast.Dict}
)
COMPOUND = (*LOOPS, ast.If, ast.With, ast.AsyncWith, ast.Try, ast.TryStar, ast.Match)
NOT_PYTHON = (SyntaxError, ValueError, RecursionError, MemoryError)
"""What parsers and compilers raise."""
_NO_PARTS = frozenset(
    {"ctx", "op", "ops", "id", "attr", "arg", "asname", "kind", "type_comment", "type_ignores"}
)
_LAYOUT = frozenset({"ctx", "type_comment", "type_ignores", "kind", "lineno", "end_lineno"})


@dataclass(frozen=True, kw_only=True, eq=False)
class Unit:
    """The smallest part of a module that can have an owner.

    A function, a method, the header of a class, or any other statement of a module or of a
    class body.
    """

    names: tuple[str, ...]
    """What it binds, qualified by the classes around it: `Net.forward`."""
    node: ast.stmt
    parts: tuple[ast.AST, ...]
    """Its code: the node, or for a class its decorators and bases without the body."""
    first: int
    last: int

    @property
    def name(self) -> str:
        """For people: the first name; empty for code that binds none."""
        return self.names[0] if self.names else ""

    @property
    def is_import(self) -> bool:
        """Whether it only imports."""
        return isinstance(self.node, IMPORTS)

    @property
    def is_private(self) -> bool:
        """Whether all that it binds begins with `_`; dunder methods are not private."""
        return bool(self.names) and all(map(_is_private, self.names))

    @cached_property
    def form(self) -> Form:
        """What it says, with its kind and its names."""
        return forms(self)

    @cached_property
    def mentions(self) -> frozenset[str]:
        """Every name that stands in it, and the last part of every dotted one."""
        found = set()
        for node in walk(*self.parts):
            if isinstance(node, ast.Name):
                found.add(node.id)
            elif isinstance(node, ast.Attribute):
                found.add(node.attr)
        return frozenset(found)


class Fault(NamedTuple):
    """Why a file has no syntax tree."""

    why: str = "too large, in too many parts, too deeply nested, or with too long a number"
    line: int = 0

    @classmethod
    def of(cls, error: Exception) -> Fault:
        """What a parser or a compiler says."""
        if isinstance(error, SyntaxError):
            return cls(error.msg, error.lineno or 0)
        return cls(str(error)) if str(error) else cls()


def parse(data: bytes) -> ast.Module | None:
    """The syntax tree of a file, to be read only; None if people would not write such Python."""
    found = _read(data)
    return found if isinstance(found, ast.Module) else None


def fault(data: bytes) -> Fault | None:
    """What is wrong with a file that has no syntax tree."""
    found = _read(data)
    return found if isinstance(found, Fault) else None


def _read(data: bytes) -> ast.Module | Fault:
    if len(data) > LARGEST_SOURCE or data.count(b"{") * len(data) > _MOST_FIELDS:
        return Fault()
    return _parse_again(data) if len(data) <= _REMEMBERED else _parse(data)


def _parse(data: bytes) -> ast.Module | Fault:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            module = ast.parse(data)
    except NOT_PYTHON as error:
        return Fault.of(error)
    return module if _count_units(module) <= MOST_UNITS and _layers(module) else Fault()


def _count_units(module: ast.Module) -> int:
    """At least as many as there are, without looking into them."""
    bodies: list[Sequence[ast.stmt]] = [module.body]
    for body in bodies:
        bodies += [node.body for node in body if isinstance(node, ast.ClassDef)]
    return sum(map(len, bodies))


_parse_again = lru_cache(maxsize=4)(_parse)  # an edit is looked at from several sides


def _is_long(node: ast.Constant) -> bool:
    return isinstance(node.value, int) and node.value.bit_length() > _LONGEST_NUMBER


def children(node: ast.AST) -> list[ast.AST]:
    """The parts of a node, without signs such as `+` and `not`."""
    return below([node])


def below(nodes: Iterable[ast.AST]) -> list[ast.AST]:
    """The parts of several nodes."""
    found: list[ast.AST] = []
    for node in nodes:
        kind: Any = type(node)
        for name in _fields_of(kind):
            value = getattr(node, name, None)
            if isinstance(value, ast.AST):
                found.append(value)
            elif isinstance(value, list):
                found += [part for part in value if isinstance(part, ast.AST)]
    return found


@cache
def _fields_of(kind: type[Any]) -> tuple[str, ...]:
    if kind is ast.Constant:
        return ()
    return tuple(name for name in kind._fields if name not in _NO_PARTS)


def walk(*roots: ast.AST) -> list[ast.AST]:
    """Nodes and all of their parts, outer ones before what lies in them."""
    found = level = list(roots)
    while level := below(level):
        found += level
    return found


def nodes(module: ast.Module) -> Sequence[ast.AST]:
    """The same of a whole module, kept for whoever looks at it next."""
    return _layers(module) or walk(module)


@lru_cache(maxsize=2)  # both sides of an edit
def _layers(module: ast.Module) -> Sequence[ast.AST]:
    """All nodes; none if they are too many or too deep, or some number too long to be printed."""
    found: list[ast.AST] = [module]
    level = found
    for _ in range(DEEPEST):
        level = below(level)
        if not level:
            return found
        found += level
        if len(found) > MOST_NODES or any(type(n) is ast.Constant and _is_long(n) for n in level):
            break
    return ()


@lru_cache(maxsize=4)  # an edit is looked at from several sides
def units(module: ast.Module) -> tuple[Unit, ...]:
    """All parts of a module in their order; docstrings belong to none."""
    return tuple(_units(module.body, ""))


def _units(body: Iterable[ast.stmt], scope: str) -> Iterator[Unit]:
    for node in body:
        if is_remark(node):
            continue
        if isinstance(node, ast.ClassDef):
            yield _class_header(node, scope)
            yield from _units(node.body, f"{scope}{node.name}.")
            continue
        names = tuple(dict.fromkeys(scope + name for name in _bound(node)))
        yield Unit(
            names=names or ((scope[:-1],) if scope else ()),
            node=node,
            parts=(node,),
            first=_first_line(node),
            last=node.end_lineno or node.lineno,
        )


def _class_header(node: ast.ClassDef, scope: str) -> Unit:
    parts: tuple[ast.AST, ...] = (*node.decorator_list, *node.bases, *node.keywords)
    return Unit(
        names=(scope + node.name,),
        node=node,
        parts=parts,
        first=_first_line(node),
        last=max([node.lineno, *(getattr(part, "end_lineno", 0) for part in parts)]),
    )


def _first_line(node: ast.stmt) -> int:
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min(node.lineno, *(d.lineno for d in decorators)) if decorators else node.lineno


def _is_private(name: str) -> bool:
    last = name.rpartition(".")[2]
    return last.startswith("_") and not (last.startswith("__") and last.endswith("__"))


def is_remark(node: ast.AST) -> bool:
    """Whether a statement is a bare constant: a docstring, or a comment by other means."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _bound(node: ast.stmt) -> Iterator[str]:
    """The names that a statement binds where it stands."""
    if isinstance(node, DEFINITIONS):
        yield node.name
    elif isinstance(node, ASSIGNMENTS):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        yield from _targets(targets)
    elif isinstance(node, COMPOUND):
        yield from _bound_within(node)


def _bound_within(node: ast.stmt) -> Iterator[str]:
    if isinstance(node, ast.For | ast.AsyncFor):
        yield from _targets([node.target])
    elif isinstance(node, ast.With | ast.AsyncWith):
        yield from _targets(i.optional_vars for i in node.items if i.optional_vars)
    for body in _bodies(node):
        for inner in body:
            yield from _bound(inner)


def _bodies(node: ast.stmt) -> Iterator[Sequence[ast.stmt]]:
    for name in ("body", "orelse", "finalbody"):
        yield getattr(node, name, [])
    for handler in (*getattr(node, "handlers", ()), *getattr(node, "cases", ())):
        yield handler.body


def _targets(targets: Iterable[ast.expr]) -> Iterator[str]:
    """The names at the root of assignment targets: `a` of `a.b[0]`."""
    for target in targets:
        if isinstance(target, ast.Name):
            yield target.id
        elif isinstance(target, ast.Tuple | ast.List):
            yield from _targets(target.elts)
        elif isinstance(target, ast.Starred | ast.Attribute | ast.Subscript):
            yield from _targets([target.value])


def callee(node: ast.AST) -> str:
    """The name of what is called, without what stands before its last dot; or empty."""
    if not isinstance(node, ast.Call):
        return ""
    if isinstance(node.func, ast.Attribute):
        return node.func.attr
    return node.func.id if isinstance(node.func, ast.Name) else ""


# -------------------------------------------------------------------------------- forms


def literals_in(*roots: ast.AST) -> set[ast.AST]:
    """All expressions in them that are a number, a string, a flag, or built of nothing else."""
    return literals_among(walk(*roots))


def literals_among(nodes: Sequence[ast.AST]) -> set[ast.AST]:
    """The same of nodes in the order of `walk`."""
    found: set[ast.AST] = set()
    for node in reversed(nodes):  # what an expression is built of comes before it
        if type(node) in _LITERALS and _is_literal(node, found):
            found.add(node)
    return found


def _is_literal(node: ast.AST, known: set[ast.AST]) -> bool:
    if isinstance(node, ast.Constant):
        return True
    if isinstance(node, ast.UnaryOp):
        return node.operand in known
    if isinstance(node, ast.BinOp):
        return node.left in known and node.right in known
    if isinstance(node, ast.Tuple | ast.List | ast.Set):
        return known.issuperset(node.elts)
    return isinstance(node, ast.Dict) and known.issuperset([*node.keys, *node.values])


def form(node: ast.AST, *, hide: Predicate | None = None, skip: Predicate | None = None) -> Form:
    """What a piece of code says.

    Args:
        node: The code.
        hide: Which expressions count as the same, whatever they are.
        skip: Which statements count as not being there.
    """
    if hide and isinstance(node, ast.expr) and hide(node):
        return "…"
    if isinstance(node, ast.Constant):
        return ("Constant", repr(node.value))
    kind: Any = type(node)
    said = [_field(getattr(node, name, None), hide, skip) for name in _said_by(kind)]
    return (kind.__name__, *said)


@cache
def _said_by(kind: type[Any]) -> tuple[str, ...]:
    return tuple(name for name in kind._fields if name not in _LAYOUT)


def forms(unit: Unit, *, hide: Predicate | None = None, skip: Predicate | None = None) -> Form:
    """What a unit says, with its kind and its names."""
    said = tuple(form(part, hide=hide, skip=skip) for part in unit.parts)
    return (type(unit.node).__name__, unit.names, said)


def _field(value: Any, hide: Predicate | None, skip: Predicate | None) -> Form:
    if isinstance(value, ast.AST):
        return form(value, hide=hide, skip=skip)
    if isinstance(value, list):
        return tuple([_field(v, hide, skip) for v in value if not _is_skipped(v, skip)])
    return value


def _is_skipped(value: object, skip: Predicate | None) -> bool:
    return isinstance(value, ast.stmt) and (is_remark(value) or bool(skip and skip(value)))
