from __future__ import annotations

import pytest

from autores.tasks.text.dice import TEST_KEY
from autores.tasks.text.questions import QUESTION_SETS, QuestionKind, QuestionSet, questions
from autores.tasks.text.world import draw_world

FIELDS = {
    QuestionKind.CHOICE: {"query", "choices", "gold"},
    QuestionKind.SCHEMA: {"context_options", "continuation", "gold"},
    QuestionKind.PRODUCE: {"context", "continuation"},
}
of_each = pytest.mark.parametrize("which", QUESTION_SETS, ids=lambda q: q.label)


@of_each
def test_there_are_many_different_questions_of_the_published_form(which: QuestionSet) -> None:
    found = questions(TEST_KEY, which, "evaluation", 400)
    assert len({repr(q) for q in found}) == 400
    assert all(set(question) == FIELDS[which.kind] for question in found)
    for question in found:
        options = question.get("choices") or question.get("context_options") or ()
        assert len(set(options)) == len(options)


@of_each
def test_the_right_option_stands_anywhere(which: QuestionSet) -> None:
    if which.kind is QuestionKind.PRODUCE:
        assert which.chance == 0
        return
    found = questions(TEST_KEY, which, "evaluation", 400)
    options = len(found[0].get("choices") or found[0]["context_options"])
    assert which.chance == 100 / options
    for gold in range(options):
        share = sum(q["gold"] == gold for q in found) / len(found)
        assert share == pytest.approx(1 / options, abs=0.12)


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


def test_too_many_questions_are_refused() -> None:
    friends = next(q for q in QUESTION_SETS if q.label == "world_friends")
    with pytest.raises(ValueError, match="has only"):
        questions(TEST_KEY, friends, "evaluation", 5_000)
