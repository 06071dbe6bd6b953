"""What can be said about the agent, for all specialists or for one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields, replace
from typing import Any, Self

from autores.config import coerce, hints, seconds_of
from autores.errors import UserError, unknown

EFFORTS = ("", "low", "medium", "high", "xhigh", "max")
PERSONAL = ("model", "effort", "thinking", "max_tokens", "turns", "searches", "fetches")
"""What may differ from specialist to specialist."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Model, limits, money, network."""

    model: str = field(default="claude-opus-5-5", metadata={"help": "id of the model"})
    effort: str = field(
        default="", metadata={"help": "low, medium, high, xhigh or max; empty: the model's own"}
    )
    thinking: str = field(
        default="adaptive", metadata={"help": "adaptive, off, or a number of tokens"}
    )
    max_tokens: int = field(default=32_000, metadata={"help": "most tokens of one answer"})
    turns: int = field(default=200, metadata={"help": "most answers of one session"})
    fold_at: int = field(
        default=150_000, metadata={"help": "prompt tokens from which a session is summed up"}
    )
    specialist: tuple[str, ...] = field(
        default=(), metadata={"help": "for one specialist: KEY.model=…, KEY.effort=…, …"}
    )
    session_tokens: int | None = field(default=None, metadata={"help": "most tokens of a session"})
    session_dollars: float | None = field(
        default=None, metadata={"help": "most dollars of a session"}
    )
    prices: tuple[str, ...] = field(
        default=(),
        metadata={"help": "MODEL=INPUT/OUTPUT[/CACHE WRITE/CACHE READ], dollars per million"},
    )
    key_file: str = field(
        default="", metadata={"help": "file with the API key; else ANTHROPIC_API_KEY"}
    )
    base_url: str = field(default="", metadata={"help": "of the API; empty: the SDK's own"})
    cache: str = field(default="5m", metadata={"help": "how long prompts are cached: 5m or 1h"})
    outage: str = field(default="30m", metadata={"help": "how long a failing API is retried"})
    silence: str = field(
        default="10m", metadata={"help": "a stream that says nothing for so long has failed"}
    )
    searches: int = field(default=0, metadata={"help": "web searches of one answer; 0: none"})
    fetches: int = field(default=0, metadata={"help": "web pages fetched in one answer; 0: none"})
    allowed_domains: tuple[str, ...] = field(
        default=(), metadata={"help": "of web searches and fetches; empty: all"}
    )
    blocked_domains: tuple[str, ...] = field(
        default=(), metadata={"help": "of web searches and fetches"}
    )

    def check(self) -> None:
        """Refuse what cannot be meant.

        Raises:
            UserError: With what may be said instead.
        """
        seconds_of(self.outage)
        seconds_of(self.silence)
        if self.cache not in ("5m", "1h"):
            raise UserError(f"agent.anthropic.cache = {self.cache!r}: say 5m or 1h")
        if self.allowed_domains and self.blocked_domains:
            raise UserError("agent.anthropic: give allowed_domains or blocked_domains, not both")
        for key in {key for key, _, _ in self._exceptions()}:
            self.of(key)._check_personal()
        self._check_personal()

    def of(self, specialist: str) -> Self:
        """As it is for one specialist."""
        own = {name: value for key, name, value in self._exceptions() if key == specialist}
        return replace(self, **own, specialist=()) if own else self

    @property
    def models(self) -> tuple[str, ...]:
        """All that may be used."""
        own = (value for _, name, value in self._exceptions() if name == "model")
        return tuple(dict.fromkeys((self.model, *own)))

    def _exceptions(self) -> Iterator[tuple[str, str, Any]]:
        for text in self.specialist:
            name, equals, value = text.partition("=")
            key, dot, setting = name.strip().rpartition(".")
            if not (equals and dot):
                raise UserError(f"agent.anthropic.specialist: {text!r} is not KEY.NAME=VALUE")
            if setting not in PERSONAL:
                raise unknown("setting of a specialist", setting, PERSONAL)
            kinds = {f.name: hints(Settings)[f.name] for f in fields(Settings)}
            try:
                yield key, setting, coerce(value.strip(), kinds[setting])
            except ValueError as error:
                raise UserError(f"agent.anthropic.specialist: {text!r}: {error}") from None

    def _check_personal(self) -> None:
        if self.effort not in EFFORTS:
            raise unknown("effort", self.effort, EFFORTS[1:])
        if self.thinking not in ("adaptive", "off") and not self._is_budget():
            raise UserError(
                f"thinking {self.thinking!r}: say adaptive, off, or a number of tokens from 1024 "
                f"to below max_tokens ({self.max_tokens:,})"
            )

    def _is_budget(self) -> bool:
        return self.thinking.isdecimal() and 1024 <= int(self.thinking) < self.max_tokens
