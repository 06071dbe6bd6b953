"""Who owns which part of a recipe: surfaces join what a task has with what a specialist does.

A surface is named by files (`optim.py`) or by symbols in files: `train.py::Muon`,
`train.py::Net.forward`, `train.py::lr_*`, and `train.py::` for the code that binds no name;
the most specific name wins. What no surface names belongs to the surfaces whose code uses it;
code that merely runs (`if __name__ == "__main__":`) to those that it uses. What is left
belongs to nobody but generalists.
"""

from __future__ import annotations

import ast
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import islice
from pathlib import Path

from autores.globs import is_editable, matches
from autores.records import Recipe, Specialist, Task, Tree
from autores.workspace import syntax
from autores.workspace.changes import FileChange, UnitChange, content, file_changes
from autores.workspace.folder import Folder
from autores.workspace.syntax import Unit, callee, forms

ALL = "*"
"""The surface of those who own everything."""
Surfaces = frozenset[str]
NONE: Surfaces = frozenset()
MOST_PLACES = 50
"""That anybody is told of in one edit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A part of a file, and the surfaces that it belongs to."""

    path: str
    line: int = 0
    symbol: str = ""
    surfaces: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.path}:{self.line} {self.symbol}".rstrip()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Claim:
    """One line of a recipe's table of surfaces."""

    surface: str
    glob: str
    symbol: str | None

    @classmethod
    def of(cls, surface: str, text: str) -> _Claim:
        glob, has_symbol, symbol = text.partition("::")
        return cls(surface=surface, glob=glob, symbol=symbol if has_symbol else None)

    @property
    def is_wide(self) -> bool:
        """Whether it names no single symbol."""
        return self.symbol is None or self.symbol.endswith(ALL)

    def strength(self, name: str) -> tuple[int, bool, bool]:
        """How specific it is for a name; length -2 where it does not cover it."""
        exact = ALL not in self.glob
        if self.symbol is None:
            return -1, False, exact
        if self.symbol.endswith(ALL):
            covers = name.startswith(self.symbol[:-1])
            return (len(self.symbol) - 1 if covers else -2), False, exact
        covers = name == self.symbol or name.startswith(f"{self.symbol}.")
        return (len(self.symbol) if covers else -2), True, exact


class FileSurfaces:
    """The surfaces of the parts of one file."""

    def __init__(self, recipe: Recipe, path: str, units: Iterable[Unit] = ()) -> None:
        self._claims = tuple(
            _Claim.of(surface, text)
            for surface, texts in recipe.surfaces.items()
            for text in texts
            if matches(path, text.partition("::")[0])
        )
        self._wide = tuple(claim for claim in self._claims if claim.is_wide)
        self._narrow: dict[str, list[_Claim]] = defaultdict(list)
        for claim in self._claims:
            if not claim.is_wide:
                self._narrow[claim.symbol or ""].append(claim)
        self._units = tuple(units)
        self._strongest = cache(self._strongest_of)

    def of(self, unit: Unit) -> Surfaces:
        """The surfaces of a unit of this file."""
        return self._by_name(unit) or self._by_use.get(unit, NONE)

    @property
    def whole(self) -> Surfaces:
        """The surfaces of the file as such: one that has no parts, or was renamed."""
        named = self._strongest("")
        return named or frozenset(claim.surface for claim in self._claims)

    def _by_name(self, unit: Unit) -> Surfaces:
        return NONE.union(*map(self._strongest, unit.names or ("",)))

    def _strongest_of(self, name: str) -> Surfaces:
        claims = [*self._wide, *(c for scope in _scopes(name) for c in self._narrow.get(scope, ()))]
        if not claims:
            return NONE
        strengths = [(claim.strength(name), claim.surface) for claim in claims]
        most = max(strength for strength, _ in strengths)
        return frozenset(s for strength, s in strengths if strength == most and most[0] > -2)

    @cached_property
    def _by_use(self) -> dict[Unit, Surfaces]:
        """What no surface names, by who uses it or what it uses."""
        named = {unit: self._by_name(unit) for unit in self._units}
        orphans = [unit for unit, surfaces in named.items() if not surfaces]
        defining: dict[str, list[Unit]] = defaultdict(list)
        for unit in orphans:
            if not _merely_runs(unit):
                for name in unit.names:
                    defining[_last(name)].append(unit)
        owned = {unit: surfaces for unit, surfaces in named.items() if surfaces}
        for surface in frozenset().union(*owned.values()):
            users = [unit for unit, surfaces in owned.items() if surface in surfaces]
            for unit in _reached(users, defining):
                named[unit] |= {surface}
        running = [unit for unit in orphans if _merely_runs(unit)]
        of_name = {_last(n): s for u, s in named.items() for n in u.names} if running else {}
        for unit in running:
            named[unit] = frozenset(s for n in unit.mentions for s in of_name.get(n, NONE))
        return named


def _scopes(name: str) -> Iterator[str]:
    """A qualified name and what it lies in: `Net.forward`, `Net`."""
    yield name
    while name := name.rpartition(".")[0]:
        yield name


def _reached(users: Iterable[Unit], defining: Mapping[str, Sequence[Unit]]) -> set[Unit]:
    """What is defined by names that stand in the users, or in what is so reached."""
    found: set[Unit] = set()
    seen: set[str] = set()
    waiting = [name for unit in users for name in unit.mentions]
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        for unit in set(defining.get(name, ())) - found:
            found.add(unit)
            waiting += unit.mentions
    return found


def _merely_runs(unit: Unit) -> bool:
    return not isinstance(unit.node, syntax.BINDING)


def _last(name: str) -> str:
    return name.rpartition(".")[2]


def surfaces_touched(changes: Iterable[FileChange], recipe: Recipe) -> tuple[str, ...]:
    """The surfaces of everything that changed but imports and comments, sorted."""
    return tuple(sorted({s for change in changes for s in _surfaces_of(change, recipe)}))


def _surfaces_of(change: FileChange, recipe: Recipe) -> Iterator[str]:
    if not change.stayed or None in change.modules:
        for path in change.paths:
            yield from FileSurfaces(recipe, path).whole
        return
    before, after = _both(change, recipe)
    for unit in change.units:
        for side, owners in ((unit.before, before), (unit.after, after)):
            if side is not None and not side.is_import:
                yield from owners.of(side)


def _both(change: FileChange, recipe: Recipe) -> tuple[FileSurfaces, FileSurfaces]:
    before, after = change.sides
    return FileSurfaces(recipe, change.path, before), FileSurfaces(recipe, change.path, after)


@dataclass(frozen=True, slots=True)
class _Parts:
    """What stands in one version of a file."""

    forms: Counter[syntax.Form]
    names: frozenset[str]

    @classmethod
    def of(cls, units: Iterable[Unit]) -> _Parts:
        found = tuple(units)
        return cls(Counter(u.form for u in found), frozenset(n for u in found for n in u.names))


# ------------------------------------------------------------------------------- owners


def owned_surfaces(task: Task, specialist: Specialist) -> Surfaces:
    """The surfaces of a task that a specialist may change."""
    known = frozenset(task.recipe.surfaces)
    if ALL in specialist.surfaces:
        return known
    names = {specialist.key, *specialist.aliases}
    given = {s for s in known if task.owners.get(s) in names}
    return frozenset(given | {s for s in specialist.surfaces if s in known - task.owners.keys()})


def places(task: Task) -> tuple[Place, ...]:
    """The editable parts of a task's seed recipe, in the order of the files."""
    files = Folder(Path(task.recipe.path)).scan().files
    return tuple(
        place
        for path, data in sorted(files.items())
        if is_editable(task.recipe, path)
        for place in _places(task.recipe, path, data)
    )


def unowned(task: Task, specialists: Iterable[Specialist]) -> tuple[Place, ...]:
    """The editable places of a task's seed recipe that none of the specialists may change."""
    everybody = tuple(specialists)
    if any(ALL in specialist.surfaces for specialist in everybody):
        return ()
    owned = frozenset(s for one in everybody for s in owned_surfaces(task, one))
    return tuple(place for place in places(task) if not owned.intersection(place.surfaces))


def _places(recipe: Recipe, path: str, data: bytes) -> Iterator[Place]:
    module = syntax.parse(data) if path.endswith(".py") else None
    if module is None:
        yield Place(path=path, surfaces=tuple(sorted(FileSurfaces(recipe, path).whole)))
        return
    found = syntax.units(module)
    owners = FileSurfaces(recipe, path, found)
    for unit in found:
        if not unit.is_import:
            yield _place(path, unit, unit.first, owners.of(unit))


def _place(path: str, unit: Unit, line: int, surfaces: Surfaces) -> Place:
    return Place(path=path, line=line, symbol=unit.name, surfaces=tuple(sorted(surfaces)))


# -------------------------------------------------------------------------------- scope


def outside(
    task: Task,
    specialist: Specialist,
    before: Tree,
    after: Tree,
    changes: Sequence[FileChange] | None = None,
    merged: Sequence[Tree] = (),
) -> tuple[Place, ...]:
    """What a specialist changed that is not its own; the first places, where there are many.

    Free for everybody: imports, comments, new private definitions, where what it owns or newly
    defines is called, and what stands just so in a tree that was merged: somebody else did that.
    A file that is no longer Python is left to the gate of syntax.

    Args:
        task: Whose recipe it is.
        specialist: Who edited it.
        before: The tree that was edited.
        after: The tree that came of it.
        changes: What differs, without renames, where that is known already.
        merged: Trees that went into it besides, all of which have passed the gates.
    """
    if ALL in specialist.surfaces:
        return ()
    if changes is None:
        changes = file_changes(before, after, renames=False)
    scope = _Scope(task, specialist, (before, after), changes, merged)
    return tuple(islice(scope.outside(), MOST_PLACES))


class _Scope:
    """One edit against what its author owns."""

    def __init__(
        self,
        task: Task,
        specialist: Specialist,
        trees: tuple[Tree, Tree],
        changes: Sequence[FileChange],
        merged: Sequence[Tree],
    ) -> None:
        self.recipe = task.recipe
        self.own = owned_surfaces(task, specialist)
        self.trees = trees
        self.changes = changes
        self.merged = merged
        self._known_parts: dict[bytes, _Parts] = {}

    def outside(self) -> Iterator[Place]:
        for change in self.changes:
            if not change.is_python:
                yield from self._file(change)
            elif change.new is None or change.modules[1] is not None:
                yield from self._units(change)

    def _file(self, change: FileChange) -> Iterator[Place]:
        surfaces = FileSurfaces(self.recipe, change.path).whole
        if not surfaces & self.own and not any(self._has_file(t, change) for t in self.merged):
            line = next(iter(change.lines[1]), 0)
            yield Place(path=change.path, line=line, surfaces=tuple(sorted(surfaces)))

    def _units(self, change: FileChange) -> Iterator[Place]:
        (_, before), (_, after) = self._known[change.path]
        for unit in change.units:
            old = before.of(unit.before) if unit.before else NONE
            new = after.of(unit.after) if unit.after else NONE
            free = (old | new) & self.own or self._is_free(unit)
            if not free and not self._is_theirs(unit, change.path):
                line = change.line_of(unit.after) if unit.after else 0
                yield _place(change.path, unit.unit, line, old | new)

    def _is_free(self, change: UnitChange) -> bool:
        old, new = change.before, change.after
        if change.unit.is_import or (old is None and change.unit.is_private):
            return True
        if old is None or new is None:
            return self._only_calls(change.unit.node)
        if old.form == new.form:  # it moved, which matters only to code that runs at once
            return isinstance(new.node, syntax.DEFINITIONS)
        hide, skip = self._calls_own, self._only_calls_or_imports
        return bool(forms(old, hide=hide, skip=skip) == forms(new, hide=hide, skip=skip))

    def _has_file(self, tree: Tree, change: FileChange) -> bool:
        """Whether a tree that was merged has the file as it is now, or has none either."""
        path, now = change.path, self.trees[1]
        same = content(tree, path) == content(now, path)
        return same and (path in tree) == (path in now)

    def _is_theirs(self, change: UnitChange, path: str) -> bool:
        """Whether a tree that was merged has this part just so, as often as it stands here now."""
        old, new = change.before, change.after
        if old is not None and new is not None and old.form == new.form:
            return False
        trees = (tree for tree in self.merged if path in tree)
        return any(self._has_part(self._parts(tree, path), change, path) for tree in trees)

    def _has_part(self, theirs: _Parts, change: UnitChange, path: str) -> bool:
        form = change.unit.form
        if change.after is None:
            return not theirs.forms[form] and theirs.names.isdisjoint(change.unit.names)
        return theirs.forms[form] >= self._parts(self.trees[1], path).forms[form]

    def _parts(self, tree: Tree, path: str) -> _Parts:
        source = content(tree, path)
        if source not in self._known_parts:
            module = syntax.parse(source)
            self._known_parts[source] = _Parts.of(syntax.units(module) if module else ())
        return self._known_parts[source]

    def _calls_own(self, node: ast.AST) -> bool:
        return callee(node) in self._callable

    def _only_calls(self, node: ast.AST) -> bool:
        """Whether a statement calls what is owned, and at most binds what comes back."""
        return isinstance(node, ast.Expr | ast.Assign) and self._calls_own(node.value)

    def _only_calls_or_imports(self, node: ast.AST) -> bool:
        return isinstance(node, syntax.IMPORTS) or self._only_calls(node)

    @cached_property
    def _callable(self) -> frozenset[str]:
        """The names of what is owned, before or after, and of what is new and private."""
        sides = (side for both in self._known.values() for side in both)
        names = {name for units, owners in sides for name in self._own_names(units, owners)}
        fresh = {
            name
            for change in self.changes
            for unit in change.units
            if unit.before is None and unit.unit.is_private
            for name in unit.unit.names
        }
        return frozenset(map(_last, names | fresh)) - {""}

    @cached_property
    def _known(self) -> Mapping[str, Sequence[tuple[Sequence[Unit], FileSurfaces]]]:
        """The units of each Python file with their owners, before and after."""
        known = {c.path: self._owned(c.path, c.sides) for c in self.changes if c.is_python}
        for path in sorted({*self.trees[0], *self.trees[1]} - known.keys()):
            module = syntax.parse(content(self.trees[1], path)) if path.endswith(".py") else None
            if module is not None:
                known[path] = self._owned(path, [syntax.units(module)])
        return known

    def _owned(
        self, path: str, sides: Iterable[Sequence[Unit]]
    ) -> Sequence[tuple[Sequence[Unit], FileSurfaces]]:
        return [(units, FileSurfaces(self.recipe, path, units)) for units in sides]

    def _own_names(self, units: Iterable[Unit], owners: FileSurfaces) -> Iterator[str]:
        for unit in units:
            if isinstance(unit.node, syntax.DEFINITIONS) and owners.of(unit) & self.own:
                yield from unit.names
