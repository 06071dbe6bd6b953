"""What of a tree a specialist may change, asked of the same code as the gate that refuses it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from autores.globs import is_editable
from autores.moves import Move
from autores.plugins.agents.evolve.genome import OFF, ON, Edit, Files, Genome, apply, move_gene
from autores.plugins.agents.evolve.knobs import Knob, find_knobs
from autores.records import Specialist, Task
from autores.steering import touches
from autores.workspace import syntax
from autores.workspace.changes import file_changes
from autores.workspace.radius import edit_size
from autores.workspace.surfaces import ALL, FileSurfaces, Surfaces, outside, owned_surfaces


@dataclass(frozen=True, slots=True)
class FileTree:
    """Files in memory as a `records.Tree`."""

    files: Files

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self.files))

    def __contains__(self, path: object) -> bool:
        return path in self.files

    def read(self, path: str) -> bytes:
        """The bytes of a file; KeyError where there is none."""
        return self.files[path]


class Territory:
    """One specialist's part of one tree."""

    def __init__(
        self, task: Task, specialist: Specialist, files: Files, blocked: tuple[str, ...] = ()
    ) -> None:
        """Find out who owns what; `blocked` are names that nobody may touch for now."""
        self.task = task
        self.specialist = specialist
        self.files = files
        self.blocked = blocked
        self._all = ALL in specialist.surfaces
        self._own = owned_surfaces(task, specialist)
        self._offered: dict[Edit, bool] = {}
        self._lines: dict[str, frozenset[int]] = {}

    def knobs(self, genome: Genome) -> tuple[Knob, ...]:
        """The knobs that are the specialist's own, in the order of the files.

        Args:
            genome: Of the tree, so that scales lie around the seed recipe's values.
        """
        origins = {gene: allele.origin for gene, allele in genome.items()}
        return tuple(
            knob
            for path in sorted(self.files)
            if path.endswith(".py") and is_editable(self.task.recipe, path)
            for knob in self._own_of(path, find_knobs(path, self.files[path], origins))
            if not any(is_named(knob.gene, name) for name in self.blocked)
        )

    def offers(self, move: Move, new: str) -> bool:
        """Whether a move is for this specialist, can be made or undone here, and is allowed."""
        if not (self._all or move.surface in self._own):
            return False
        edit = Edit(gene=move_gene(move.name), old=OFF if new == ON else ON, new=new)
        if edit not in self._offered:
            after = apply(self.files, [edit], {move.name: move})
            self._offered[edit] = after is not None and self.allows(after)
        return self._offered[edit]

    def allows(self, after: Files) -> bool:
        """Whether an edit stays within the specialist's surfaces and radius."""
        old, new = FileTree(self.files), FileTree(after)
        if outside(self.task, self.specialist, old, new):
            return False
        changes = file_changes(old, new) if self.blocked else ()
        if any(touches(changes, name) for name in self.blocked):
            return False
        radius = edit_size(old, new, self.task.recipe).radius
        return radius.rank <= self.specialist.radius.rank

    def _own_of(self, path: str, knobs: tuple[Knob, ...]) -> tuple[Knob, ...]:
        if self._all or not knobs:
            return knobs
        if path not in self._lines:
            lines = _surfaces_by_line(self.task, path, self.files[path])
            self._lines[path] = frozenset(line for line, own in lines.items() if own & self._own)
        return tuple(knob for knob in knobs if knob.literal.line in self._lines[path])


def is_named(gene: str, name: str) -> bool:
    """Whether a knob such as `train.py::SGD.step(alpha)` is, or stands in, what has that name."""
    path, _, inner = name.rpartition("::")
    where, _, scope = gene.partition("::")
    return path in ("", where) and re.search(rf"(?<!\w){re.escape(inner)}(?!\w)", scope) is not None


def _surfaces_by_line(task: Task, path: str, source: bytes) -> dict[int, Surfaces]:
    """Line to the surfaces of the innermost unit that it stands in."""
    module = syntax.parse(source)
    if module is None:
        return {}
    units = syntax.units(module)
    surfaces = FileSurfaces(task.recipe, path, units)
    widest_first = sorted(units, key=lambda unit: unit.first - unit.last)
    owned = [(unit, surfaces.of(unit)) for unit in widest_first]
    return {line: own for u, own in owned for line in range(u.first, u.last + 1)}
