"""Whether a specialist keeps to what it owns, and to how far it should go."""

from __future__ import annotations

from collections.abc import Iterator

from autores.plugins.gates.edit import Edit
from autores.plugins.gates.settings import Scope
from autores.records import Severity, Violation
from autores.workspace.names import shown
from autores.workspace.radius import edit_size
from autores.workspace.surfaces import Place, outside, owned_surfaces


def check(edit: Edit) -> Iterator[Violation]:
    """What lies outside the specialist's surfaces, and an edit of too large a radius."""
    if edit.is_seed:
        return
    if edit.settings.scope is not Scope.OFF:
        refuse = edit.settings.scope is Scope.ENFORCE
        severity = Severity.REFUSE if refuse else Severity.WARN
        trees = edit.before, edit.tree
        for place in outside(edit.task, edit.specialist, *trees, edit.changes, edit.merged):
            yield _foreign(edit, place, severity)
    yield from _radius(edit)


def _foreign(edit: Edit, place: Place, severity: Severity) -> Violation:
    own = ", ".join(sorted(owned_surfaces(edit.task, edit.specialist))) or "nothing here"
    what = place.symbol or "this"
    whose = f"belongs to {', '.join(place.surfaces)}" if place.surfaces else "has no surface"
    return Violation(
        rule="scope",
        message=f"{what} {whose}; {edit.specialist.key} owns {own}.",
        fix="Restore it. Free are imports, comments, new names with a leading '_', new code that "
        "your own parts use, where your own parts are called, and what stands just so in a trial "
        "that you merge.",
        severity=severity,
        path=shown(place.path),
        line=place.line,
    )


def _radius(edit: Edit) -> Iterator[Violation]:
    size = edit.submission.edit or edit_size(edit.before, edit.tree, edit.task.recipe)
    wanted = edit.specialist.radius
    if size.radius.rank > wanted.rank and not edit.merged:
        yield Violation(
            rule="radius",
            message=f"a {size.radius.value} edit; {edit.specialist.key} makes {wanted.value} ones.",
            fix=f"Look for a {wanted.value} edit that tests the same idea.",
            severity=Severity.WARN,
            path=shown(size.files[0]) if size.files else "",
        )
