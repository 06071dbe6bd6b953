"""The gates that every submission passes before anything of it runs.

They judge an edit: what stands in the tree that was edited has passed before. What a gate
refuses is for honest agents; a candidate that means harm meets the sandbox and the evaluator.
"""

from __future__ import annotations

from collections.abc import Iterable

from autores import hookimpl
from autores.config import SettingsBook
from autores.plugins.gates import files, forbidden, literals, scope, size, syntax
from autores.plugins.gates.edit import Edit
from autores.plugins.gates.settings import Settings
from autores.records import Specialist, Submission, Task, Tree, Violation

__all__ = ["Settings"]
FAMILIES = (files, size, syntax, forbidden, literals, scope)


@hookimpl(trylast=True)
def autores_legality(
    task: Task,
    submission: Submission,
    tree: Tree,
    specialist: Specialist,
    settings: SettingsBook,
) -> Iterable[Violation]:
    """Ask each family of gates."""
    edit = Edit(
        task=task,
        submission=submission,
        tree=tree,
        specialist=specialist,
        settings=settings.of(Settings),
    )
    return tuple(violation for family in FAMILIES for violation in family.check(edit))
