"""CORE against the published figures, and questions against texts written out by hand."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autores.tasks.nanochat.bundle import PUBLISHED_CHANCE, CoreTask, Kind
from autores.tasks.nanochat.core_metric import (
    Choice,
    Mark,
    Production,
    Tokens,
    centred,
    core,
    core_error,
    examples,
    first_items,
    left_items,
    paired_error,
    prompts,
    set_paper,
    unpaired_error,
)

PUBLISHED_LOG = (
    *(0.304023, 0.009920, 0.320407, 0.510522, 0.258532, 0.600000, 0.285012, 0.620239),
    *(0.296000, 0.252086, 0.304621, 0.553114, 0.516180, 0.143000, 0.269565, 0.368939),
    *(0.109524, 0.0, 0.035478, 0.078542, 0.542813, 0.252300),
)
"""Accuracies of a public nanochat run on the whole sets, in the published order."""


def _mark(chance: float, *credits: int, label: str = "t") -> Mark:
    return Mark(label, chance, tuple(map(Fraction, credits)))


# ------------------------------------------------------------------------------ the number


def test_the_published_log_gives_the_published_core() -> None:
    pairs = list(zip(PUBLISHED_LOG, PUBLISHED_CHANCE.values(), strict=True))
    marks = [Mark("", chance, (Fraction(accuracy),)) for accuracy, chance in pairs]
    assert core(marks) == pytest.approx(0.119520, abs=1e-6)
    found = dict(zip(PUBLISHED_CHANCE, marks, strict=True))
    for label, expected in {
        "boolq": -0.203123,
        "bigbench_language_identification": 0.177448,
        "commonsense_qa": 0.106265,
        "agi_eval_lsat_ar": 0.086956,
    }.items():
        assert found[label].centred == pytest.approx(expected, abs=2e-6)


def test_the_baselines_of_the_second_version_give_another_core() -> None:
    other = {
        **PUBLISHED_CHANCE,
        "commonsense_qa": 40.3,
        "agi_eval_lsat_ar": 25,
        "bigbench_language_identification": 25,
    }
    pairs = zip(PUBLISHED_LOG, other.values(), strict=True)
    marks = [Mark("", chance, (Fraction(accuracy),)) for accuracy, chance in pairs]
    assert core(marks) == pytest.approx(0.0950, abs=5e-5)


@pytest.mark.parametrize(
    ("accuracy", "chance", "expected"), [(0.35, 25, 0.1333), (0.62, 62, 0.0), (0.5, 62, -0.3158)]
)
def test_centring(accuracy: float, chance: float, expected: float) -> None:
    assert centred(accuracy, chance) == pytest.approx(expected, abs=5e-5)


def test_guessing_is_nought_and_knowing_is_one() -> None:
    assert core([_mark(25, 1, 0, 0, 0), _mark(50, 1, 0)]) == 0
    assert core([_mark(25, 1, 1), _mark(62, 1), _mark(0, 1)]) == 1


def test_the_error_is_binomial() -> None:
    mark = _mark(25, 1, 0, 0, 1)
    assert mark.error == pytest.approx(math.sqrt(0.25 / 4) / 0.75)
    assert core_error([mark, _mark(0, 1, 1)]) == pytest.approx(mark.error / 2)


@given(st.lists(st.booleans(), min_size=2, max_size=40))
def test_the_same_answers_have_no_paired_error(right: list[bool]) -> None:
    marks = [_mark(25, *map(int, right))]
    assert paired_error(marks, marks) == 0


def test_pairs_count_only_where_they_differ() -> None:
    one, other = [_mark(50, 1, 1, 0, 0)], [_mark(50, 1, 1, 1, 0)]
    assert paired_error(one, other) == pytest.approx(math.sqrt(3 / 16 / 4) / 0.5)


def test_asking_others_of_each_is_less_certain() -> None:
    one, other = [_mark(50, 1, 1, 0, 0)], [_mark(50, 1, 1, 1, 0)]
    assert unpaired_error(one, other) == pytest.approx(math.sqrt((4 + 3) / 16 / 4) / 0.5)


@given(st.lists(st.integers(0, 12), min_size=1))
def test_a_mark_is_what_it_tells(options: list[int]) -> None:
    mark = Mark("t", 25, tuple(Fraction(1, n) if n else Fraction(0) for n in options))
    assert Mark.read("t", 25, mark.told) == mark
    assert len(mark.told) == len(options)


# ------------------------------------------------------------------------------- the items


def test_items_come_in_the_published_order() -> None:
    items = [{"n": n} for n in range(6)]
    order = [item["n"] for item in first_items(items, -1)]
    assert order == [1, 0, 3, 2, 5, 4]
    assert [item["n"] for item in first_items(items, 2)] == order[:2]
    assert [item["n"] for item in left_items(items, 2)] == order[2:4]
    assert left_items(items, 6) == first_items(items, 6)


def test_examples_follow_from_the_number_of_the_item() -> None:
    assert examples(0, 10, 3) == [8, 2, 1]
    assert examples(3, 10, 0) == []
    assert all(n not in examples(n, 10, 9) for n in range(10))


# --------------------------------------------------------------------------- the questions

CHOICE = CoreTask(
    label="c",
    kind=Kind.CHOICE,
    shots=1,
    chance=50,
    delimiter="\nAnswer: ",
    items=(
        {"query": "Q1", "choices": ["ab", "ac"], "gold": 1},
        {"query": "Q2", "choices": ["x", "xy"], "gold": 0},
    ),
)
SCHEMA = CoreTask(
    label="s",
    kind=Kind.SCHEMA,
    shots=0,
    chance=50,
    items=({"context_options": ["A man", "The cat"], "continuation": "ran.", "gold": 1},),
)
PRODUCE = CoreTask(
    label="p",
    kind=Kind.PRODUCE,
    shots=1,
    chance=0,
    items=(
        {"context": " one, two, ", "continuation": "three"},
        {"context": "a b", "continuation": "c"},
    ),
)


def _letters(texts: Sequence[str]) -> list[Tokens]:
    """A token for each character, after a 0 for the beginning."""
    return [np.array([0, *map(ord, text)], np.int64) for text in texts]


def test_choices_follow_solved_examples() -> None:
    one, other = CHOICE.items
    assert prompts(CHOICE, one, [other]) == [
        "Q2\nAnswer: x\n\nQ1\nAnswer: ab",
        "Q2\nAnswer: x\n\nQ1\nAnswer: ac",
    ]


def test_contexts_to_be_continued_are_trimmed() -> None:
    one, other = PRODUCE.items
    assert prompts(PRODUCE, one, [other]) == ["a b c\n\none, two,", "a b c\n\none, two, three"]


def test_what_options_have_in_common_is_not_scored() -> None:
    (question, nested) = set_paper(CHOICE, CHOICE.items, _letters).questions
    assert isinstance(question, Choice) and isinstance(nested, Choice)
    assert question.right == 1
    assert [chr(span.tokens[span.start]) for span in question.options] == ["b", "c"]
    assert [len(span.tokens) - span.start for span in nested.options] == [1, 2]


def test_of_schemas_the_common_end_is_scored() -> None:
    (question,) = set_paper(SCHEMA, SCHEMA.items, _letters).questions
    assert isinstance(question, Choice)
    scored = ["".join(map(chr, span.tokens[span.start :])) for span in question.options]
    assert scored == [" ran.", " ran."]


def test_what_is_to_be_produced_stands_after_the_context() -> None:
    question = set_paper(PRODUCE, PRODUCE.items, _letters).questions[1]
    assert isinstance(question, Production)
    assert "".join(map(chr, question.context[1:])).endswith("\n\na b")
    assert "".join(map(chr, question.wanted)) == " c"


def test_an_end_that_melts_into_its_context_is_refused() -> None:
    def melting(texts: Sequence[str]) -> list[Tokens]:
        return [np.array([0, len(text)]) for text in texts]

    with pytest.raises(ValueError, match="p: the tokens"):
        set_paper(PRODUCE, PRODUCE.items, melting)


def test_models_that_declare_a_length_are_cut_from_the_left() -> None:
    (question,) = set_paper(SCHEMA, SCHEMA.items, _letters, longest=8).questions
    assert isinstance(question, Choice)
    span = question.options[0]
    assert "".join(map(chr, span.tokens)) == "man ran."
    assert "".join(map(chr, span.tokens[span.start :])) == " ran."
