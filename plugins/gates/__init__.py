"""The gates that every submission passes before anything of it runs.

They judge an edit: what stands in the tree that was edited has passed before. What a gate
refuses is for honest agents; a candidate that means harm meets the sandbox and the evaluator.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

from autores import hookimpl
from autores.config import SettingsBook
from autores.plugins.gates import files, forbidden, literals, scope, size, syntax
from autores.plugins.gates.edit import Edit
from autores.plugins.gates.settings import Settings
from autores.records import Specialist, Submission, Task, Tree, Violation

__all__ = ["Settings"]
OF_FILES = (files, size)
OF_CODE = (syntax, forbidden, literals, scope)
MOST = 100
"""Violations of one family that anybody is told of."""


@hookimpl(trylast=True)
def autores_legality(
    task: Task,
    submission: Submission,
    tree: Tree,
    specialist: Specialist,
    settings: SettingsBook,
) -> Iterable[Violation]:
    """Ask each family of gates; the code of a tree that is too large is not read."""
    edit = Edit(
        task=task,
        submission=submission,
        tree=tree,
        specialist=specialist,
        settings=settings.of(Settings),
    )
    found = [v for family in OF_FILES for v in islice(family.check(edit), MOST)]
    if not any(v.rule in size.RULES for v in found):
        found += [v for family in OF_CODE for v in islice(family.check(edit), MOST)]
    return found
