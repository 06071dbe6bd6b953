"""What goes in and out: requests, replies, refusals, faults, usage."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from enum import Enum
from typing import Any

Block = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request, as it came."""

    number: int
    """Counted from 0, over all connections."""
    path: str
    headers: Mapping[str, str]
    body: Mapping[str, Any]

    @property
    def messages(self) -> list[Mapping[str, Any]]:
        """The conversation."""
        return list(self.body.get("messages", ()))


class Fault(Enum):
    """How a reply breaks off."""

    HANG_UP = "hang up"
    """The connection ends in the middle of an event."""
    RESET = "reset"
    """The same, by a reset."""
    MALFORMED = "malformed"
    """An event whose data is no JSON."""
    ERROR_EVENT = "error event"
    """The API says in the stream that it is overloaded."""
    NO_STOP = "no stop"
    """The stream ends tidily, but too early."""
    NOTHING = "nothing"
    """The connection ends before any answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer of the model."""

    content: tuple[Block, ...]
    stop: str = ""
    """Stop reason; empty: `tool_use` if there are calls, else `end_turn`."""
    details: Mapping[str, Any] | None = None
    """Of a refusal."""
    pause: float = 0.0
    """Seconds before each event."""
    chunk: int = 40
    """Characters of each delta."""
    fault: Fault | None = None
    after: int = 3
    """Events that are sent before the fault."""

    @property
    def stop_reason(self) -> str:
        """What the API says why the model stopped."""
        calls = any(block["type"] == "tool_use" for block in self.content)
        return self.stop or ("tool_use" if calls else "end_turn")


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """An error instead of an answer."""

    status: int
    kind: str
    message: str = "refused"
    headers: Mapping[str, str] = field(default_factory=dict)
    pause: float = 0.0

    @property
    def body(self) -> dict[str, Any]:
        """As the API says it."""
        return {"type": "error", "error": {"type": self.kind, "message": self.message}}


Brain = Callable[[Request], Reply | Refusal]


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens. Adds up."""

    input_tokens: int = 0
    cache_creation_input_tokens: int = 0
    cache_read_input_tokens: int = 0
    output_tokens: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            **{f.name: getattr(self, f.name) + getattr(other, f.name) for f in fields(self)}
        )

    @property
    def prompt(self) -> int:
        """All input tokens."""
        return self.input_tokens + self.cache_creation_input_tokens + self.cache_read_input_tokens

    def json(self) -> dict[str, Any]:
        """As the API says it."""
        written = self.cache_creation_input_tokens
        return {
            **{f.name: getattr(self, f.name) for f in fields(self)},
            "cache_creation": {
                "ephemeral_5m_input_tokens": written,
                "ephemeral_1h_input_tokens": 0,
            },
            "service_tier": "standard",
        }


def text(said: str) -> Block:
    """A block of text."""
    return {"type": "text", "text": said}


def thinking(thought: str) -> Block:
    """A block of thinking, signed."""
    return {"type": "thinking", "thinking": thought, "signature": signature(thought)}


def tool_use(name: str, call: str = "", **arguments: Any) -> Block:
    """A call of a tool; the server names it where `call` is empty."""
    return {"type": "tool_use", "id": call, "name": name, "input": arguments}


def signature(thought: str) -> str:
    """What proves that a thought comes back unchanged."""
    return hashlib.sha256(f"thought {thought}".encode()).hexdigest()[:32]
