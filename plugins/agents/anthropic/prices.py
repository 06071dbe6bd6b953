"""What tokens cost, in dollars per million; as published, and as you say."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Self

from autores.errors import UserError
from autores.records import Cost

PER_SEARCH = 0.01
"""Dollars of one web search."""
_MILLION = 1e6


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """Of one model."""

    input: float
    output: float
    read: float
    """Of input that is in the cache."""
    write: float | None = None
    """Of input that goes into the cache; None: 1.25 times input for 5 minutes, 2 for an hour."""
    long_prompt: int | None = None
    """Prompt tokens above which all of a request costs `long_factor` times as much."""
    long_factor: float = 1.0

    def factor(self, prompt: int) -> float:
        """What the length of a prompt multiplies its price by."""
        is_long = self.long_prompt is not None and prompt > self.long_prompt
        return self.long_factor if is_long else 1.0

    def of_writing(self, *, hour: bool) -> float:
        """Of a million tokens that go into the cache."""
        return self.write if self.write is not None else self.input * (2.0 if hour else 1.25)


PUBLISHED: Mapping[str, Price] = {
    "claude-fable-5-1": Price(input=10, output=50, read=0.25),
    "claude-mythos-5-1": Price(input=10, output=50, read=0.25),
    "claude-fable-5": Price(input=10, output=50, read=1),
    "claude-mythos-5": Price(input=10, output=50, read=1),
    "claude-opus-5-5": Price(input=4, output=20, read=0.2),
    "claude-opus-5": Price(input=5, output=25, read=0.5),
    "claude-opus-4-8": Price(input=5, output=25, read=0.5),
    "claude-opus-4-7": Price(input=5, output=25, read=0.5),
    "claude-opus-4-6": Price(input=5, output=25, read=0.5),
    "claude-opus-4-5": Price(input=5, output=25, read=0.5),
    "claude-sonnet-5-5": Price(input=2, output=10, read=0.1),
    "claude-sonnet-5": Price(input=2, output=10, read=0.2),
    "claude-sonnet-4-6": Price(input=3, output=15, read=0.3),
    "claude-sonnet-4-5": Price(input=3, output=15, read=0.3),
    "claude-haiku-5-5": Price(input=0.1, output=0.5, read=0.01, long_prompt=100_000, long_factor=5),
    "claude-haiku-4-5": Price(input=1, output=5, read=0.1),
}
"""By the id without its date; the API's public price list, autumn 2026."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What one request used, as the API said."""

    input: int = 0
    output: int = 0
    write: int = 0
    write_hour: int = 0
    """Of `write`, what is kept for an hour."""
    read: int = 0
    searches: int = 0

    @classmethod
    def said(cls, usage: Any) -> Usage:
        """From the SDK's record; None of it may be missing there, most of it may be None."""
        creation = getattr(usage, "cache_creation", None)
        server = getattr(usage, "server_tool_use", None)
        return cls(
            input=usage.input_tokens or 0,
            output=usage.output_tokens or 0,
            write=usage.cache_creation_input_tokens or 0,
            write_hour=(creation.ephemeral_1h_input_tokens if creation else 0) or 0,
            read=usage.cache_read_input_tokens or 0,
            searches=(server.web_search_requests if server else 0) or 0,
        )

    @property
    def prompt(self) -> int:
        """All input tokens."""
        return self.input + self.write + self.read


@dataclass(frozen=True, slots=True)
class Prices:
    """The table that holds in a run."""

    table: Mapping[str, Price]

    @classmethod
    def of(cls, said: Iterable[str]) -> Self:
        """The published prices, and over them what the user says.

        Raises:
            UserError: That is no price.
        """
        return cls({**PUBLISHED, **dict(map(_read, said))})

    def price(self, model: str) -> Price | None:
        """Of a model, with or without a date in its id; None where nobody knows it."""
        return self.table.get(model) or self.table.get(_undated(model))

    def require(self, models: Iterable[str]) -> None:
        """Make sure that all are known.

        Raises:
            UserError: With how to say the price that is missing.
        """
        for model in models:
            if self.price(model) is None:
                raise UserError(
                    f"dollars are limited and the price of {model} is not known: "
                    f'say -o agent.anthropic.prices="{model}=INPUT/OUTPUT" in dollars per million'
                )

    def cost(self, model: str, usage: Usage) -> Cost:
        """What was used, in tokens and dollars; no dollars where the price is not known."""
        price = self.price(model)
        return Cost(
            input_tokens=usage.input,
            output_tokens=usage.output,
            cache_read_tokens=usage.read,
            cache_write_tokens=usage.write,
            dollars=0.0 if price is None else _dollars(price, usage),
        )


def _dollars(price: Price, usage: Usage) -> float:
    shortly = usage.write - usage.write_hour
    tokens = (
        usage.input * price.input
        + usage.output * price.output
        + usage.read * price.read
        + shortly * price.of_writing(hour=False)
        + usage.write_hour * price.of_writing(hour=True)
    )
    return tokens * price.factor(usage.prompt) / _MILLION + usage.searches * PER_SEARCH


def _undated(model: str) -> str:
    stem, _, last = model.rpartition("-")
    return stem if len(last) == 8 and last.isdecimal() else model


def _read(text: str) -> tuple[str, Price]:
    model, _, numbers = text.partition("=")
    try:
        values = [float(part) for part in numbers.split("/")]
    except ValueError:
        values = []
    if len(values) not in (2, 4) or not all(math.isfinite(v) and v >= 0 for v in values):
        raise UserError(
            f"agent.anthropic.prices: {text!r} is not MODEL=INPUT/OUTPUT[/CACHE WRITE/CACHE READ]"
        )
    price = Price(input=values[0], output=values[1], read=values[0] / 10)
    if len(values) == 4:
        price = Price(input=values[0], output=values[1], write=values[2], read=values[3])
    return model.strip(), price
