from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from autores.evaluator.failure import Failed
from autores.scoring import likelihood
from autores.scoring.likelihood import credit, losses, produced
from autores.status import Cause

LOGITS = hnp.arrays(
    st.sampled_from([np.float16, np.float32, np.float64]),
    hnp.array_shapes(min_dims=2, max_dims=3, max_side=6),
    elements=st.floats(-30, 30, width=16),
)


@given(LOGITS)
def test_what_all_tokens_get_together_is_one(logits: np.ndarray) -> None:
    width = logits.shape[-1]
    each = [losses(logits, np.full(logits.shape[:-1], token)) for token in range(width)]
    np.testing.assert_allclose(sum(np.exp(-loss) for loss in each), 1, rtol=1e-5)
    assert all((loss > -1e-6).all() for loss in each)


@given(LOGITS, st.floats(-20, 20, width=16))
def test_a_constant_changes_nothing(logits: np.ndarray, constant: float) -> None:
    targets = np.zeros(logits.shape[:-1], np.int64)
    exact = logits.astype(np.float64)
    np.testing.assert_allclose(losses(exact, targets), losses(exact + constant, targets), atol=1e-9)


@settings(deadline=None)
@given(LOGITS)
def test_torch_says_the_same(logits: np.ndarray) -> None:
    pytest.importorskip("torch")
    targets = np.zeros(logits.shape[:-1], np.int64)
    np.testing.assert_allclose(losses(logits, targets, "cpu"), losses(logits, targets), atol=2e-5)


def test_blocks_make_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(0)
    logits, targets = random.normal(size=(101, 7)), random.integers(0, 7, 101)
    whole = losses(logits, targets)
    monkeypatch.setattr(likelihood, "BLOCK_BYTES", 4 * 7 * 10)
    np.testing.assert_array_equal(losses(logits, targets), whole)
    reference = np.log(np.exp(logits).sum(1)) - logits[np.arange(101), targets]
    np.testing.assert_allclose(whole, reference, atol=1e-12)


@pytest.mark.parametrize(
    "row",
    [
        [math.nan, 0, 0],
        [0, math.nan, 0],
        [math.inf, 0, 0],
        [0, math.inf, 0],
        [-math.inf, 0, 0],
        [-math.inf] * 3,
        [math.inf] * 3,
    ],
)
@pytest.mark.parametrize("device", [None, "cpu"])
def test_tricks_with_infinity_are_no_answer(row: list[float], device: str | None) -> None:
    if device:
        pytest.importorskip("torch")
    logits = np.array([[0.0, 0, 0], row])
    with pytest.raises(Failed) as caught:
        losses(logits, np.zeros(2, np.int64), device)
    assert caught.value.cause is Cause.NOT_FINITE


def test_tokens_that_cannot_be_may_have_no_weight() -> None:
    found = losses(np.array([[0.0, 0.0, -math.inf]]), np.array([1]))
    assert found[0] == pytest.approx(math.log(2))


def test_half_precision_moves_the_mean_little() -> None:
    random = np.random.default_rng(0)
    logits = random.normal(0, 3, (2000, 1024)).astype(np.float32)
    targets = random.integers(0, 1024, 2000)
    exact, half = losses(logits, targets), losses(logits.astype(np.float16), targets)
    assert abs(exact.mean() - half.mean()) < 1e-3


# -------------------------------------------------------------------------------- choosing


@given(st.lists(st.integers(0, 3).map(float), min_size=1, max_size=6))
def test_an_item_is_worth_one_however_options_tie(options: list[float]) -> None:
    assert sum(credit(options, right) for right in range(len(options))) == 1


def test_ties_are_shared_and_no_place_is_better() -> None:
    assert [credit([1.0, 1.0, 2.0, 1.0], right) for right in range(4)] == [
        Fraction(1, 3),
        Fraction(1, 3),
        0,
        Fraction(1, 3),
    ]


# -------------------------------------------------------------------------------- producing

WORDS = 8


class Speaker:
    """Says a number after each context; remembers what it was sent."""

    def __init__(self, says: dict[tuple[int, ...], int]) -> None:
        self.says = says
        self.sent: list[tuple[int, ...]] = []

    def __call__(self, contexts: Sequence[np.ndarray]) -> np.ndarray:
        keys = [tuple(int(token) for token in context) for context in contexts]
        self.sent += keys
        return np.eye(WORDS)[[self.says.get(key, 0) for key in keys]]


def _item(context: Sequence[int], wanted: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    return np.array(context, np.int64), np.array(wanted, np.int64)


def test_the_wanted_token_is_never_sent_before_it_is_said() -> None:
    speaker = Speaker({(1,): 5, (1, 5): 6, (2,): 3})
    items = [_item([1], [5, 6]), _item([2], [4, 4]), _item([2], [3, 7]), _item([2], [])]
    assert produced(speaker, items) == [True, False, False, True]
    assert sorted(speaker.sent) == [(1,), (1, 5), (2,), (2,), (2, 3)]


@given(
    st.lists(
        st.tuples(
            st.lists(st.integers(0, WORDS - 1), min_size=1, max_size=3),
            st.lists(st.integers(0, WORDS - 1), max_size=4),
        ),
        max_size=6,
    ),
    st.integers(0, 1000),
)
def test_it_is_what_saying_it_alone_gives(
    items: list[tuple[list[int], list[int]]], seed: int
) -> None:
    def says(context: tuple[int, ...]) -> int:
        return int(np.random.default_rng([seed, *context]).integers(0, 3))

    class Oracle(dict):  # type: ignore[type-arg]
        def get(self, key: tuple[int, ...], default: int = 0) -> int:
            return says(key)

    def alone(context: list[int], wanted: list[int]) -> bool:
        text = tuple(context)
        for token in wanted:
            if says(text) != token:
                return False
            text = (*text, token)
        return True

    found = produced(Speaker(Oracle()), [_item(*item) for item in items])
    assert found == [alone(*item) for item in items]


def test_a_tie_for_the_first_place_is_nobodys() -> None:
    items = [_item([1], [0])]
    assert produced(lambda contexts: np.zeros((len(contexts), WORDS)), items) == [False]


def test_a_candidate_that_copies_the_next_input_finds_nothing_to_copy() -> None:
    """Under teacher forcing it would be right everywhere: its answer is what follows."""

    def copier(contexts: Sequence[np.ndarray]) -> np.ndarray:
        logits = np.zeros((len(contexts), WORDS))
        logits[:, 0] = 1  # nothing follows the last token of a context
        return logits

    items = [_item([n], [(n % 7) + 1, 3]) for n in range(8)]
    assert produced(copier, items) == [False] * 8


def test_nan_is_no_answer() -> None:
    with pytest.raises(Failed):
        produced(lambda contexts: np.full((len(contexts), WORDS), np.nan), [_item([1], [0])])
