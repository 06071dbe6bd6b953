"""Candidates that look ahead, and how surely an audit finds them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from itertools import count

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autores.scoring.audit import GONE, KEPT, Audit, Plan, Verdict, rows_needed, together
from autores.scoring.bits import Text, bits_per_byte, chunks, score_chunks

WORDS, LENGTH = 16, 12
TABLE = 2 * np.random.default_rng(1).normal(size=(WORDS, WORDS))


def tokens_of(length: int, seed: int) -> np.ndarray:
    """A text that the table predicts as well as anything can."""
    random = np.random.default_rng(seed)
    chances = np.exp(TABLE) / np.exp(TABLE).sum(1, keepdims=True)
    edges, found = chances.cumsum(1), [0]
    for draw in random.random(length - 1):
        found.append(min(WORDS - 1, int(np.searchsorted(edges[found[-1]], draw))))
    return np.array(found)


class Model:
    """Knows the table, adapts a little to the truth, and may look ahead."""

    def __init__(self, peek: Callable[[np.ndarray, int], np.ndarray] | None = None) -> None:
        self.table = TABLE.copy()
        self.peek = peek
        self.asked = 0

    def ask(self, *question: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
        (inputs,) = question
        logits = self.table[inputs].astype(np.float16)
        if self.peek is not None:
            logits += self.peek(inputs, self.asked).astype(np.float16)
        self.asked += 1
        return logits

    def reveal(self, *truth: np.ndarray) -> None:
        np.add.at(self.table, truth[0].reshape(-1), 1e-3)


def ahead(inputs: np.ndarray) -> np.ndarray:
    """Weight on each next input; of the last one of a row on the first of the next row."""
    flat = np.append(inputs.reshape(-1)[1:], 0)
    return 8 * np.eye(WORDS)[flat].reshape(*inputs.shape, WORDS)


def on_share(share: float) -> Callable[[np.ndarray, int], np.ndarray]:
    def peek(inputs: np.ndarray, number: int) -> np.ndarray:
        chosen = np.random.default_rng(number).random(len(inputs)) < share
        return ahead(inputs) * chosen[:, None, None]

    return peek


def last_of_rows(inputs: np.ndarray, number: int) -> np.ndarray:
    boost = ahead(inputs)
    boost[:, :-1] = 0
    return boost


def mildly(inputs: np.ndarray, number: int) -> np.ndarray:
    """Conditions on the token after the one that is asked."""
    return 0.1 * np.roll(TABLE[inputs], -1, axis=1)


def coin_flip(run: int) -> Callable[[np.ndarray, int], np.ndarray]:
    heads = np.random.default_rng(run)  # another run, another side
    return lambda inputs, number: ahead(inputs) * (heads.random() < 0.5)


def audit_of(make: Callable[[], Model], rows: int, parts: int = 4) -> Audit:
    tokens = tokens_of(rows * LENGTH * parts, 2)
    text = Text(tokens=tokens, vocabulary=WORDS, bytes=len(tokens))
    first = score_chunks(make(), text, rows=rows, length=LENGTH)
    other = tokens_of(rows * LENGTH, 3)
    return Audit(text=text, rows=rows, length=LENGTH, first=first, other=other)


def replays(audit: Audit, make: Callable[[], Model], count: int) -> Verdict:
    plans = [audit.plan(bytes([number, 7])) for number in range(count)]
    return together([audit.replay(make(), plan) for plan in plans])


def test_an_honest_candidate_is_never_caught() -> None:
    audit = audit_of(Model, rows=64)
    verdict = replays(audit, Model, 8)
    assert (verdict.moved, verdict.mean_change, verdict.drift) == (0, 0, 0)
    assert verdict.passed
    assert verdict.rows > 200


@pytest.mark.parametrize(
    ("peek", "replayed"),
    [
        (on_share(0.01), 12),
        (on_share(0.10), 2),
        (on_share(1.00), 1),
        (mildly, 1),
        (last_of_rows, 3),
    ],
)
def test_who_looks_ahead_gains_and_is_caught(
    peek: Callable[[np.ndarray, int], np.ndarray], replayed: int
) -> None:
    def make() -> Model:
        return Model(peek)

    audit = audit_of(make, rows=128)
    verdict = replays(audit, make, replayed)
    assert verdict.moved > 0
    assert not verdict.passed
    assert verdict.reproducible


def test_looking_ahead_would_pay() -> None:
    bits = {}
    for share in (0.0, 0.1, 1.0):
        audit = audit_of(lambda share=share: Model(on_share(share)), rows=64)
        bits[share] = bits_per_byte(np.concatenate(audit.first), audit.text)
    assert bits[0.0] > bits[0.1] > bits[1.0]
    assert bits[1.0] < 0.1 * bits[0.0]


def test_who_decides_by_a_coin_cannot_be_reproduced() -> None:
    runs = count()

    def make() -> Model:
        return Model(coin_flip(next(runs)))

    audit = audit_of(make, rows=64)
    verdicts = [audit.replay(make(), audit.plan(bytes([n]))) for n in range(12)]
    assert not together(verdicts).passed
    assert not together(verdicts).reproducible


def test_leaks_are_found_at_the_stated_rate() -> None:
    share, found, tried, rows = 0.1, 0, 300, 16

    def make() -> Model:
        return Model(on_share(share))

    audit = audit_of(make, rows=rows, parts=40)
    for number in range(tried):
        verdict = audit.replay(make(), audit.plan(number.to_bytes(2, "little")))
        found += verdict.moved > 0
    expected = 1 - (1 - share) ** verdict.rows
    deviation = math.sqrt(expected * (1 - expected) / tried)
    assert abs(found / tried - expected) < 5 * deviation + 0.05  # 40 chunks are one draw


# ---------------------------------------------------------------------------------- plans


@settings(deadline=None)
@given(st.binary(min_size=1, max_size=16), st.integers(4, 40), st.integers(1, 20))
def test_a_plan_leaves_the_past_and_replaces_the_future(
    secret: bytes, rows: int, length: int
) -> None:
    text = Text(tokens=np.arange(1, rows * length * 2 + 1), vocabulary=1, bytes=1)
    made = list(chunks(text, rows=rows, length=length))
    plan = Plan.draw(secret, [chunk.inputs.shape for chunk in made])  # type: ignore[misc]
    chunk = made[plan.chunk]
    other = -np.arange(1, rows * length + 1)
    inputs = plan.perturb(chunk.inputs, other)
    replaced = inputs[inputs < 0]
    assert len(set(replaced.tolist())) == len(replaced)  # no text is used twice
    for row, cut in enumerate(plan.cuts):
        kept = {KEPT: length, GONE: 0}.get(int(cut), int(cut) + 1)
        np.testing.assert_array_equal(inputs[row, :kept], chunk.inputs[row, :kept])
        assert (inputs[row, kept:] < 0).all()
    for row in plan.rows:  # the target at the cut is nowhere to be seen
        assert chunk.targets[row, plan.cuts[row]] not in inputs


@given(st.binary(min_size=1, max_size=16))
def test_the_same_secret_is_the_same_plan(secret: bytes) -> None:
    shapes = [(20, 10)] * 5
    first, second = Plan.draw(secret, shapes), Plan.draw(secret, shapes)
    assert first.chunk == second.chunk
    np.testing.assert_array_equal(first.cuts, second.cuts)
    assert (first.cuts == KEPT).any()
    assert len(first.rows)


def test_small_chunks_cannot_be_audited() -> None:
    with pytest.raises(ValueError, match="four rows"):
        Plan.draw(b"x", [(3, 10)])


def test_too_little_other_text_is_refused() -> None:
    audit = audit_of(Model, rows=16)
    plan = audit.plan(b"x")
    chunk = next(chunks(audit.text, rows=16, length=LENGTH))
    with pytest.raises(ValueError, match="too little"):
        plan.perturb(chunk.inputs, np.zeros(5, np.int64))


# ---------------------------------------------------------------------------------- depth


def test_depth_follows_from_the_gain() -> None:
    assert rows_needed(0.00194, 1.08) == pytest.approx(2561, abs=1)


@given(st.floats(1e-4, 0.9), st.floats(0.001, 0.5))
def test_so_many_rows_are_enough_and_one_less_is_not(share: float, miss: float) -> None:
    rows = rows_needed(share, 1.0, miss)
    assert (1 - share) ** rows <= miss * (1 + 1e-9)
    assert rows == 1 or (1 - share) ** (rows - 1) > miss * (1 - 1e-9)


@pytest.mark.parametrize("gain", [0.0, -1.0, 1.08, 2.0])
def test_a_gain_that_is_none_has_no_depth(gain: float) -> None:
    with pytest.raises(ValueError, match="cannot be audited"):
        rows_needed(gain, 1.08)


@given(st.floats(0.001, 0.9), st.lists(st.integers(1, 64), min_size=1, max_size=9))
def test_what_is_found_lies_between_whole_chunks_and_rows_apart(
    share: float, rows: list[int]
) -> None:
    one = Verdict(rows=1, moved=0, mean_change=0.0, tolerance=1.0, drift=0.0)
    verdict = together([replace(one, rows=count) for count in rows])
    least, most = verdict.found(share)
    assert least == pytest.approx(1 - (1 - share) ** len(rows))
    assert most == pytest.approx(1 - (1 - share) ** sum(rows))
    assert least <= most + 1e-12


def test_a_leak_in_few_whole_chunks_is_found_as_often_as_is_said() -> None:
    """Only replays are looks of their own, however many rows each of them cuts."""
    audit = audit_of(Model, rows=16)
    chunk_count = len(audit.first)

    def peek(inputs: np.ndarray, number: int) -> np.ndarray:
        return ahead(inputs) * (number % 4 == 0)

    leaky = audit_of(lambda: Model(peek), rows=16)
    verdicts = [leaky.replay(Model(peek), leaky.plan(bytes([n, 7]))) for n in range(40)]
    share = math.ceil(chunk_count / 4) / chunk_count
    caught = sum(verdict.moved > 0 for verdict in verdicts) / len(verdicts)
    least, most = verdicts[0].found(share)
    assert abs(caught - least) < 0.25 < most - least
