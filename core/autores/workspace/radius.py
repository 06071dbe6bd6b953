"""How far an edit goes, measured from two syntax trees rather than believed."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterable, Iterator

from autores.garbage import uncollected
from autores.records import EditSize, Radius, Recipe, Tree
from autores.workspace import syntax
from autores.workspace.changes import FileChange, UnitChange, file_changes
from autores.workspace.surfaces import surfaces_touched
from autores.workspace.syntax import Form, Unit, callee, form, literals_in

MOST_PARTS = 40
_LEARNS = frozenset({"backward"})
"""What is called in a loop that trains, directly or in a function of the same file."""
_LEAVES = (ast.Break, ast.Continue, ast.Return, ast.Raise)


@uncollected()
def edit_size(before: Tree, after: Tree, recipe: Recipe) -> EditSize:
    """What a change touches, and how far it goes.

    A file that was added, removed or renamed is structural, and so is any change of a file
    that has no syntax tree: nothing smaller can be shown of it. Comments are literal.
    """
    changes = file_changes(before, after)
    counts = [tuple(map(len, change.lines)) for change in changes]
    return EditSize(
        radius=_largest(map(_radius_of_file, changes)),
        surfaces=surfaces_touched(changes, recipe),
        files=tuple(sorted({path for change in changes for path in change.paths})),
        added=sum(come for _, come in counts),
        removed=sum(gone for gone, _ in counts),
        parts=tuple(sorted({part for change in changes for part in _parts(change)}))[:MOST_PARTS],
    )


def _parts(change: FileChange) -> Iterator[str]:
    """What was edited within a file that is Python before and after."""
    if change.stayed and None not in change.modules:
        yield from (f"{change.path}::{unit.unit.name}" for unit in change.units if unit.unit.name)


def _largest(found: Iterable[Radius]) -> Radius:
    return max(found, key=lambda radius: radius.rank, default=Radius.LITERAL)


def _radius_of_file(change: FileChange) -> Radius:
    if not change.stayed or None in change.modules:
        return Radius.STRUCTURAL
    further = [unit for unit in change.units if not _is_literal(unit)]
    trainers = _trainers(m for m in change.modules if m) if further else frozenset()
    return _largest(_radius_of_unit(unit, trainers) for unit in further)


def _is_literal(change: UnitChange) -> bool:
    old, new = change.before, change.after
    return old is not None and new is not None and _shape_of(old) == _shape_of(new)


def _radius_of_unit(change: UnitChange, trainers: frozenset[str]) -> Radius:
    old, new = change.before, change.after
    if old is None or new is None:
        return _radius_of_whole(change.unit, trainers)
    if type(old.node) is not type(new.node) or _frame(old) != _frame(new):
        return Radius.STRUCTURAL
    if _loops(old, trainers) != _loops(new, trainers):
        return Radius.STRUCTURAL
    return Radius.LOCAL


def _radius_of_whole(unit: Unit, trainers: frozenset[str]) -> Radius:
    """Of a unit that came or went."""
    defines = isinstance(unit.node, (*syntax.DEFINITIONS, *syntax.IMPORTS, *syntax.ASSIGNMENTS))
    return Radius.STRUCTURAL if defines or _loops(unit, trainers) else Radius.LOCAL


def _frame(unit: Unit) -> Form:
    """What is structural about a unit: a signature, bases, and everything imported."""
    node = unit.node
    imports = [form(n) for n in syntax.walk(*unit.parts) if _imports(n)]
    if isinstance(node, syntax.FUNCTIONS):
        outside = [node.args, *node.decorator_list, *([node.returns] if node.returns else [])]
        return imports, [_shape(part) for part in outside]
    if isinstance(node, ast.ClassDef):
        return imports, [_shape(part) for part in unit.parts]
    return imports


def _shape_of(unit: Unit) -> Form:
    return syntax.forms(unit, hide=literals_in(*unit.parts).__contains__)


def _shape(node: ast.AST) -> Form:
    """What a piece of code says, whatever its values are."""
    return form(node, hide=literals_in(node).__contains__)


def _imports(node: ast.AST) -> bool:
    return isinstance(node, syntax.IMPORTS)


# ----------------------------------------------------------------------- the training loop


def _trainers(modules: Iterable[ast.Module]) -> frozenset[str]:
    """What a training loop calls: `backward`, and the functions of the file that come to it."""
    callers: dict[str, set[str]] = defaultdict(set)
    for module in modules:
        for node in syntax.walk(module):
            if isinstance(node, syntax.FUNCTIONS):
                for name in map(callee, syntax.walk(node)):
                    callers[name].add(node.name)
    known, waiting = set(_LEARNS), [*_LEARNS]
    while waiting:
        new = callers[waiting.pop()] - known
        known |= new
        waiting += new
    return frozenset(known)


def _loops(unit: Unit, trainers: frozenset[str]) -> list[Form]:
    """The control flow of the loops that train."""
    return [
        tuple(_flow(node))
        for node in syntax.walk(*unit.parts)
        if isinstance(node, syntax.LOOPS) and _trains(node, trainers)
    ]


def _trains(loop: ast.AST, trainers: frozenset[str]) -> bool:
    return any(callee(node) in trainers for node in syntax.walk(loop))


def _flow(node: ast.AST) -> Iterator[Form]:
    """Branches, loops and exits with their conditions; everything between is left out."""
    inner = tuple(f for child in ast.iter_child_nodes(node) for f in _flow(child))
    if isinstance(node, syntax.COMPOUND):
        heads = (getattr(node, name, None) for name in ("target", "iter", "test", "subject"))
        yield type(node).__name__, [_shape(h) for h in heads if h], inner
    elif isinstance(node, _LEAVES):
        yield type(node).__name__
    else:
        yield from inner
