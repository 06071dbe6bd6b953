from __future__ import annotations

import pytest

from autores.records import Outcome, Sample
from autores.status import Cause
from autores.tasks.nanochat.conditions import beyond_items


def _outcome(**items: str) -> Outcome:
    chances = {f"chance_{label}": 50.0 for label in items}
    sample = Sample(seed=1, score=0.1, metrics=chances, items=items)
    return Outcome(cause=Cause.VALID, score=0.1, samples=(sample,))


def test_a_gain_on_many_items_would_hold_on_others() -> None:
    better, worse = _outcome(t="1111" * 10), _outcome(t="1010" * 10)
    check = beyond_items([better], [worse])
    assert check.holds
    assert check.detail.startswith("+1.0000 ± 0.1581 over items")
    assert "0% of the variance" in check.detail  # all that varies is what they differ on


def test_a_gain_on_one_item_is_chance() -> None:
    check = beyond_items([_outcome(t="1110")], [_outcome(t="1100")])
    assert not check.holds


def test_no_gain_holds_nowhere() -> None:
    same = _outcome(t="1100", u="0120")
    assert not beyond_items([same], [same]).holds


def test_what_both_know_takes_away_no_certainty() -> None:
    ours, theirs = _outcome(t="1" * 9 + "0" * 91), _outcome(t="1" * 5 + "0" * 95)
    check = beyond_items([ours], [theirs])
    assert check.detail.startswith("+0.0800 ± 0.0392")
    assert "away 70% of the variance" in check.detail


def test_looks_are_averaged_item_by_item() -> None:
    ours = [_outcome(t="10"), _outcome(t="01")]
    check = beyond_items(ours, [_outcome(t="00"), _outcome(t="00")])
    assert check.holds
    assert check.detail.startswith("+1.0000 ± 0.0000")


@pytest.mark.parametrize("trial", [[], [_outcome()]])
def test_without_a_record_nothing_is_claimed(trial: list[Outcome]) -> None:
    check = beyond_items(trial, [_outcome(t="1")])
    assert not check.holds
    assert "not recorded" in check.detail
