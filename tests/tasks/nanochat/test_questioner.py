from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from autores.evaluator.failure import Failed
from autores.tasks.nanochat.core_metric import Choice, Paper, Production, Span
from autores.tasks.nanochat.questioner import Questioner

WORDS = 16


class Counting:
    """A model that expects the next number, and remembers what it was asked."""

    def __init__(self, logits: Any = None) -> None:
        self.logits = logits
        self.seen: list[NDArray[Any]] = []

    def ask(self, *question: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
        tokens, rows, columns = question
        self.seen.append(tokens)
        assert shape == (len(rows), WORDS)
        if self.logits is not None:
            return np.full(shape, self.logits, np.float32)
        found = np.zeros(shape, np.float32)
        found[np.arange(len(rows)), (tokens[rows, columns] + 1) % WORDS] = 5.0
        return found


def _questioner(model: Counting, most_tokens: int = 64) -> Questioner:
    return Questioner(
        candidate=model,
        vocabulary=WORDS,
        padding=0,
        most_tokens=most_tokens,
        most_bytes=1 << 20,
        random=np.random.default_rng(0),
    )


def _span(*tokens: int, start: int) -> Span:
    return Span(np.array(tokens), start)


def _choice(right: int) -> Choice:
    return Choice((_span(0, 3, 4, 5, start=2), _span(0, 3, 9, start=2)), right)


def test_the_expected_option_is_chosen() -> None:
    paper = Paper("t", 50, (_choice(0), _choice(1), _choice(0)))
    mark = _questioner(Counting()).mark(paper)
    assert mark.credits == (1, 0, 1)
    assert (mark.label, mark.chance) == ("t", 50)


def test_a_model_that_tells_nothing_apart_gets_an_equal_share() -> None:
    mark = _questioner(Counting(logits=1.0)).mark(Paper("t", 50, (_choice(0), _choice(1))))
    assert mark.credits == (Fraction(1, 2), Fraction(1, 2))


def test_what_is_to_be_produced_is_never_sent_before_it_is_said() -> None:
    model = Counting()
    right = Production(np.array([0, 5]), np.array([6, 7, 8]))
    wrong = Production(np.array([0, 5]), np.array([6, 9, 10]))
    mark = _questioner(model).mark(Paper("p", 0, (right, wrong)))
    assert mark.credits == (1, 0)
    sent = {tuple(row) for batch in model.seen for row in batch}
    assert sent == {(0, 5), (0, 5, 6), (0, 5, 6, 7)}


def test_kinds_may_be_mixed_in_one_paper() -> None:
    produced = Production(np.array([0, 2]), np.array([3]))
    mark = _questioner(Counting()).mark(Paper("m", 0, (produced, _choice(1), produced)))
    assert mark.credits == (1, 0, 1)


@pytest.mark.parametrize("most_tokens", [1, 8, 1_000])
def test_losses_do_not_depend_on_how_questions_are_batched(most_tokens: int) -> None:
    spans = [_span(*range(n), start=max(1, n - 3)) for n in range(2, 12)]
    model = Counting()
    found = _questioner(model, most_tokens).losses(spans)
    assert [len(part) for part in found] == [len(s.tokens) - s.start for s in spans]
    expected = np.log(np.exp(5) + WORDS - 1) - 5
    assert np.allclose(np.concatenate(found), expected)
    assert most_tokens == 1_000 or all(b.size <= max(most_tokens, 10) for b in model.seen)


def test_every_place_comes_back_in_order() -> None:
    rows = np.arange(12).reshape(3, 4)
    found = _questioner(Counting(), most_tokens=4).every_place(rows)
    assert found.argmax(1).tolist() == [*range(1, 13)]


def test_what_is_not_a_number_ends_the_evaluation() -> None:
    with pytest.raises(Failed):
        _questioner(Counting(logits=np.nan)).mark(Paper("t", 50, (_choice(0),)))
