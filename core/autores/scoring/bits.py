"""Bits per byte of a text that the evaluator owns, fed by columns or by chunks."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from autores.scoring.likelihood import Losses, Tokens, losses


class Answerer(Protocol):
    """What scoring needs of a candidate; `autores.evaluator.arena.Candidate` is one."""

    def ask(self, *question: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
        """One array of that shape, in private memory."""

    def reveal(self, *truth: NDArray[Any]) -> None:
        """What would have been right."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """Tokens, how many there can be, and what they stand for."""

    tokens: Tokens
    vocabulary: int
    bytes: int
    """Of the raw text in UTF-8, counted by the evaluator."""
    start: int = 0
    """The token before the first."""
    device: str | None = None
    """Where losses are computed; see `autores.scoring.likelihood.losses`."""

    def __post_init__(self) -> None:
        if not len(self.tokens) or self.bytes <= 0:
            raise ValueError("an empty text has no bits per byte")

    @property
    def before(self) -> Tokens:
        """For each token the one before it."""
        return np.concatenate(([self.start], self.tokens[:-1])).astype(np.int64)


def bits_per_byte(found: Losses, text: Text) -> float:
    """From the losses of all tokens.

    Raises:
        ValueError: There are more or fewer losses than tokens.
    """
    if found.size != len(text.tokens):
        raise ValueError(f"{found.size} losses for {len(text.tokens)} tokens")
    return math.fsum(found.reshape(-1)) / math.log(2) / text.bytes


# ------------------------------------------------------------------------------- columns


def score_columns(answerer: Answerer, text: Text, *, lanes: int) -> Losses:
    """The strict mode: the text in lanes, of which one column is told and the next is asked.

    Looking ahead within a lane is impossible. Lanes begin without context, and what is
    learned from one lane serves the others, so this is another quantity than with chunks.
    """
    starts, lengths = _lanes(len(text.tokens), lanes)
    found = np.empty(len(text.tokens))
    known = np.full(len(starts), text.start, np.int64)
    for column in range(int(lengths.max())):
        there = np.flatnonzero(lengths > column)
        logits = answerer.ask(known, shape=(len(starts), text.vocabulary))
        places = starts[there] + column
        found[places] = losses(logits[there], text.tokens[places], text.device)
        known[there] = text.tokens[places]
    return found


def _lanes(tokens: int, lanes: int) -> tuple[Tokens, Tokens]:
    """Where consecutive lanes begin, and how long they are; lengths differ by one at most."""
    edges = np.arange(min(lanes, tokens) + 1, dtype=np.int64) * tokens // min(lanes, tokens)
    return edges[:-1], np.diff(edges)


# -------------------------------------------------------------------------------- chunks


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """Some consecutive rows: each token is asked with those before it in its row."""

    inputs: Tokens
    """Rows of a fixed length; the last row of a text may be a chunk of its own, and shorter."""
    targets: Tokens


def chunks(text: Text, *, rows: int, length: int) -> Iterator[Chunk]:
    """The whole text, each token once, in order."""
    before, tokens = text.before, text.tokens
    whole = len(tokens) // length * length
    for start in range(0, whole, rows * length):
        part = slice(start, min(start + rows * length, whole))
        yield Chunk(
            inputs=before[part].reshape(-1, length), targets=tokens[part].reshape(-1, length)
        )
    if whole < len(tokens):
        yield Chunk(inputs=before[None, whole:], targets=tokens[None, whole:])


def score_chunks(answerer: Answerer, text: Text, *, rows: int, length: int) -> list[Losses]:
    """Losses by chunk. Each is answered and scored before its truth is told; nothing twice.

    A chunk's inputs hold most of its targets, so that a keep needs an `Audit` besides.
    """
    found = []
    for chunk in chunks(text, rows=rows, length=length):
        found.append(score_chunk(answerer, text, chunk.inputs, chunk.targets))
        answerer.reveal(chunk.targets)
    return found


def score_chunk(answerer: Answerer, text: Text, inputs: Tokens, targets: Tokens) -> Losses:
    """The losses of one chunk, which is not told yet."""
    logits = answerer.ask(inputs, shape=(*inputs.shape, text.vocabulary))
    return losses(logits, targets, text.device)
