"""Byte pairs: learn a vocabulary from text, and turn text into tokens and back."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

import numpy as np

from autores.tasks.text.pieces import (
    BOS,
    SPACE,
    SPECIAL,
    UNKNOWN,
    Kind,
    Piece,
    Tokens,
)

COVERAGE = 0.999
"""Share of the characters that become pieces; the rest is spelled in bytes."""
_UNITS = re.compile(rf"{SPACE}?[^\W\d_]+|.", re.DOTALL)
"""No piece reaches over a unit: words with the space before them, and single characters."""


class Tokenizer:
    """A vocabulary in use."""

    def __init__(self, pieces: Sequence[Piece]) -> None:
        self.pieces = tuple(pieces)
        usable = (Kind.NORMAL, Kind.USER_DEFINED)
        self._numbers = {p.text: n for n, p in enumerate(self.pieces) if p.kind in usable}
        self._bytes = [n for n, p in enumerate(self.pieces) if p.kind is Kind.BYTE]
        self._known: dict[str, tuple[int, ...]] = {}

    def encode(self, text: str) -> Tokens:
        """The tokens of a text, without one for its beginning."""
        known = self._known
        found: list[int] = []
        for unit in _UNITS.findall(text.replace(" ", SPACE)):
            tokens = known.get(unit)
            if tokens is None:
                tokens = known[unit] = self._encode(unit)
            found.extend(tokens)
        return np.array(found, np.int64)

    def documents(self, texts: Iterable[str]) -> Tokens:
        """The tokens of documents, each after a token for its beginning."""
        parts = [part for text in texts for part in ((BOS,), self.encode(text))]
        return np.concatenate(parts).astype(np.int64)

    def decode(self, tokens: Iterable[int]) -> str:
        """The text; control tokens say nothing."""
        out = bytearray()
        for token in tokens:
            piece = self.pieces[token]
            if piece.kind is Kind.BYTE:
                out.append(int(piece.text[3:5], 16))
            elif piece.kind in (Kind.NORMAL, Kind.USER_DEFINED):
                out += piece.text.replace(SPACE, " ").encode()
        return out.decode(errors="replace")

    def _encode(self, unit: str) -> tuple[int, ...]:
        """Merge the pair of the best piece until no pair is one."""
        parts = list(unit)
        while len(parts) > 1:
            best, place = -np.inf, -1
            for i in range(len(parts) - 1):
                number = self._numbers.get(parts[i] + parts[i + 1])
                if number is not None and self.pieces[number].score > best:
                    best, place = self.pieces[number].score, i
            if place < 0:
                break
            parts[place : place + 2] = [parts[place] + parts[place + 1]]
        return tuple(token for part in parts for token in self._spell(part))

    def _spell(self, part: str) -> Sequence[int]:
        number = self._numbers.get(part)
        if number is not None:
            return (number,)
        if not self._bytes:
            return (UNKNOWN,)
        return [self._bytes[byte] for byte in part.replace(SPACE, " ").encode()]


# -------------------------------------------------------------------------------- training


def train(texts: Iterable[str], vocabulary: int) -> Tokenizer:
    """Learn a vocabulary of that size: special tokens, bytes, merges, characters."""
    units: Counter[str] = Counter()
    for text in texts:
        units.update(_UNITS.findall(text.replace(" ", SPACE)))
    characters = _characters(units)
    room = vocabulary - len(SPECIAL) - len(characters)
    if room < 0:
        raise ValueError(f"a vocabulary of {vocabulary} has no room for merges")
    merges = _merges({unit: n for unit, n in units.items() if set(unit) <= set(characters)}, room)
    ranked = [*merges, *characters]
    learned = (Piece(text=text, score=-float(rank)) for rank, text in enumerate(ranked))
    return Tokenizer([*SPECIAL, *learned])


def byte_tokenizer() -> Tokenizer:
    """A vocabulary of bytes alone: the published `byte260`."""
    return Tokenizer(SPECIAL)


def _characters(units: Mapping[str, int]) -> list[str]:
    counts: Counter[str] = Counter({SPACE: 1})
    for unit, count in units.items():
        for character in unit:
            counts[character] += count
    left = sum(counts.values()) * COVERAGE
    found = []
    for character, count in counts.most_common():
        if left > 0 or character == SPACE:
            found.append(character)
        left -= count
    return found


def _merges(units: Mapping[str, int], room: int) -> list[str]:
    """Merge the most frequent pair again and again."""
    words = [list(unit) for unit in units]
    weights = list(units.values())
    pairs: Counter[tuple[str, str]] = Counter()
    where: defaultdict[tuple[str, str], set[int]] = defaultdict(set)
    for number, word in enumerate(words):
        for pair in pairwise(word):
            pairs[pair] += weights[number]
            where[pair].add(number)
    found: list[str] = []
    while len(found) < room and pairs:
        best = max(pairs, key=lambda pair: (pairs[pair], pair))
        found.append("".join(best))
        for number in where.pop(best):
            _merge(words[number], best, weights[number], number, pairs, where)
        del pairs[best]
    return found


def _merge(
    word: list[str],
    best: tuple[str, str],
    weight: int,
    number: int,
    pairs: Counter[tuple[str, str]],
    where: Mapping[tuple[str, str], set[int]],
) -> None:
    """Merge a pair in one word, and keep the counts of pairs right."""
    for pair in pairwise(word):
        pairs[pair] -= weight
    place = 0
    while place < len(word) - 1:
        if (word[place], word[place + 1]) == best:
            word[place : place + 2] = ["".join(best)]
        place += 1
    for pair in pairwise(word):
        pairs[pair] += weight
        where[pair].add(number)
