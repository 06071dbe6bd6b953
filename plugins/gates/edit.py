"""What the gates judge: one edit, taken apart once for all of them."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from functools import cached_property

from autores.evaluator.trees import FileTree
from autores.plugins.gates.settings import Settings
from autores.records import Specialist, Submission, Task, Tree
from autores.workspace import syntax
from autores.workspace.changes import FileChange, content, file_changes


@dataclass(frozen=True, kw_only=True)
class Edit:
    """A submission beside the tree that it was made from."""

    task: Task
    submission: Submission
    tree: Tree
    specialist: Specialist
    settings: Settings

    @property
    def is_seed(self) -> bool:
        """Whether it is the recipe as it came."""
        return getattr(self.tree, "parent", None) is None

    @cached_property
    def before(self) -> Tree:
        """The tree that was edited; an empty one for the seed."""
        parent: Tree | None = getattr(self.tree, "parent", None)
        return FileTree({}) if parent is None else parent

    @cached_property
    def merged(self) -> tuple[Tree, ...]:
        """Trees of other trials that went into it."""
        return tuple(getattr(self.tree, "merged", ()))

    @cached_property
    def changes(self) -> tuple[FileChange, ...]:
        """The files that differ, renames as what went and what came."""
        return file_changes(self.before, self.tree, renames=False)

    @cached_property
    def sources(self) -> tuple[FileChange, ...]:
        """The Python files that are new or edited."""
        return tuple(c for c in self.changes if c.new is not None and c.is_python)

    @cached_property
    def modules_before(self) -> tuple[ast.Module, ...]:
        """The syntax trees of the recipe that was edited."""
        parsed = (
            syntax.parse(content(self.before, path)) for path in self.before if path.endswith(".py")
        )
        return tuple(module for module in parsed if module is not None)
