from __future__ import annotations

from collections import Counter

import pytest

from autores.tasks.text.dice import TEST_KEY
from autores.tasks.text.questions import QUESTION_SETS, QuestionKind, QuestionSet, questions
from autores.tasks.text.world import WHOLE, draw_world

FIELDS = {
    QuestionKind.CHOICE: {"query", "choices", "gold"},
    QuestionKind.SCHEMA: {"context_options", "continuation", "gold"},
    QuestionKind.PRODUCE: {"context", "continuation"},
}
NOTHING_TO_CHOOSE = QuestionKind.PRODUCE
of_each = pytest.mark.parametrize("which", QUESTION_SETS, ids=lambda q: q.label)
with_options = pytest.mark.parametrize(
    "which",
    [q for q in QUESTION_SETS if q.kind is not NOTHING_TO_CHOOSE],
    ids=lambda q: q.label,
)


def _options(question: object) -> list[str]:
    return question.get("choices") or question["context_options"]  # type: ignore[attr-defined, index, no-any-return]


@of_each
def test_there_are_many_different_questions_of_the_published_form(which: QuestionSet) -> None:
    found = questions(TEST_KEY, which, "evaluation", 400)
    assert len({repr(q) for q in found}) == 400
    assert all(set(question) == FIELDS[which.kind] for question in found)
    assert which.chance == 0 or all(
        len(set(_options(q))) == len(_options(q)) == 100 / which.chance for q in found
    )


@with_options
def test_the_right_option_stands_anywhere(which: QuestionSet) -> None:
    found = questions(TEST_KEY, which, "evaluation", 400)
    count = len(_options(found[0]))
    for gold in range(count):
        share = sum(q["gold"] == gold for q in found) / len(found)
        assert share == pytest.approx(1 / count, abs=0.12)


@with_options
def test_liking_an_option_whatever_is_asked_earns_nothing(which: QuestionSet) -> None:
    """Each option of a group is right once, so that any order of preference finds one of all."""
    found = questions(TEST_KEY, which, "evaluation", 400)
    size = len(_options(found[0]))
    for start in range(0, 400, size):
        group = found[start : start + size]
        assert len({frozenset(_options(q)) for q in group}) == 1
        right = Counter(_options(q)[q["gold"]] for q in group)
        assert set(right.values()) == {1}


def test_all_three_kinds_are_there() -> None:
    assert {which.kind for which in QUESTION_SETS} == set(QuestionKind)
    assert len({which.label for which in QUESTION_SETS}) == len(QUESTION_SETS) >= 6


def test_splits_share_no_random_numbers() -> None:
    sums = next(q for q in QUESTION_SETS if q.label == "sums")
    first, second = (questions(TEST_KEY, sums, s, 50) for s in ("evaluation", "certification"))
    assert first != second


def test_answers_are_true() -> None:
    world = {f"{p.name} {p.surname}": p for p in draw_world(TEST_KEY).people}
    home = next(q for q in QUESTION_SETS if q.label == "world_home")
    for question in questions(TEST_KEY, home, "evaluation", 50):
        who = world[question["query"].split("\n")[0]]
        assert question["choices"][question["gold"]] == who.home.name


def test_who_found_it_still_has_it() -> None:
    holders = next(q for q in QUESTION_SETS if q.label == "holders_of_two")
    for question in questions(TEST_KEY, holders, "evaluation", 100):
        who, what = question["continuation"].removesuffix(".").split(" still had the ")
        told = [f"{who} found the {what}." in one for one in question["context_options"]]
        assert told.index(True) == question["gold"] and told.count(True) == 1


def test_too_many_questions_are_refused() -> None:
    relations = next(q for q in QUESTION_SETS if q.label == "world_relations")
    with pytest.raises(ValueError, match="has only"):
        questions(TEST_KEY, relations, "evaluation", 5_000, WHOLE)
