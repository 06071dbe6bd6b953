from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autores.evaluator.failure import Failed
from autores.scoring.bits import Text, bits_per_byte, chunks, score_chunks, score_columns
from autores.scoring.likelihood import losses

WORDS = 6
TABLE = np.random.default_rng(0).normal(size=(WORDS, WORDS))
LENGTHS = st.integers(1, 200)


def text_of(length: int, seed: int = 0) -> Text:
    tokens = np.random.default_rng(seed).integers(0, WORDS, length)
    return Text(tokens=tokens, vocabulary=WORDS, bytes=3 * length, start=0)


class Bigram:
    """Predicts from the token before; remembers all that it was told."""

    def __init__(self) -> None:
        self.asked: list[np.ndarray] = []
        self.told: list[np.ndarray] = []

    def ask(self, *question: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
        (before,) = question
        self.asked.append(before.copy())
        answer = TABLE[before]
        assert answer.shape == shape
        return answer

    def reveal(self, *truth: np.ndarray) -> None:
        self.told.append(truth[0])


def expected(text: Text) -> np.ndarray:
    return losses(TABLE[text.before], text.tokens)


@given(LENGTHS, st.integers(1, 9), st.integers(1, 30))
def test_chunks_ask_each_token_once_and_in_order(length: int, rows: int, row: int) -> None:
    text = text_of(length)
    made = list(chunks(text, rows=rows, length=row))
    np.testing.assert_array_equal(
        np.concatenate([c.targets.reshape(-1) for c in made]), text.tokens
    )
    np.testing.assert_array_equal(np.concatenate([c.inputs.reshape(-1) for c in made]), text.before)
    assert all(c.inputs.shape == c.targets.shape for c in made)
    assert all(c.inputs.shape[0] <= rows and c.inputs.shape[1] <= row for c in made)


@given(LENGTHS, st.integers(1, 9), st.integers(1, 30))
def test_chunks_give_the_losses_of_the_whole(length: int, rows: int, row: int) -> None:
    text = text_of(length)
    found = np.concatenate(
        [part.reshape(-1) for part in score_chunks(Bigram(), text, rows=rows, length=row)]
    )
    np.testing.assert_allclose(found, expected(text))
    nats = expected(text).sum()
    assert bits_per_byte(found, text) == pytest.approx(nats / math.log(2) / (3 * length))


def test_truth_is_told_after_each_answer() -> None:
    bigram = Bigram()
    text = text_of(100)
    score_chunks(bigram, text, rows=2, length=10)
    assert len(bigram.asked) == len(bigram.told) == 5
    np.testing.assert_array_equal(np.concatenate(bigram.told).reshape(-1), text.tokens)


@given(LENGTHS, st.integers(1, 40))
def test_columns_ask_each_token_once(length: int, lanes: int) -> None:
    text = text_of(length)
    bigram = Bigram()
    found = score_columns(bigram, text, lanes=lanes)
    count = min(lanes, length)
    starts = [lane * length // count for lane in range(count)]
    before = text.before.copy()
    before[starts] = text.start  # lanes begin without context
    np.testing.assert_allclose(found, losses(TABLE[before], text.tokens))


@given(LENGTHS, st.integers(1, 40))
def test_columns_tell_nothing_of_what_is_still_asked(length: int, lanes: int) -> None:
    text = Text(tokens=np.arange(1, length + 1), vocabulary=length + 1, bytes=1)
    count = min(lanes, length)
    edges = [lane * length // count for lane in range(count + 1)]

    class Watched:
        column = 0

        def ask(self, *question: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
            for lane, token in enumerate(question[0]):
                place = min(edges[lane] + self.column, edges[lane + 1])  # the token to come
                assert token <= place  # tokens count from 1: nothing at or after it
            self.column += 1
            return np.zeros(shape)

        def reveal(self, *truth: Any) -> None:
            raise AssertionError("columns tell by asking")

    found = score_columns(Watched(), text, lanes=lanes)
    np.testing.assert_allclose(found, math.log(length + 1))


def test_a_table_of_bytes_of_the_candidate_has_no_place() -> None:
    text = text_of(10)
    with pytest.raises(ValueError, match="9 losses for 10 tokens"):
        bits_per_byte(expected(text)[:9], text)


def test_uniform_guesses_cost_the_logarithm() -> None:
    text = Text(tokens=np.zeros(8, np.int64), vocabulary=256, bytes=8)
    assert bits_per_byte(np.full(8, math.log(256)), text) == pytest.approx(8.0)


@pytest.mark.parametrize("changes", [{"tokens": np.zeros(0, np.int64)}, {"bytes": 0}])
def test_an_empty_text_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="empty"):
        Text(**({"tokens": np.zeros(3, np.int64), "vocabulary": 2, "bytes": 3} | changes))


def test_what_is_not_finite_ends_it() -> None:
    class Broken(Bigram):
        def ask(self, *question: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
            return np.full(shape, np.nan)

    with pytest.raises(Failed):
        score_chunks(Broken(), text_of(10), rows=2, length=2)
    with pytest.raises(Failed):
        score_columns(Broken(), text_of(10), lanes=2)
