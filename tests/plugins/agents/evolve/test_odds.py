from __future__ import annotations

from random import Random
from statistics import fmean

from autores.plugins.agents.evolve.genome import OFF, ON, Edit, move_gene
from autores.plugins.agents.evolve.history import Fate, Observation
from autores.plugins.agents.evolve.odds import Bandit, RunOdds, move_pulls, operator_pulls


def lr(new: str, old: str = "1.0") -> Edit:
    return Edit(gene="train.py::lr", old=old, new=new)


def seen(fate: Fate, *edits: Edit, number: int = 1) -> Observation:
    return Observation(id=number, genome={}, edits=edits, operator="turn", fate=fate)


def test_a_crash_lowers_the_odds_of_steps_as_far_and_farther() -> None:
    before, after = RunOdds([]), RunOdds([seen(Fate.BROKEN, lr("4.0"))])
    assert after.of([lr("4.0")]) < 0.75 * before.of([lr("4.0")])
    assert after.of([lr("8.0")]) < 0.75 * before.of([lr("8.0")])


def test_a_crash_speaks_less_against_small_steps_and_not_against_the_other_way() -> None:
    before, after = RunOdds([]), RunOdds([seen(Fate.BROKEN, lr("4.0"))])
    assert after.of([lr("4.0")]) < after.of([lr("1.2")]) < before.of([lr("1.2")])
    assert after.of([lr("0.25")]) == before.of([lr("0.25")])


def test_a_limit_is_a_cliff_too_but_a_missed_gate_is_not() -> None:
    over = Observation(id=1, genome={}, edits=(lr("4.0"),), fate=Fate.MISSED, over="bytes")
    assert RunOdds([over]).of([lr("4.0")]) < RunOdds([]).of([lr("4.0")])
    assert RunOdds([seen(Fate.MISSED, lr("4.0"))]).of([lr("4.0")]) > RunOdds([]).of([lr("4.0")])


def test_what_ran_speaks_for_all_that_lies_nearer() -> None:
    before, after = RunOdds([]), RunOdds([seen(Fate.MEASURED, lr("4.0"))])
    assert after.of([lr("2.0")]) > before.of([lr("2.0")])
    assert after.of([lr("8.0")]) == before.of([lr("8.0")])


def test_many_crashes_in_one_direction_close_it() -> None:
    crashes = [seen(Fate.BROKEN, lr(text)) for text in ("4.0", "2.0", "1.5", "1.2")]
    assert RunOdds(crashes).of([lr("1.1")]) < 0.5


def test_what_gates_refused_is_blamed_more_than_what_crashed() -> None:
    move = Edit(gene=move_gene("m"), old=OFF, new=ON)
    crashed, refused = (RunOdds([seen(f, move)]) for f in (Fate.BROKEN, Fate.REFUSED))
    assert refused.of([move]) < crashed.of([move]) < RunOdds([]).of([move])


def test_blame_is_shared_among_the_edits_of_a_trial() -> None:
    move = Edit(gene=move_gene("m"), old=OFF, new=ON)
    alone, shared = RunOdds([seen(Fate.BROKEN, move)]), RunOdds([seen(Fate.BROKEN, move, lr("2"))])
    assert alone.of([move]) < shared.of([move])


def test_what_ran_is_trusted_and_what_is_pending_says_nothing() -> None:
    nothing, ran = RunOdds([]), RunOdds([seen(Fate.MEASURED, lr("2.0"))])
    assert ran.of([lr("2.0")]) > nothing.of([lr("2.0")])
    assert RunOdds([seen(Fate.PENDING, lr("2.0"))]).of([lr("2.0")]) == nothing.of([lr("2.0")])


def test_arguments_deep_in_the_code_are_riskier_than_settings() -> None:
    deep = Edit(gene="train.py::Net.f.conv(bias)", old="False", new="True")
    assert RunOdds([]).of([deep]) < RunOdds([]).of([lr("1.1")])


def test_a_bandit_draws_higher_for_what_paid() -> None:
    bandit = Bandit([("good", 1.0)] * 8 + [("bad", 0.0)] * 8, paid=1.0, unpaid=2.0)
    draws = {
        name: fmean(bandit.draw(name, Random(i)) for i in range(400))
        for name in ("good", "new", "bad")
    }
    assert draws["good"] > 1.5 > draws["new"] > 0.5 > draws["bad"]


def test_pulls_are_counted_once_finished() -> None:
    move = Edit(gene=move_gene("m"), old=OFF, new=ON)
    trials = [seen(Fate.MEASURED, move), seen(Fate.PENDING, move, number=2)]
    assert operator_pulls(trials, {1: 1.0}) == [("turn", 1.0)]
    assert move_pulls(trials, {1: 0.5}) == [(move.gene, 0.5)]
