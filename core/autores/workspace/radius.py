"""How far an edit goes, measured from two syntax trees rather than believed."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from functools import cache

from autores.garbage import uncollected
from autores.records import EditSize, Radius, Recipe, Tree
from autores.workspace import syntax
from autores.workspace.changes import FileChange, UnitChange, file_changes
from autores.workspace.surfaces import surfaces_touched
from autores.workspace.syntax import Form, Unit, callee, form, literals_in

MOST_PARTS = 40
_LEARNS = frozenset({"backward"})
"""What is called in a loop that trains, directly or in a function of the same file."""
Function = ast.FunctionDef | ast.AsyncFunctionDef
Trainers = Callable[[], frozenset[str]]
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
    largest = Radius.LITERAL
    for radius in found:
        largest = max(largest, radius, key=lambda one: one.rank)
        if largest is Radius.STRUCTURAL:
            break
    return largest


def _radius_of_file(change: FileChange) -> Radius:
    if not change.stayed or None in change.modules:
        return Radius.STRUCTURAL
    further = (unit for unit in change.units if not _is_literal(unit))
    trainers = cache(lambda: _trainers(change.modules))
    return _largest(_radius_of_unit(unit, trainers) for unit in further)


def _is_literal(change: UnitChange) -> bool:
    old, new = change.before, change.after
    if old is None or new is None:
        return False
    if old.form == new.form:
        return True
    # Names are no literals, and sooner compared.
    return old.mentions == new.mentions and bool(_shape_of(old) == _shape_of(new))


def _radius_of_unit(change: UnitChange, trainers: Trainers) -> Radius:
    old, new = change.before, change.after
    if old is None or new is None:
        return _radius_of_whole(change.unit, trainers)
    if type(old.node) is not type(new.node) or _frame(old) != _frame(new):
        return Radius.STRUCTURAL
    if _loops(old, trainers) != _loops(new, trainers):
        return Radius.STRUCTURAL
    return Radius.LOCAL


def _radius_of_whole(unit: Unit, trainers: Trainers) -> Radius:
    """Of a unit that came or went."""
    defines = isinstance(unit.node, syntax.BINDING)
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


def _trainers(modules: Iterable[ast.Module | None]) -> frozenset[str]:
    """What a training loop calls: `backward`, and the functions of the file that come to it."""
    callers: dict[str, list[Function | None]] = defaultdict(list)
    around: dict[Function | None, Function | None] = {}
    for module in filter(None, modules):
        for node, function in _with_functions(module):
            if isinstance(node, syntax.FUNCTIONS):
                around[node] = function
            elif function and isinstance(node, ast.Call):
                callers[callee(node)].append(function)
    known, waiting = set(_LEARNS), [*_LEARNS]
    while waiting:
        for function in callers.pop(waiting.pop(), ()):
            for trainer in _left_behind(function, around):
                waiting += {trainer.name} - known
                known.add(trainer.name)
    return frozenset(known)


def _left_behind(
    function: Function | None, around: dict[Function | None, Function | None]
) -> Iterator[Function]:
    """A function and those around it, each of them once."""
    while function and function in around:
        yield function
        function = around.pop(function)


def _with_functions(module: ast.Module) -> Iterator[tuple[ast.AST, Function | None]]:
    """Each node, and the innermost function around it."""
    waiting: list[tuple[ast.AST, Function | None]] = [(module, None)]
    for node, function in waiting:
        yield node, function
        inner = node if isinstance(node, syntax.FUNCTIONS) else function
        waiting += [(child, inner) for child in syntax.children(node)]


def _loops(unit: Unit, trainers: Trainers) -> list[Form]:
    """The control flow of the loops that train."""
    nodes = syntax.walk(*unit.parts)
    loops = [node for node in nodes if isinstance(node, syntax.LOOPS)]
    if not loops:
        return []
    training: set[ast.AST] = set()
    for node in reversed(nodes):  # what lies in a node comes before it
        if callee(node) in trainers() or not training.isdisjoint(syntax.children(node)):
            training.add(node)
    flow = _Flow()
    return [flow[loop] for loop in loops if loop in training]


class _Flow(dict[ast.AST, Form]):
    """Branches, loops and exits with their conditions; everything between is left out."""

    def __missing__(self, node: ast.AST) -> Form:
        found = tuple(part for child in syntax.children(node) for part in self[child])
        if isinstance(node, syntax.COMPOUND):
            heads = (getattr(node, name, None) for name in ("target", "iter", "test", "subject"))
            found = ((type(node).__name__, [_shape(head) for head in heads if head], found),)
        elif isinstance(node, _LEAVES):
            found = (type(node).__name__,)
        self[node] = found
        return found
