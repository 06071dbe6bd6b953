"""CORE: from the items of a bundle to questions, and from what came of them to one number.

CORE is the mean over tasks of centred accuracy, (accuracy − chance) / (1 − chance). Which
items are taken, which serve as examples and which tokens are scored follows the published
procedure, so that the same bundle gives the same questions.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from statistics import fmean

import numpy as np
from numpy.typing import NDArray

from autores.tasks.nanochat.bundle import CoreTask, Item, Kind

ORDER_SEED = 1_337
SHOTS_SEED = 1_234
_SIGN = "0123456789abcdefghijklmnopqrstuvwxyz"
_SIGNS = len(_SIGN)
Tokens = NDArray[np.int64]
Encode = Callable[[Sequence[str]], list[Tokens]]
"""Tokens of texts, each after the token that begins a document."""


# ---------------------------------------------------------------------------- the items


def first_items(items: Sequence[Item], most: int) -> list[Item]:
    """The published order, and the first of it; -1 takes all."""
    return _shuffled(items)[: None if most < 0 else most]


def left_items(items: Sequence[Item], most: int) -> list[Item]:
    """As many more of the same order; where none are left, the first ones again."""
    order = _shuffled(items)
    rest = [] if most < 0 else order[most : 2 * most]
    return rest or first_items(items, most)


def _shuffled(items: Sequence[Item]) -> list[Item]:
    order = list(items)
    random.Random(ORDER_SEED).shuffle(order)
    return order


def examples(number: int, count: int, shots: int) -> list[int]:
    """Which of `count` items are shown before item `number`."""
    others = [other for other in range(count) if other != number]
    return random.Random(SHOTS_SEED + number).sample(others, min(shots, len(others)))


def prompts(task: CoreTask, item: Item, shown: Sequence[Item]) -> list[str]:
    """The whole text of each option; without and with its end where it is to be produced."""
    before = "".join(f"{_solved(task, one)}\n\n" for one in shown)
    if task.kind is Kind.CHOICE:
        return [f"{before}{item['query']}{task.delimiter}{end}" for end in item["choices"]]
    if task.kind is Kind.SCHEMA:
        end = f"{task.delimiter}{item['continuation']}"
        return [f"{before}{begin}{end}" for begin in item["context_options"]]
    asked = f"{before}{item['context'].strip()}{task.delimiter}"
    return [asked.strip(), asked + item["continuation"]]


def _solved(task: CoreTask, item: Item) -> str:
    if task.kind is Kind.CHOICE:
        return f"{item['query']}{task.delimiter}{item['choices'][item['gold']]}"
    if task.kind is Kind.SCHEMA:
        begin = item["context_options"][item["gold"]]
        return f"{begin}{task.delimiter}{item['continuation']}"
    return f"{item['context'].strip()}{task.delimiter}{item['continuation']}"


# ------------------------------------------------------------------------- the questions


@dataclass(frozen=True, slots=True)
class Span:
    """A sequence of tokens, of which those from `start` are scored."""

    tokens: Tokens
    start: int

    def within(self, longest: int | None) -> Span:
        """Cut from the left, for models that declare how much they can read."""
        cut = 0 if longest is None else max(0, len(self.tokens) - longest)
        return Span(self.tokens[cut:], max(1, self.start - cut))


@dataclass(frozen=True, slots=True)
class Choice:
    """The option of the least mean loss is chosen."""

    options: tuple[Span, ...]
    right: int


@dataclass(frozen=True, slots=True)
class Production:
    """The model must say the rest itself."""

    context: Tokens
    wanted: Tokens


@dataclass(frozen=True, slots=True)
class Paper:
    """A task as it is asked."""

    label: str
    chance: float
    questions: tuple[Choice | Production, ...]


def set_paper(
    task: CoreTask, items: Sequence[Item], encode: Encode, longest: int | None = None
) -> Paper:
    """Turn items into questions; examples are drawn among the same items.

    Raises:
        ValueError: The end of an item is not the end of its tokens.
    """
    made = []
    for number, item in enumerate(items):
        shown = [items[other] for other in examples(number, len(items), task.shots)]
        made.append(_question(task, item, encode(prompts(task, item, shown)), longest))
    return Paper(task.label, task.chance, tuple(made))


def _question(
    task: CoreTask, item: Item, encoded: Sequence[Tokens], longest: int | None
) -> Choice | Production:
    if task.kind is Kind.PRODUCE:
        without, whole = encoded
        if not np.array_equal(whole[: len(without)], without) or len(whole) == len(without):
            raise ValueError(f"{task.label}: the tokens of {item!r} do not end with its end")
        return Production(without, whole[len(without) :])
    if task.kind is Kind.CHOICE:
        starts = [_common(encoded)] * len(encoded)
    else:
        suffix = _common([tokens[::-1] for tokens in encoded])
        starts = [len(tokens) - suffix for tokens in encoded]
    spans = (Span(t, max(1, s)).within(longest) for t, s in zip(encoded, starts, strict=True))
    return Choice(tuple(spans), int(item["gold"]))


def _common(sequences: Sequence[Tokens]) -> int:
    """Length of the common beginning; at least one token of each remains."""
    shortest = min(map(len, sequences)) - 1
    columns = np.stack([tokens[:shortest] for tokens in sequences])
    differ = np.flatnonzero((columns != columns[0]).any(0))
    return int(differ[0]) if len(differ) else shortest


# ---------------------------------------------------------------------------- the number


@dataclass(frozen=True, slots=True)
class Mark:
    """What came of one task."""

    label: str
    chance: float
    """Percent."""
    credits: tuple[Fraction, ...]
    """Of each item, in order: 1, 0, or a share where options tied."""

    @classmethod
    def read(cls, label: str, chance: float, told: str) -> Mark:
        """The mark that `told` says."""
        shares = (int(sign, _SIGNS) for sign in told)
        return cls(label, chance, tuple(Fraction(1, n) if n else Fraction(0) for n in shares))

    @property
    def told(self) -> str:
        """A character for each item: 0 for nothing, n for one of n options that tied."""
        return "".join(_SIGN[credit.denominator if credit else 0] for credit in self.credits)

    @property
    def accuracy(self) -> float:
        """The mean credit."""
        return float(sum(self.credits) / len(self.credits))

    @property
    def centred(self) -> float:
        """0 for guessing, 1 for knowing; negative below chance."""
        return centred(self.accuracy, self.chance)

    @property
    def error(self) -> float:
        """Binomial standard error of the centred accuracy."""
        share = self.accuracy
        return math.sqrt(share * (1 - share) / len(self.credits)) / (1 - self.chance / 100)


def centred(accuracy: float, chance: float) -> float:
    """Relative to what guessing reaches, in percent."""
    return (accuracy - chance / 100) / (1 - chance / 100)


def core(marks: Sequence[Mark]) -> float:
    """The mean of the centred accuracies."""
    return fmean(mark.centred for mark in marks)


def core_error(marks: Sequence[Mark]) -> float:
    """Its binomial standard error: how it would differ with other items."""
    return math.sqrt(sum(mark.error**2 for mark in marks)) / len(marks)


def paired_error(one: Sequence[Mark], other: Sequence[Mark]) -> float:
    """Standard error of the difference of two models' CORE on the same items."""
    return _over_items(
        Mark(a.label, a.chance, tuple(x - y for x, y in zip(a.credits, b.credits, strict=True)))
        for a, b in zip(one, other, strict=True)
    )


def unpaired_error(one: Sequence[Mark], other: Sequence[Mark]) -> float:
    """What it would be if each had been asked items of its own."""
    return math.hypot(_over_items(one), _over_items(other))


def _over_items(marks: Iterable[Mark]) -> float:
    """The error of a mean over tasks, from how the items of each differ."""
    errors = [
        float(np.std([float(credit) for credit in mark.credits]))
        / math.sqrt(len(mark.credits))
        / (1 - mark.chance / 100)
        for mark in marks
    ]
    return math.hypot(*errors) / len(errors)
