"""A held-out text as lanes that are read side by side, and the audit of who looks ahead in it.

Every lane begins at the beginning of a document, and a chunk holds the next piece of each.
What a lane's row needs as context has been told by then, so that a sliding window loses
nothing, and the rows of one chunk share no text: each can be audited by itself.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from autores.scoring.audit import CONTROLS, KEPT, Plan, Verdict, replayed
from autores.scoring.bits import Answerer, Chunk
from autores.scoring.likelihood import Losses, Tokens, losses
from autores.tasks.text.pieces import BOS, ByteTable


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """What is predicted: lanes × columns."""

    inputs: Tokens
    targets: Tokens
    vocabulary: int
    bytes: int
    """That all targets together stand for."""
    device: str | None = None
    """Where losses are computed; see `autores.scoring.likelihood.losses`."""

    def chunks(self, length: int) -> Iterator[Chunk]:
        """So many columns at a time."""
        for start in range(0, self.targets.shape[1], length):
            part = slice(start, start + length)
            yield Chunk(inputs=self.inputs[:, part], targets=self.targets[:, part])


def lay_out(
    tokens: NDArray[np.integer], *, lanes: int, columns: int, table: ByteTable
) -> tuple[Stream, Tokens]:
    """Lanes from documents one after the other, and the text that is left over.

    A document that a lane has no room for is cut; the next lane begins with the next one.

    Raises:
        ValueError: There is too little text.
    """
    starts = np.flatnonzero(tokens == BOS)
    rows, place = np.empty((lanes, columns + 1), np.int64), 0
    for lane in range(lanes):
        follow = np.searchsorted(starts, place)
        begin = int(starts[follow]) if follow < len(starts) else len(tokens)
        place = begin + columns + 1
        if place > len(tokens):
            raise ValueError(f"{len(tokens):,} tokens are too few for {lanes} × {columns}")
        rows[lane] = tokens[begin:place]
    inputs, targets = rows[:, :-1], rows[:, 1:]
    stream = Stream(
        inputs=inputs,
        targets=targets,
        vocabulary=len(table.base),
        bytes=int(table.bytes_of(inputs, targets).sum()),
    )
    return stream, tokens[place:].astype(np.int64)


def score_stream(answerer: Answerer, stream: Stream, length: int) -> list[Losses]:
    """Losses by chunk. Each is answered and scored before its truth is told; nothing twice."""
    found = []
    for chunk in stream.chunks(length):
        found.append(_score(answerer, stream, chunk.inputs, chunk.targets))
        answerer.reveal(chunk.targets)
    return found


def score_by_column(answerer: Answerer, stream: Stream) -> list[Losses]:
    """The strict mode: looking ahead within a lane is impossible."""
    return score_stream(answerer, stream, 1)


def _score(answerer: Answerer, stream: Stream, inputs: Tokens, targets: Tokens) -> Losses:
    logits = answerer.ask(inputs, shape=(*inputs.shape, stream.vocabulary))
    return losses(logits, targets, stream.device)


# --------------------------------------------------------------------------------- audit


class LanePlan(Plan):
    """Rows are lanes and share no text, so that all are cut but a few, which are `KEPT`."""

    @classmethod
    def draw(
        cls, secret: bytes, shapes: Sequence[tuple[int, ...]], chunk: int | None = None
    ) -> LanePlan:
        """Draw a plan from a secret, given the shapes of all chunks; the chunk, if none is named."""
        random = np.random.default_rng(int.from_bytes(secret, "little"))
        chunk = int(random.integers(len(shapes))) if chunk is None else chunk
        rows, length = shapes[chunk]
        cuts = random.integers(0, length, rows)
        cuts[random.permutation(rows)[: max(1, rows // CONTROLS)]] = KEPT
        return cls(chunk, cuts)


@dataclass(frozen=True, slots=True)
class StreamAudit:
    """Replays of one run, each in a fresh sandbox with the run's own seed."""

    stream: Stream
    length: int
    first: Sequence[Losses]
    """What the run measured, by chunk."""
    other: Tokens
    """Real text that is not in the run."""

    @property
    def rows_at_once(self) -> int:
        """How many rows one replay cuts."""
        rows = len(self.stream.targets)
        return rows - max(1, rows // CONTROLS)

    def order(self, salt: str) -> list[int]:
        """All chunks in an order that only who knows the text can tell: the same for one salt.

        Replays that follow it leave no chunk out, over however many looks they are spread.
        """
        text = hashlib.sha256(self.stream.targets.tobytes() + salt.encode()).digest()
        random = np.random.default_rng(int.from_bytes(text, "little"))
        return [int(chunk) for chunk in random.permutation(len(self.first))]

    def plan(self, secret: bytes, chunk: int | None = None) -> Plan:
        """Draw the plan of one replay, of a chunk that is drawn as well if none is named."""
        return LanePlan.draw(secret, [found.shape for found in self.first], chunk)

    def replay(self, answerer: Answerer, plan: Plan) -> Verdict:
        """Run again up to the perturbed chunk, and compare.

        Raises:
            ValueError: There is no such chunk.
        """
        parts = self.stream.chunks(self.length)
        score = partial(_score, answerer, self.stream)
        return replayed(plan, parts, self.first, self.other, score=score, reveal=answerer.reveal)
