"""What programs print about themselves: session, turns, tokens, money."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Protocol

from autores.records import Cost


class Reader(Protocol):
    """Takes the lines of a program's output, and knows what they said so far."""

    session: str
    """The program's own name of the session, to resume it by hand."""
    turns: int
    error: str
    cost: Cost

    def feed(self, line: str) -> None:
        """Take a line."""
        ...


class PlainReader:
    """Of a program that says nothing that we understand."""

    def __init__(self) -> None:
        self.session = self.error = ""
        self.turns = 0
        self.cost = Cost()

    def feed(self, line: str) -> None:
        """Look for an object of JSON."""
        try:
            said = json.loads(line)
        except ValueError:
            return
        if isinstance(said, dict):
            self.take(said)

    def take(self, said: Mapping[str, Any]) -> None:
        """Nothing is understood."""


class ClaudeReader(PlainReader):
    """Of Claude Code's `--output-format stream-json`."""

    def __init__(self) -> None:
        super().__init__()
        self._messages: dict[str, Cost] = {}

    def take(self, said: Mapping[str, Any]) -> None:
        """Messages add up until the result says all of it."""
        self.session = str(said.get("session_id") or self.session)
        match said.get("type"):
            case "assistant":
                message = _object(said.get("message"))
                # One message comes in several lines, each with its usage so far.
                self._messages[str(message.get("id"))] = _tokens(_object(message.get("usage")))
                self.turns = len(self._messages)
                self.cost = sum(self._messages.values(), Cost())
            case "result":
                self._result(said)

    def _result(self, said: Mapping[str, Any]) -> None:
        self.turns = _whole(said.get("num_turns")) or self.turns
        tokens = _tokens(_object(said.get("usage")))
        dollars = said.get("total_cost_usd")
        paid = Cost(dollars=float(dollars)) if isinstance(dollars, int | float) else Cost()
        self.cost = (tokens if tokens.tokens else self.cost) + paid
        if said.get("is_error"):
            self.error = str(said.get("result") or said.get("subtype") or "it failed")[:300]


class CodexReader(PlainReader):
    """Of `codex exec --json`."""

    def take(self, said: Mapping[str, Any]) -> None:
        """Items are turns; usage comes with the end of each of its own turns."""
        match said.get("type"):
            case "thread.started":
                self.session = str(said.get("thread_id") or "")
            case "item.completed":
                self.turns += 1
            case "turn.completed":
                self.cost += _codex_tokens(_object(said.get("usage")))
            case "turn.failed" | "error":
                told = _object(said.get("error")).get("message") or said.get("message")
                self.error = str(told or "it failed")[:300]


def _tokens(usage: Mapping[str, Any]) -> Cost:
    return Cost(
        input_tokens=_whole(usage.get("input_tokens")),
        output_tokens=_whole(usage.get("output_tokens")),
        cache_read_tokens=_whole(usage.get("cache_read_input_tokens")),
        cache_write_tokens=_whole(usage.get("cache_creation_input_tokens")),
    )


def _codex_tokens(usage: Mapping[str, Any]) -> Cost:
    """Its input counts what was read from the cache too."""
    read = _whole(usage.get("cached_input_tokens"))
    return Cost(
        input_tokens=max(0, _whole(usage.get("input_tokens")) - read),
        output_tokens=_whole(usage.get("output_tokens")),
        cache_read_tokens=read,
    )


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _whole(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0
