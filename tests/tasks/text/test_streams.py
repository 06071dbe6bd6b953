from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from autores.scoring.bits import Chunk
from autores.tasks.text.pieces import BOS, ByteTable
from autores.tasks.text.streams import (
    KEPT,
    LanePlan,
    Stream,
    StreamAudit,
    lay_out,
    score_by_column,
    score_stream,
)
from autores.tasks.text.tokenizer import byte_tokenizer

TABLE = ByteTable.of(byte_tokenizer().pieces)
VOCABULARY = len(TABLE.base)
RANDOM = np.random.default_rng(3)


def _text(documents: int, least: int = 40, most: int = 90) -> NDArray[np.int64]:
    parts = []
    for _ in range(documents):
        parts += [np.array([BOS]), RANDOM.integers(100, 124, RANDOM.integers(least, most))]
    return np.concatenate(parts)


@pytest.fixture(scope="module")
def laid_out() -> tuple[Stream, NDArray[np.int64]]:
    return lay_out(_text(400), lanes=64, columns=96, table=TABLE)


class Model:
    """A bigram model that learns from what it is told, exact in its order of operations."""

    def __init__(self, cheat: Callable[[Any, NDArray[Any]], None] | None = None) -> None:
        self.counts = np.ones((VOCABULARY, VOCABULARY))
        self.cheat = cheat
        self.asked = self.told = 0

    def ask(self, *question: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
        (inputs,) = question
        assert self.asked == self.told
        self.asked += 1
        self.inputs = inputs
        logits = np.log(self.counts[inputs]).astype(np.float32)
        if self.cheat:
            self.cheat(logits, inputs)
        assert logits.shape == shape
        return logits

    def reveal(self, *truth: NDArray[Any]) -> None:
        self.told += 1
        np.add.at(self.counts, (self.inputs, truth[0]), 1)


def _peek(share: float) -> Callable[[Any, NDArray[Any]], None]:
    def cheat(logits: Any, inputs: NDArray[Any]) -> None:
        rows = np.random.default_rng(0).random(len(inputs)) < share
        for row in np.flatnonzero(rows):
            logits[row, np.arange(inputs.shape[1] - 1), inputs[row, 1:]] += 20

    return cheat


# -------------------------------------------------------------------------------- layout


def test_lanes_begin_with_documents_and_follow_the_text() -> None:
    tokens = _text(60)
    stream, rest = lay_out(tokens, lanes=8, columns=200, table=TABLE)
    assert (stream.inputs[:, 0] == BOS).all()
    assert np.array_equal(stream.inputs[:, 1:], stream.targets[:, :-1])
    text = tokens.tobytes()
    places = [
        text.find(row.tobytes()) for row in np.hstack([stream.inputs, stream.targets[:, -1:]])
    ]
    assert places == sorted(places)
    assert min(np.diff(places)) >= 8 * 201
    assert text.endswith(rest.tobytes())


def test_bytes_are_those_of_the_targets() -> None:
    stream, _ = lay_out(_text(60), lanes=8, columns=200, table=TABLE)
    assert stream.bytes == (stream.targets != BOS).sum()


def test_too_little_text_is_refused() -> None:
    with pytest.raises(ValueError, match="too few"):
        lay_out(_text(5), lanes=8, columns=200, table=TABLE)


@pytest.mark.parametrize("length", [1, 7, 96, 500])
def test_chunks_hold_every_token_once(laid_out: Any, length: int) -> None:
    stream, _ = laid_out
    chunks: list[Chunk] = list(stream.chunks(length))
    assert np.array_equal(np.hstack([c.targets for c in chunks]), stream.targets)


# ------------------------------------------------------------------------------- scoring


def test_losses_are_those_of_an_independent_computation(laid_out: Any) -> None:
    stream, _ = laid_out
    found = score_stream(Model(), stream, 32)
    counts, total = np.ones((VOCABULARY, VOCABULARY)), 0.0
    for chunk in stream.chunks(32):
        for before, token in zip(chunk.inputs.ravel(), chunk.targets.ravel(), strict=True):
            total -= np.log(counts[before, token]) - np.log(counts[before].sum())
        np.add.at(counts, (chunk.inputs, chunk.targets), 1)
    bits = total / np.log(2) / stream.bytes
    assert sum(map(np.sum, found)) / np.log(2) / stream.bytes == pytest.approx(bits, abs=1e-6)


def test_columns_are_chunks_of_one(laid_out: Any) -> None:
    stream, _ = laid_out
    seen: list[tuple[int, ...]] = []
    model = Model(lambda logits, inputs: seen.append(inputs.shape))
    assert len(score_by_column(model, stream)) == 96
    assert set(seen) == {(64, 1)}


# --------------------------------------------------------------------------------- audit


def _audit(stream: Stream, other: NDArray[np.int64], make: Callable[[], Model]) -> StreamAudit:
    return StreamAudit(stream, 32, score_stream(make(), stream, 32), other)


def test_who_is_honest_passes_although_it_learns(laid_out: Any) -> None:
    audit = _audit(*laid_out, Model)
    for number in range(5):
        verdict = audit.replay(Model(), audit.plan(bytes([number])))
        assert verdict.passed
        assert verdict.rows == audit.rows_at_once == 56


@pytest.mark.parametrize(("share", "least"), [(1.0, 0.9), (0.1, 0.02)])
def test_who_peeks_is_found_at_the_share_of_its_rows(
    laid_out: Any, share: float, least: float
) -> None:
    def make() -> Model:
        return Model(_peek(share))

    audit = _audit(*laid_out, make)
    verdicts = [audit.replay(make(), audit.plan(bytes([n, 1]))) for n in range(6)]
    assert not all(v.passed for v in verdicts)
    moved = sum(v.moved for v in verdicts) / sum(v.rows for v in verdicts)
    assert least < moved < max(0.25, share)


def test_who_is_not_the_same_again_does_not_pass(laid_out: Any) -> None:
    audit = _audit(*laid_out, Model)
    noise = np.random.default_rng(5)

    def shake(logits: Any, inputs: NDArray[Any]) -> None:
        logits += noise.normal(0, 1, logits.shape)

    verdict = audit.replay(Model(shake), audit.plan(b"s"))
    assert not verdict.reproducible
    assert not verdict.passed


def test_perturbed_rows_keep_their_past_and_share_no_text(laid_out: Any) -> None:
    stream, other = laid_out
    other = np.arange(len(other)) + 1_000
    plan = LanePlan.draw(b"secret", [(64, 32)] * 3)
    changed = plan.perturb(stream.inputs[:, :32], other)
    for row, cut in enumerate(plan.cuts):
        last = 31 if cut == KEPT else int(cut)
        assert np.array_equal(changed[row, : last + 1], stream.inputs[row, : last + 1])
        assert (changed[row, last + 1 :] >= 1_000).all()
    fresh = changed[changed >= 1_000]
    assert len(set(fresh.tolist())) == len(fresh)


def test_plans_follow_the_secret() -> None:
    shapes = [(16, 8)] * 40
    chunks = {LanePlan.draw(bytes([n]), shapes).chunk for n in range(60)}
    assert len(chunks) > 20
    again = LanePlan.draw(b"x", shapes), LanePlan.draw(b"x", shapes)
    assert again[0].chunk == again[1].chunk
    assert np.array_equal(again[0].cuts, again[1].cuts)
    assert [LanePlan.draw(b"x", shapes, chunk).chunk for chunk in range(40)] == list(range(40))


def test_replays_that_follow_the_order_leave_no_chunk_out(laid_out: Any) -> None:
    audit = _audit(*laid_out, Model)
    order = audit.order("a")
    assert sorted(order) == list(range(len(audit.first)))
    assert order == _audit(*laid_out, Model).order("a")
    assert len({tuple(audit.order(str(n))) for n in range(40)}) > 2
    plans = [audit.plan(b"x", chunk) for chunk in order]
    assert [plan.chunk for plan in plans] == order


def test_too_little_other_text_is_refused(laid_out: Any) -> None:
    stream, other = laid_out
    with pytest.raises(ValueError, match="too little"):
        LanePlan.draw(b"x", [(64, 32)]).perturb(stream.inputs[:, :32], other[:5])
