"""Asks a candidate for logits: batches of token sequences, and only the places that count.

A question is three arrays: sequences, padded on the right with the token that begins a
document, and the row and column of each place after which logits are wanted. Nothing in it
says which option is right; options of all items stand in an order drawn from a secret.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from autores.scoring import credit, losses, produced
from autores.tasks.nanochat.core_metric import Choice, Mark, Paper, Production, Span, Tokens

Array = NDArray[Any]
TIE_DIGITS = 9
"""Mean losses that agree so far are the same: rounding depends on how many tokens there are."""


class Answering(Protocol):
    """What is needed of a candidate."""

    def ask(self, *question: Array, shape: tuple[int, ...]) -> Array:
        """One array of that shape."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Questioner:
    """One candidate, and how much is asked of it at a time."""

    candidate: Answering
    vocabulary: int
    padding: int
    most_tokens: int
    most_bytes: int
    random: np.random.Generator
    device: str | None = None

    def mark(self, paper: Paper) -> Mark:
        """Ask all questions of a task."""
        choices = [q for q in paper.questions if isinstance(q, Choice)]
        productions = [q for q in paper.questions if isinstance(q, Production)]
        found = iter(self._choose(choices))
        said = iter(self._produce(productions))
        credits = [next(found if isinstance(q, Choice) else said) for q in paper.questions]
        return Mark(paper.label, paper.chance, tuple(credits))

    def _choose(self, choices: Sequence[Choice]) -> list[Fraction]:
        spans = [span for choice in choices for span in choice.options]
        means = iter([round(float(part.mean()), TIE_DIGITS) for part in self.losses(spans)])
        return [credit([next(means) for _ in c.options], c.right) for c in choices]

    def _produce(self, productions: Sequence[Production]) -> list[Fraction]:
        matched = produced(self.next_logits, [(q.context, q.wanted) for q in productions])
        return [Fraction(int(right)) for right in matched]

    def losses(self, spans: Sequence[Span]) -> list[NDArray[np.float64]]:
        """The losses of the scored tokens of each sequence."""
        found: list[NDArray[np.float64]] = [np.zeros(0)] * len(spans)
        for batch in self._batches([len(s.tokens) - 1 for s in spans], [_scored(s) for s in spans]):
            places = [range(spans[n].start - 1, len(spans[n].tokens) - 1) for n in batch]
            logits = self._ask([spans[n].tokens[:-1] for n in batch], places)
            targets = np.concatenate([spans[n].tokens[spans[n].start :] for n in batch])
            each = losses(logits, targets, self.device)
            ends = np.cumsum([len(p) for p in places])[:-1]
            for number, part in zip(batch, np.split(each, ends), strict=True):
                found[number] = part
        return found

    def next_logits(self, contexts: Sequence[Tokens]) -> Array:
        """The logits of the token after each context."""
        found = np.empty((len(contexts), self.vocabulary), np.float32)
        for batch in self._batches([len(c) for c in contexts], [1] * len(contexts)):
            places = [range(len(contexts[n]) - 1, len(contexts[n])) for n in batch]
            found[batch] = self._ask([contexts[n] for n in batch], places)
        return found

    def every_place(self, rows: Tokens) -> Array:
        """The logits after each token of rows of one length, one place after the other."""
        found = np.empty((*rows.shape, self.vocabulary), np.float32)
        for batch in self._batches([rows.shape[1]] * len(rows), [rows.shape[1]] * len(rows)):
            answer = self._ask([rows[n] for n in batch], [range(rows.shape[1])] * len(batch))
            found[batch] = answer.reshape(len(batch), rows.shape[1], self.vocabulary)
        return found.reshape(-1, self.vocabulary)

    def _ask(self, sequences: Sequence[Tokens], places: Sequence[range]) -> Array:
        tokens = np.full((len(sequences), max(map(len, sequences))), self.padding, np.int32)
        for row, sequence in zip(tokens, sequences, strict=True):
            row[: len(sequence)] = sequence
        rows = np.repeat(np.arange(len(places), dtype=np.int32), [len(p) for p in places])
        columns = np.concatenate([np.array(p, np.int32) for p in places])
        shape = (len(columns), self.vocabulary)
        return self.candidate.ask(tokens, rows, columns, shape=shape)

    def _batches(self, lengths: Sequence[int], places: Sequence[int]) -> Iterator[list[int]]:
        """Numbers of sequences of like length, as many as a question may have."""
        mixed = self.random.permutation(len(lengths)).tolist()
        batch: list[int] = []
        wanted = 0
        for number in sorted(mixed, key=lambda n: lengths[n]):
            tokens = lengths[number] * (len(batch) + 1)
            bytes_ = 4 * self.vocabulary * (wanted + places[number])
            if batch and (tokens > self.most_tokens or bytes_ > self.most_bytes):
                yield batch
                batch, wanted = [], 0
            batch.append(number)
            wanted += places[number]
        if batch:
            yield batch


def _scored(span: Span) -> int:
    return len(span.tokens) - span.start
