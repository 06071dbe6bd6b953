"""Hypotheses in plain language."""

from __future__ import annotations

from collections.abc import Mapping

from autores.moves import Move
from autores.plugins.agents.evolve.candidates import Candidate
from autores.plugins.agents.evolve.genome import ON, Edit, is_text
from autores.plugins.agents.evolve.knobs import read_text
from autores.plugins.agents.evolve.search import Plan

_LONGEST = 160
_OPENINGS = {
    "repair": "Repair {trial}{why}",
    "merge": "Take over from {trial}",
    "join": "Merge {trial} into this tree",
    "further": "Follow {trial}",
    "variant": "Retry {trial} at another rate",
    "undo": "Step back",
    "compound": "Together",
    "asked": "As people asked{why}",
    "sample": "As the sampler suggests",
}


def hypothesis(plan: Plan, moves: Mapping[str, Move]) -> str:
    """One line: what it builds on, what changes, and the odds."""
    candidate = plan.candidate
    said = "; ".join(_sentence(edit, moves) for edit in candidate.edits)
    opening = _opening(candidate)
    odds = f" ({plan.fits:.0%} to stay within gates and limits)" if plan.fits < 0.995 else ""
    return f"{opening}{said}{odds}."


def _opening(candidate: Candidate) -> str:
    text = _OPENINGS.get(candidate.operator, "")
    if "{trial}" in text and not candidate.cites:
        return ""
    if candidate.operator == "compound" and candidate.merges:
        text += f" with what {' and '.join(f'{trial:04d}' for trial in candidate.merges)} tried"
    trial = f"{candidate.cites[0]:04d}" if candidate.cites else ""
    why = f" ({shortened(candidate.why)})" if candidate.why else ""
    return f"{text.format(trial=trial, why=why)}: " if text else ""


def shortened(text: str) -> str:
    """One line that leaves room for the rest."""
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"


def _sentence(edit: Edit, moves: Mapping[str, Move]) -> str:
    if is_text(edit.gene):
        return f"the text of {edit.name}"
    if edit.move:
        title = moves[edit.move].title if edit.move in moves else edit.move
        return title if edit.new == ON else f"undo “{title}”"
    old, new = read_text(edit.old), read_text(edit.new)
    if isinstance(old, bool | str | None) or isinstance(new, bool | str | None):
        return f"set {edit.name} to {edit.new} instead of {edit.old}"
    return f"{'raise' if new > old else 'lower'} {edit.name} from {edit.old} to {edit.new}"
