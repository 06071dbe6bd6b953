from __future__ import annotations

from dataclasses import replace
from random import Random

from autores.plugins.agents.evolve import candidates as make
from autores.plugins.agents.evolve.candidates import Candidate, Situation
from autores.plugins.agents.evolve.genome import OFF, ON, Allele, Edit, edited, move_gene
from autores.plugins.agents.evolve.history import Fate, Margin, Observation
from autores.plugins.agents.evolve.knobs import find_knobs
from autores.plugins.agents.evolve.model import Model, Yardstick
from autores.records import Direction

SOURCE = b'lr = 0.1\nsteps = 100\nkind = "a"  # "a" | "b"\n'
LR = Edit(gene="t.py::lr", old="0.1", new="0.2")
STEPS = Edit(gene="t.py::steps", old="100", new="80")
MOVE = Edit(gene=move_gene("m"), old=OFF, new=ON)
ROOT = Observation(id=0, genome={}, score=1.0, leading=True)


def child(number: int, score: float, *edits: Edit, **fields: object) -> Observation:
    known = {"fate": Fate.MEASURED, "parent": 0, "operator": "turn"} | fields
    return Observation(id=number, genome=edited({}, edits), edits=edits, score=score, **known)  # type: ignore[arg-type]


def at(*seen: Observation, parent: Observation = ROOT, moves: tuple[Edit, ...] = ()) -> Situation:
    everything = [*seen, ROOT]
    origins = {gene: allele.origin for gene, allele in parent.genome.items()}
    return Situation(
        parent=parent,
        knobs=find_knobs("t.py", SOURCE, origins),
        moves=moves,
        seen=everything,
        model=Model(everything, Yardstick.of(Direction.MINIMIZE, [1.0]), 0.01),
        random=Random(0),
    )


def test_turns_go_to_both_sides_and_through_all_choices() -> None:
    edits = [c.edits[0] for c in make.turns(at())]
    rates = [float(e.new) for e in edits if e.gene == "t.py::lr"]
    assert min(rates) < 0.1 < max(rates) and len(set(rates)) == len(rates)
    assert [e.new for e in edits if e.gene == "t.py::kind"] == ['"b"']


def test_a_knob_can_go_back_to_the_seed_recipes_value() -> None:
    parent = Observation(id=3, genome={"t.py::lr": Allele(origin="0.05", now="0.1")}, score=1.0)
    (back,) = make.returns(at(parent, parent=parent))
    assert back.edits == (Edit(gene="t.py::lr", old="0.1", new="0.05"),)


def test_a_move_that_lost_is_retried_at_other_rates_and_cites_the_trial() -> None:
    found = list(make.variants(at(child(7, 1.1, MOVE), moves=(MOVE,))))
    assert {(c.edits[1].new, c.cites) for c in found} == {("0.05", (7,)), ("0.2", (7,))}


def test_what_turns_a_rate_itself_is_left_at_that() -> None:
    both, alone = (
        list(make.at_other_rates(at(), Candidate(edits=edits, operator="compound", merges=(3,))))
        for edits in ((MOVE, LR), (MOVE, STEPS))
    )
    assert both == [] and len(alone) == 2
    assert all(c.edits[:2] == (MOVE, STEPS) and c.merges == (3,) for c in alone)


def test_a_merge_takes_over_what_made_another_trial_better() -> None:
    (merged,) = make.merges(at(child(4, 0.9, STEPS), child(5, 1.2, LR)))
    assert merged.edits == (STEPS,) and merged.merges == merged.cites == (4,)


def test_what_others_tried_in_their_parts_is_taken_over_edit_by_edit() -> None:
    width = Edit(gene="net.py::width", old="8", new="16")
    depth = Edit(gene="net.py::depth", old="2", new="3")
    miss = child(3, 0.8, depth, LR, fate=Fate.MISSED)
    crash = child(4, None, Edit(gene="net.py::heads", old="4", new="7"), fate=Fate.BROKEN)  # type: ignore[arg-type]
    text = child(6, 0.9, Edit(gene="text:abc", old=OFF, new=ON))
    found = list(make.loans(at(child(5, 0.9, width), text, crash, miss, child(2, 0.9, width))))
    assert [(c.edits, c.merges) for c in found] == [((width,), (5,)), ((depth,), (3,))]


def test_what_the_tree_has_or_a_person_blocks_is_not_taken_over() -> None:
    width = Edit(gene="net.py::width", old="8", new="16")
    wider = Edit(gene="net.py::width", old="8", new="32")
    parent = child(1, 0.9, width)
    situation = at(child(2, 0.8, wider), child(3, 0.8, width), parent, parent=parent)
    (lent,) = make.loans(situation)
    assert lent.edits == (Edit(gene="net.py::width", old="16", new="32"),)
    assert list(make.loans(replace(situation, blocked=("net.py::width",)))) == []


def test_a_near_miss_is_repaired_with_what_eased_the_gate_before() -> None:
    short = {"accuracy": Margin(value=-0.01, sd=0.004)}
    wide = {"accuracy": Margin(value=0.05, sd=0.004)}
    base = {"accuracy": Margin(value=0.005, sd=0.004)}
    root = Observation(id=0, genome={}, score=1.0, leading=True, margins=base)
    miss = child(8, 0.7, STEPS, fate=Fate.MISSED, margins=short)
    situation = at(miss, child(6, 1.0, LR, margins=wide), root, parent=root)
    repairs = [c for c in make.repairs(situation) if len(c.edits) > 1]
    assert repairs and all(c.merges == (8,) and c.edits[0] == STEPS for c in repairs)
    assert "accuracy 1.00% short" in repairs[0].why
    raised = [e for e in repairs[0].edits if e.gene == "t.py::lr"]
    assert raised and float(raised[0].new) > 0.1


def test_one_repair_is_the_same_edit_half_as_far() -> None:
    miss = child(8, 0.7, STEPS, fate=Fate.MISSED, over="seconds")
    halved = [c.edits for c in make.repairs(at(miss)) if len(c.edits) == 1]
    assert halved and 80 < int(halved[0][0].new) < 100


def test_nothing_is_followed_that_crashed() -> None:
    assert not list(make.further(at(child(3, 1.0, LR, fate=Fate.BROKEN))))
    assert list(make.further(at(child(3, 1.0, LR))))


def test_compounds_never_touch_a_gene_twice() -> None:
    a, b, c = (Candidate(edits=(e,), operator="turn") for e in (LR, STEPS, MOVE))
    again = Candidate(edits=(Edit(gene=LR.gene, old="0.1", new="0.3"),), operator="turn")
    pairs = {compound.key for compound in make.compounds([a, b, c, again], 2)}
    assert len(pairs) == 5 and all(len({g for g, _ in key}) == 2 for key in pairs)


def test_equal_changes_are_kept_once() -> None:
    first = Candidate(edits=(LR, STEPS), operator="turn")
    second = Candidate(edits=(STEPS, LR), operator="merge")
    assert make.unique([first, second]) == [first]
