"""Bits per byte of held-out text, and whether the candidate looks ahead in it.

Rows of one sequence begin at the beginning of a document each and share no text. They are
asked like everything else; recorded, never the score. The audit asks one group again with
other text after secret cuts: what comes before a cut must not change.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autores.errors import UserError
from autores.scoring import Verdict
from autores.scoring.likelihood import Losses
from autores.tasks.nanochat.core_metric import Span, Tokens
from autores.tasks.nanochat.questioner import Questioner
from autores.tasks.text.streams import Stream, StreamAudit


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """Rows of held-out text: groups, of which one is audited."""

    groups: tuple[Stream, ...]
    other: Tokens
    """Text that is in no row."""

    def bits_per_byte(self, found: Sequence[Losses]) -> float:
        """From the losses of all groups."""
        nats = math.fsum(float(part.sum()) for part in found)
        return nats / math.log(2) / sum(group.bytes for group in self.groups)


def hold(
    documents: Iterator[Tokens], rows: int, length: int, token_bytes: Tokens, *, group: int = 32
) -> Held:
    """Fill rows; a document that a row has no room for is cut.

    Args:
        documents: Held-out ones, each after the token that begins it.
        rows: How many.
        length: Of each, in tokens.
        token_bytes: Bytes of each token of the vocabulary.
        group: Rows that are audited together.

    Raises:
        UserError: There is too little text.
    """
    made = [_row(documents, length + 1) for _ in range(rows)]
    other = np.concatenate([_row(documents, length + 1) for _ in range(group)])
    parts = (np.stack(made[start : start + group]) for start in range(0, rows, group))
    return Held(groups=tuple(_group(part, token_bytes) for part in parts), other=other)


def _group(rows: Tokens, token_bytes: Tokens) -> Stream:
    return Stream(
        inputs=rows[:, :-1],
        targets=rows[:, 1:],
        vocabulary=len(token_bytes),
        bytes=int(token_bytes[rows[:, 1:]].sum()),
    )


def _row(documents: Iterator[Tokens], length: int) -> Tokens:
    parts, have = [], 0
    while have < length:
        document = next(documents, None)
        if document is None:
            raise UserError("there is too little held-out text; prepare the data again")
        parts.append(document[: length - have])
        have += len(parts[-1])
    return np.concatenate(parts)


@dataclass(frozen=True, slots=True)
class AllPlaces:
    """Asks for the logits at every place of a few whole rows."""

    questioner: Questioner

    def ask(self, *question: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
        """The logits after each token of the rows."""
        (inputs,) = question
        return self.questioner.every_place(inputs).reshape(shape)

    def reveal(self, *truth: NDArray[Any]) -> None:
        """Nothing is ever revealed here."""


def score(questioner: Questioner, held: Held) -> list[Losses]:
    """The losses of all groups; the logits of a whole group are never there at once."""
    return [np.stack(questioner.losses(list(_spans(group)))) for group in held.groups]


def _spans(group: Stream) -> Iterator[Span]:
    for first, targets in zip(group.inputs[:, :1], group.targets, strict=True):
        yield Span(np.concatenate((first, targets)), 1)


def audit(questioner: Questioner, held: Held, first: Sequence[Losses], secret: bytes) -> Verdict:
    """Ask one group again, perturbed; the candidate must be a fresh one."""
    number = int.from_bytes(secret, "little") % len(held.groups)
    group = held.groups[number]
    replay = StreamAudit(group, group.targets.shape[1], [first[number]], held.other)
    return replay.replay(AllPlaces(questioner), replay.plan(secret))
