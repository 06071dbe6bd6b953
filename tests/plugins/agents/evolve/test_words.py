from __future__ import annotations

import pytest

from autores.moves import Move
from autores.plugins.agents.evolve.candidates import Candidate
from autores.plugins.agents.evolve.genome import OFF, ON, Edit, move_gene
from autores.plugins.agents.evolve.search import Plan
from autores.plugins.agents.evolve.words import hypothesis

MOVES = {"m": Move(name="m", surface="s", title="Pool by the mean", path="t.py", pieces=())}
LR = Edit(gene="t.py::lr", old="9.0", new="11.0")
FLIP = Edit(gene="t.py::flip", old='"none"', new='"random"')
MADE = Edit(gene=move_gene("m"), old=OFF, new=ON)
UNDONE = Edit(gene=move_gene("m"), old=ON, new=OFF)


def said(candidate: Candidate, fits: float = 1.0) -> str:
    plan = Plan(candidate=candidate, files={}, tree="", genome={}, delta=None, fits=fits)
    return hypothesis(plan, MOVES)


@pytest.mark.parametrize(
    ("edit", "text"),
    [(LR, "raise lr from 9.0 to 11.0."), (FLIP, 'set flip to "random" instead of "none".'),
     (MADE, "Pool by the mean."), (UNDONE, "undo “Pool by the mean”.")],
)  # fmt: skip
def test_an_edit_is_said_in_words(edit: Edit, text: str) -> None:
    assert said(Candidate(edits=(edit,), operator="turn")) == text


def test_a_repair_cites_the_trial_and_its_shortfall() -> None:
    repair = Candidate(edits=(LR, MADE), operator="repair", cites=(41, 3), why="2,314 bytes over")
    assert said(repair, fits=0.7) == (
        "Repair 0041 (2,314 bytes over): raise lr from 9.0 to 11.0; Pool by the mean "
        "(70% to stay within gates and limits)."
    )


def test_what_is_taken_over_names_the_trials() -> None:
    both = Candidate(edits=(LR, FLIP), operator="compound", cites=(12, 3), merges=(3, 12))
    assert said(both).startswith("Together with what 0003 and 0012 tried: raise lr")
    assert said(Candidate(edits=(LR, FLIP), operator="compound")).startswith("Together: raise lr")


def test_nothing_is_cited_where_there_is_nothing_to_cite() -> None:
    assert said(Candidate(edits=(MADE,), operator="variant")) == "Pool by the mean."
