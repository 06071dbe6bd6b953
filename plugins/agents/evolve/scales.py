"""How a number is varied: its scale, its bounds, and coordinates in which a step is a step."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from enum import Enum

FURTHEST = 4.0
"""Coordinates reach so far to both sides of the seed recipe's value."""

_SHARE = re.compile(
    r"(?:^|[_(\[])(?:share|frac|fraction|ratio|prob|p|dropout|drop|smoothing|smooth|keep|warmup|"
    r"cooldown|warmdown|decay_share|mix|label_smoothing|percent|quantile)(?:$|[_)\]])"
)
_NEAR_ONE = re.compile(r"momentum|beta|ema|decay|gamma|rho|averag")
_SMALL_COUNT = 16


class Kind(Enum):
    """What a step of one coordinate does."""

    LOG = "log"
    """Doubles the value."""
    NEAR_ONE = "near one"
    """Halves the distance to 1."""
    SHARE = "share"
    """Adds 0.15, between 0 and 1."""
    FROM_ZERO = "from zero"
    """Adds 0.1 to what is 0 in the seed recipe."""
    COUNT = "count"
    """Multiplies one more than the count by √2."""
    POWER = "power of two"
    """Doubles the value, which stays a power of two."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """The coordinates of a number, 0 at the value that it has in the seed recipe."""

    kind: Kind
    origin: float
    whole: bool = False
    lowest: float = -math.inf

    def coordinate(self, value: float) -> float:
        """Where a value lies."""
        match self.kind:
            case Kind.LOG | Kind.POWER:
                return math.log2(value / self.origin) if value * self.origin > 0 else -FURTHEST
            case Kind.NEAR_ONE:
                return -math.log2((1 - value) / (1 - self.origin)) if value < 1 else FURTHEST
            case Kind.SHARE:
                return (value - self.origin) / 0.15
            case Kind.FROM_ZERO:
                return value / 0.1
            case Kind.COUNT:
                return 2 * math.log2((max(0.0, value) + 1) / (self.origin + 1))

    def value(self, coordinate: float) -> int | float:
        """The nearest value that a person would write."""
        raw = self._raw(max(-FURTHEST, min(FURTHEST, coordinate)))
        if self.kind is Kind.POWER:
            return int(2 ** max(0, round(math.log2(raw))))
        if self.whole:
            return int(max(self.lowest, round(raw)))
        return float(f"{self._bounded(raw):.3g}")

    def beside(self, value: float, up: bool) -> int | float:
        """The next value that differs; the same one at a bound."""
        here = self.coordinate(value)
        for step in (0.02, 0.05, 0.1, 0.2, 0.4, 0.8, 1.1, 2.0):
            other = self.value(here + step if up else here - step)
            if other != value:
                return other
        return value if not self.whole else int(value)

    def _raw(self, coordinate: float) -> float:
        match self.kind:
            case Kind.LOG | Kind.POWER:
                return self.origin * 2**coordinate
            case Kind.NEAR_ONE:
                return 1 - (1 - self.origin) * 2**-coordinate
            case Kind.SHARE:
                return self.origin + 0.15 * coordinate
            case Kind.FROM_ZERO:
                return 0.1 * coordinate
            case Kind.COUNT:
                return (self.origin + 1) * 2 ** (coordinate / 2) - 1

    def _bounded(self, raw: float) -> float:
        if self.kind is Kind.SHARE:
            raw = min(1.0, raw)
        elif self.kind is Kind.NEAR_ONE:
            return _round_near_one(max(0.0, raw))
        return max(self.lowest, raw)


def _round_near_one(value: float) -> float:
    """Two digits of the distance to 1, so that 0.9985 stays apart from 0.999."""
    return round(1 - float(f"{1 - value:.2g}"), 12)


def scale_of(name: str, origin: float, *, zero_is_off: bool = False) -> Scale:
    """The scale that a number's name and value suggest.

    Args:
        name: As in the program.
        origin: Its value in the seed recipe.
        zero_is_off: The program asks for its truth, so that 0 is a sensible value.
    """
    if isinstance(origin, int):
        return _count_scale(origin, zero_is_off)
    if origin == 0:
        return Scale(kind=Kind.FROM_ZERO, origin=0.0, lowest=0.0)
    if 0 < origin <= 1 and _SHARE.search(name):
        return Scale(kind=Kind.SHARE, origin=origin, lowest=0.0)
    if 0.75 <= origin < 1 and _NEAR_ONE.search(name):
        return Scale(kind=Kind.NEAR_ONE, origin=origin, lowest=0.0)
    return Scale(kind=Kind.LOG, origin=origin)


def _count_scale(origin: int, zero_is_off: bool) -> Scale:
    lowest = 0 if zero_is_off or origin == 0 else 1
    if origin >= _SMALL_COUNT and origin & (origin - 1) == 0:
        return Scale(kind=Kind.POWER, origin=origin, whole=True, lowest=lowest)
    if 0 <= origin < _SMALL_COUNT:
        return Scale(kind=Kind.COUNT, origin=origin, whole=True, lowest=lowest)
    least = lowest if origin > 0 else -math.inf
    return Scale(kind=Kind.LOG, origin=origin, whole=True, lowest=least)
