"""What differs between two trees: files with their renames, lines, and units of code."""

from __future__ import annotations

import ast
from bisect import bisect_left
from collections import Counter, defaultdict, deque
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from autores.records import Tree
from autores.workspace import syntax
from autores.workspace.repository import CodeTree
from autores.workspace.syntax import Unit

SIMILAR = 0.5
"""Share of common lines from which a file that went and one that came are one, renamed."""
MOST_RENAMES = 40
_Chain = tuple[int, int, Any]
"""A pair of positions, and the pairs before it."""
_MOST_ORDERED = 100_000
"""Pairs of equal elements above which a comparison no longer looks at their order."""


@dataclass(frozen=True, kw_only=True)
class FileChange:
    """One file that was edited, added, removed or renamed."""

    old: str | None
    new: str | None
    before: bytes
    after: bytes

    @property
    def path(self) -> str:
        """Where it is now, or was before it went."""
        return self.new or self.old or ""

    @property
    def paths(self) -> tuple[str, ...]:
        """Where it was and where it is."""
        return tuple(sorted({path for path in (self.old, self.new) if path}))

    @property
    def stayed(self) -> bool:
        """Whether it was only edited."""
        return self.old == self.new

    @property
    def is_python(self) -> bool:
        """Whether both sides claim to be Python."""
        return all(path.endswith(".py") for path in self.paths)

    @cached_property
    def lines(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """The numbers of the lines that went, and of those that came, counted from 1."""
        gone, come = differing(self.before.splitlines(), self.after.splitlines())
        return tuple(i + 1 for i in gone), tuple(i + 1 for i in come)

    @cached_property
    def modules(self) -> tuple[ast.Module | None, ast.Module | None]:
        """Both syntax trees; None where a side is no Python."""
        if not self.is_python:
            return None, None
        return syntax.parse(self.before), syntax.parse(self.after)

    @cached_property
    def sides(self) -> tuple[tuple[Unit, ...], tuple[Unit, ...]]:
        """The units of both modules; none where there is no module."""
        before, after = (syntax.units(module) if module else () for module in self.modules)
        return before, after

    @cached_property
    def units(self) -> tuple[UnitChange, ...]:
        """The units that changed, in the order of the file."""
        before, after = self.sides
        gone, come = differing(_sayings(before, after), _sayings(after, before))
        return tuple(_paired([before[i] for i in gone], [after[i] for i in come]))

    def line_of(self, unit: Unit) -> int:
        """The first line that came within a unit of the file as it is now."""
        come = self.lines[1]
        first = bisect_left(come, unit.first)
        return come[first] if first < len(come) and come[first] <= unit.last else unit.first


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitChange:
    """A unit before and after; None where there was or is none."""

    before: Unit | None
    after: Unit | None

    @property
    def unit(self) -> Unit:
        """As it is now, or was before it went."""
        found = self.after or self.before
        assert found is not None
        return found


def file_changes(before: Tree, after: Tree, *, renames: bool = True) -> tuple[FileChange, ...]:
    """All files that differ, sorted by path; a rename is two changes if `renames` is off."""
    edited: list[FileChange] = []
    gone: list[FileChange] = []
    come: list[FileChange] = []
    for path in _differing_paths(before, after):
        old, new = content(before, path), content(after, path)
        change = _change(
            path if path in before else None, path if path in after else None, old, new
        )
        (edited if change.stayed else gone if change.new is None else come).append(change)
    if renames and gone and come and len(gone) * len(come) <= MOST_RENAMES**2:
        gone, come = _joined(gone, come)
    return tuple(sorted((*edited, *gone, *come), key=lambda change: change.path))


@lru_cache(maxsize=4)  # an edit is looked at from several sides
def _change(old: str | None, new: str | None, before: bytes, after: bytes) -> FileChange:
    return FileChange(old=old, new=new, before=before, after=after)


def content(tree: Tree, path: str) -> bytes:
    """The bytes of a file; none where there is no plain file."""
    try:
        return tree.read(path)
    except KeyError:
        return b""


def _differing_paths(before: Tree, after: Tree) -> list[str]:
    if isinstance(before, CodeTree) and isinstance(after, CodeTree):
        old, new = before.entries, after.entries
        return [path for path in sorted({*old, *new}) if old.get(path) != new.get(path)]
    return [
        path
        for path in sorted({*before, *after})
        if (path in before) != (path in after) or content(before, path) != content(after, path)
    ]


def _joined(
    gone: list[FileChange], come: list[FileChange]
) -> tuple[list[FileChange], list[FileChange]]:
    """Make one change of the removal and the addition of much the same lines."""
    left, renamed = list(gone), []
    for new in come:
        alike = [(_similarity(old.before, new.after), old.path, old) for old in left]
        share, _, old = max(alike, default=(0.0, "", new))
        if share < SIMILAR:
            renamed.append(new)
            continue
        left.remove(old)
        renamed.append(FileChange(old=old.old, new=new.new, before=old.before, after=new.after))
    return left, renamed


def _similarity(old: bytes, new: bytes) -> float:
    if old == new:
        return 1.0 + bool(old)
    mine, theirs = Counter(old.splitlines()), Counter(new.splitlines())
    return 2 * (mine & theirs).total() / max(1, mine.total() + theirs.total())


def _sayings(units: Sequence[Unit], others: Sequence[Unit]) -> list[Hashable]:
    """What units say; of a kind and name that none of the others has, it does not matter."""
    known = {(type(other.node), other.names) for other in others}
    return [u.form if (type(u.node), u.names) in known else u for u in units]


def _paired(gone: Sequence[Unit], come: Sequence[Unit]) -> Iterator[UnitChange]:
    """Put units of the same names together."""
    left: dict[tuple[str, ...], deque[Unit]] = defaultdict(deque)
    for unit in gone:
        left[unit.names].append(unit)
    pairs = [
        UnitChange(before=left[u.names].popleft() if left[u.names] else None, after=u) for u in come
    ]
    alone = sorted((unit for units in left.values() for unit in units), key=lambda u: u.first)
    yield from (UnitChange(before=unit, after=None) for unit in alone)
    yield from pairs


def differing(old: Sequence[Hashable], new: Sequence[Hashable]) -> tuple[list[int], list[int]]:
    """The positions that went and those that came, in time that nobody can blow up."""
    start = _common(old, new)
    room = min(len(old), len(new)) - start
    end = _common(old[::-1][:room], new[::-1][:room])
    ours, theirs = old[start : len(old) - end], new[start : len(new) - end]
    mine, yours = Counter(ours), Counter(theirs)
    equal_pairs = sum(count * yours[element] for element, count in mine.items())
    if equal_pairs <= _MOST_ORDERED:
        gone, come = _in_order(ours, theirs)
    else:
        gone, come = _surplus(ours, yours), _surplus(theirs, mine)
    return [start + i for i in gone], [start + i for i in come]


def _common(old: Sequence[Hashable], new: Sequence[Hashable]) -> int:
    """The length of the common beginning."""
    pairs = enumerate(zip(old, new, strict=False))
    return next((i for i, (a, b) in pairs if a != b), min(len(old), len(new)))


def _in_order(old: Sequence[Hashable], new: Sequence[Hashable]) -> tuple[list[int], list[int]]:
    """What is left beside the longest common subsequence, found from all pairs of equals."""
    places: dict[Hashable, list[int]] = defaultdict(list)
    for j in reversed(range(len(new))):
        places[new[j]].append(j)
    ends: list[int] = []
    """Where the best subsequence of each length ends; `chains` has how it came there."""
    chains: list[_Chain] = []
    for i, element in enumerate(old):
        for j in places.get(element, ()):
            length = bisect_left(ends, j)
            chain = i, j, chains[length - 1] if length else None
            ends[length : length + 1], chains[length : length + 1] = [j], [chain]
    gone, come = set(range(len(old))), set(range(len(new)))
    last = chains[-1] if chains else None
    while last is not None:
        i, j, last = last
        gone.remove(i)
        come.remove(j)
    return sorted(gone), sorted(come)


def _surplus(these: Sequence[Hashable], others: Counter[Hashable]) -> list[int]:
    """The positions of what the others do not have as often."""
    left = others.copy()
    found = []
    for position, element in enumerate(these):
        left[element] -= 1
        if left[element] < 0:
            found.append(position)
    return found
