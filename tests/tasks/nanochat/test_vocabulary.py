from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autores.tasks.nanochat.vocabulary import SPECIAL, Vocabulary, learn
from autores.tasks.text.dice import TEST_KEY
from autores.tasks.text.registers import documents

pytest.importorskip("tokenizers")
TEXTS = [*documents(TEST_KEY, "train", 50_000), "the naïve dog's bone – 1234 times\n\nthe end"]
SIZE = 320


@pytest.fixture(scope="module")
def vocabulary() -> Vocabulary:
    return learn(TEXTS, SIZE)


def test_special_tokens_come_last(vocabulary: Vocabulary) -> None:
    assert len(SPECIAL) == 9
    assert vocabulary.bos == SIZE - 9
    counted = vocabulary.token_bytes
    assert (counted[: SIZE - 9] > 0).all()
    assert (counted[SIZE - 9 :] == 0).all()


@given(st.text())
def test_tokens_stand_for_exactly_the_bytes_of_the_text(text: str) -> None:
    vocabulary = _shared()
    (tokens,) = vocabulary.encode([text])
    assert tokens[0] == vocabulary.bos
    assert vocabulary.token_bytes[tokens].sum() == len(text.encode())


def _shared(made: list[Vocabulary] = []) -> Vocabulary:  # noqa: B006  learned once
    if not made:
        made.append(learn(TEXTS, SIZE))
    return made[0]


def test_text_that_looks_like_a_special_token_is_text(vocabulary: Vocabulary) -> None:
    (tokens,) = vocabulary.encode(["<|bos|>"])
    assert (tokens[1:] < vocabulary.bos).all()


def test_at_most_two_digits_make_a_token(vocabulary: Vocabulary) -> None:
    (tokens,) = vocabulary.encode(["1234"])
    assert vocabulary.token_bytes[tokens].max() <= 2


def test_what_was_written_reads_the_same(vocabulary: Vocabulary, tmp_path: Path) -> None:
    path = tmp_path / "tokenizer" / "tokenizer.json"
    vocabulary.write(path)
    again = Vocabulary.open(path, SIZE)
    text = ["the naïve cat, 12 <|bos|>"]
    assert (again.encode(text)[0] == vocabulary.encode(text)[0]).all()
