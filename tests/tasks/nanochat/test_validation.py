from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from autores.errors import UserError
from autores.tasks.nanochat import validation
from autores.tasks.nanochat.questioner import Questioner
from autores.tasks.nanochat.validation import Held

WORDS, ROWS, LENGTH, BOS = 32, 40, 24, 0


def _held() -> Held:
    random = np.random.default_rng(1)
    documents = (
        np.array([BOS, *random.integers(1, WORDS, random.integers(5, 40))]) for _ in range(400)
    )
    token_bytes = np.full(WORDS, 2)
    token_bytes[BOS] = 0
    return validation.hold(documents, ROWS, LENGTH, token_bytes)


class Model:
    """Knows a little of the next token, honestly or by looking at it."""

    def __init__(self, *, peeks: bool) -> None:
        self.peeks = peeks

    def ask(self, *question: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
        tokens, rows, columns = question
        found = np.zeros(shape, np.float32)
        found[np.arange(len(rows)), (7 * tokens[rows, columns]) % WORDS] = 1.0
        inside = columns + 1 < tokens.shape[1]
        if self.peeks:
            places = np.flatnonzero(inside)
            found[places, tokens[rows[places], columns[places] + 1]] += 4.0
        return found


def _questioner(model: Model) -> Questioner:
    return Questioner(
        candidate=model,
        vocabulary=WORDS,
        padding=BOS,
        most_tokens=200,
        most_bytes=1 << 20,
        random=np.random.default_rng(0),
    )


def test_rows_begin_with_a_document_and_are_full() -> None:
    held = _held()
    assert [len(group.inputs) for group in held.groups] == [32, 8]
    for group in held.groups:
        assert (group.inputs[:, 0] == BOS).all()
        assert (group.inputs[:, 1:] == group.targets[:, :-1]).all()
        assert group.bytes == 2 * (group.targets != BOS).sum()


def test_guessing_costs_the_bits_of_a_token() -> None:
    held = _held()

    class Ignorant(Model):
        def ask(self, *question: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
            return np.zeros(shape, np.float32)

    losses = validation.score(_questioner(Ignorant(peeks=False)), held)
    counted = sum(group.bytes for group in held.groups)
    assert held.bits_per_byte(losses) == pytest.approx(5 * ROWS * LENGTH / counted)


@pytest.mark.parametrize("peeks", [False, True])
def test_who_looks_ahead_is_found(peeks: bool) -> None:
    held, model = _held(), Model(peeks=peeks)
    losses = validation.score(_questioner(model), held)
    verdict = validation.audit(_questioner(model), held, losses, b"\0" * 16)
    assert verdict.rows == 28
    assert (verdict.moved > 20) is peeks
    assert verdict.passed is not peeks


def test_too_little_text_is_said() -> None:
    with pytest.raises(UserError, match="too little"):
        validation.hold(iter([np.arange(5)]), 1, 24, np.ones(WORDS, np.int64))
