from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autores.lineage.select import arrange, matches, words
from autores.lineage.store import Order, Query
from autores.records import Direction, Trial
from autores.testing.stores import submission


def trial(number: int, **fields: object) -> Trial:
    text = str(fields.pop("text", ""))
    return Trial(id=number, submission=submission(number, hypothesis=text), **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("WARM", True),
        ("up warm", True),
        ("arm", False),
        ("warm missing", False),
        ("", True),
        ("!?", True),
        ("STRASSE", True),
    ],
)
def test_each_word_begins_a_word(text: str, found: bool) -> None:
    assert matches(trial(1, text="Longer warm-up, Straße"), Query(text=text)) is found


@given(st.text(), st.text())
def test_words_know_no_case_and_join(one: str, two: str) -> None:
    assert words(one.upper()) == words(one.upper().casefold())
    assert words(f"{one} {two}") == words(one) + words(two)


@pytest.mark.parametrize(
    ("order", "direction", "ids"),
    [
        (Order.OLDEST, Direction.MINIMIZE, (1, 2, 3, 4)),
        (Order.NEWEST, Direction.MINIMIZE, (4, 3, 2, 1)),
        (Order.BEST, Direction.MINIMIZE, (3, 1, 2)),
        (Order.BEST, Direction.MAXIMIZE, (1, 2, 3)),
        (Order.LATEST, Direction.MINIMIZE, (2, 3, 1)),
    ],
)
def test_the_order_breaks_ties_by_id(
    order: Order, direction: Direction, ids: tuple[int, ...]
) -> None:
    trials = [
        trial(3, score=0.5, finished_at=2.0),
        trial(1, score=1.0, finished_at=1.0),
        trial(4),
        trial(2, score=1.0, finished_at=2.0),
    ]
    found = tuple(t.id for t in arrange(trials, Query(order=order), direction))
    assert found == ids
    assert len(arrange(trials, Query(order=order, limit=2), direction)) == 2
