"""Random choices that follow from a key: quick, and the same everywhere."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from typing import TypeVar

Item = TypeVar("Item")

TEST_KEY = bytes(range(16))
"""A fixed public key, for tests alone."""


def world_id(key: bytes) -> str:
    """What a world is called in records: reveals nothing of its key."""
    return hashlib.blake2b(key, digest_size=6, person=b"autores text").hexdigest()


class Dice:
    """A source of choices; sources of other labels share nothing."""

    def __init__(self, key: bytes, *labels: str | int) -> None:
        text = "/".join(map(str, labels)).encode()
        seed = hashlib.blake2b(text, key=key, digest_size=16).digest()
        self.random = random.Random(int.from_bytes(seed, "little")).random

    def below(self, end: int) -> int:
        """One of 0 … end − 1."""
        return int(self.random() * end)

    def between(self, first: int, last: int) -> int:
        """One of first … last."""
        return first + int(self.random() * (last - first + 1))

    def chance(self, share: float) -> bool:
        """True so often."""
        return self.random() < share

    def pick(self, items: Sequence[Item]) -> Item:
        """Any, all alike."""
        return items[int(self.random() * len(items))]

    def rank(self, end: int, flat: float = 1.0) -> int:
        """One of 0 … end − 1, n about as often as 1 / (n + flat): Zipf's and Mandelbrot's law."""
        return min(end - 1, int(flat * ((end + flat) / flat) ** self.random() - flat))

    def zipf(self, items: Sequence[Item], flat: float = 1.0) -> Item:
        """An item by its rank."""
        return items[self.rank(len(items), flat)]

    def sample(self, items: Sequence[Item], count: int) -> list[Item]:
        """Different ones, in any order."""
        rest = list(items)
        return [rest.pop(int(self.random() * len(rest))) for _ in range(min(count, len(rest)))]
