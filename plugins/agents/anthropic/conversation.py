"""The conversation of one session, as it is sent: what is cached, what is summed up."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from autores.fence import fence
from autores.plugins.agents.anthropic.settings import Settings
from autores.text import escape_line
from autores.tools import Tool, capped

Block = dict[str, Any]
_SEARCH, _FETCH = "web_search_20260318", "web_fetch_20260318"
REMEMBERED_CALLS = 80
REMEMBERED_WORDS = 4 << 10
"""Bytes of its own words that an agent finds again when a session was summed up."""

FOLDED = """\
# What you have done so far in this session

The conversation became too long and was summed up; ask again for what you need."""


class Conversation:
    """Grows turn by turn; the front of it stays the same, so that it is read from the cache."""

    def __init__(
        self,
        settings: Settings,
        instructions: Sequence[str],
        tools: Iterable[Tool],
        opening: str,
    ) -> None:
        """Begin.

        Args:
            settings: As they are for the specialist.
            instructions: What is stable, in parts; the stablest first.
            tools: In an order that is always the same.
            opening: The first thing that is said.
        """
        self._settings = settings
        self._opening = opening
        self._mark = {"cache_control": {"type": "ephemeral", "ttl": settings.cache}}
        self._system = [{"type": "text", "text": part, **self._mark} for part in instructions]
        self._tools = [*map(_described, tools), *_web(settings)]
        self._messages: list[dict[str, Any]] = []
        self._log: list[str] = []
        self._words: list[str] = []
        self.say(opening)

    @property
    def is_folded(self) -> bool:
        """Whether nothing has been said since the beginning or since it was summed up."""
        return len(self._messages) == 1

    def request(self) -> dict[str, Any]:
        """The next request, with a mark at the end of what will be the same next time."""
        own = self._settings
        request: dict[str, Any] = {
            "model": own.model,
            "max_tokens": own.max_tokens,
            "system": self._system,
            "tools": self._tools,
            "messages": [*self._messages[:-1], self._marked(self._messages[-1])],
        }
        if own.thinking.isdecimal():
            request["thinking"] = {"type": "enabled", "budget_tokens": int(own.thinking)}
        elif own.thinking == "adaptive":
            request["thinking"] = {"type": "adaptive", "display": "summarized"}
        else:
            request["thinking"] = {"type": "disabled"}
        if own.effort:
            request["output_config"] = {"effort": own.effort}
        return request

    # ------------------------------------------------------------------------- growing

    def say(self, text: str) -> None:
        """Tell the model something."""
        self._add("user", [{"type": "text", "text": text}])

    def heard(self, blocks: Iterable[Block]) -> None:
        """Keep what the model said, as it said it; blank text is all that may not go back."""
        kept = [b for b in blocks if b["type"] != "text" or b["text"].strip()]
        self._words += [b["text"] for b in kept if b["type"] == "text"]
        if kept:
            self._add("assistant", kept)

    def answer(self, answers: Iterable[tuple[Block, str]]) -> None:
        """Give each call of the last turn its answer."""
        results = []
        for call, text in answers:
            self._log.append(_line(call, text))
            results.append(
                {"type": "tool_result", "tool_use_id": call["id"], "content": text or "(nothing)"}
            )
        self._add("user", results)

    def fold(self, diff: str) -> None:
        """Sum up what happened, and begin again with that: what was long is gone.

        Args:
            diff: What has been changed so far.
        """
        words = "\n\n".join(self._words).encode()[-REMEMBERED_WORDS:].decode(errors="ignore")
        log = self._log[-REMEMBERED_CALLS:]
        parts = [
            self._opening,
            FOLDED,
            f"Your last words:\n{words}" if words else "",
            f"Your last {len(log)} of {len(self._log)} calls:\n" + fence("\n".join(log), "calls"),
            fence(capped(diff), "your changes so far") if diff else "You have changed nothing yet.",
        ]
        self._messages = []
        self.say("\n\n".join(part for part in parts if part))

    # ------------------------------------------------------------------------- private

    def _add(self, role: str, content: list[Block]) -> None:
        if self._messages and self._messages[-1]["role"] == role:
            self._messages[-1]["content"].extend(content)
        else:
            self._messages.append({"role": role, "content": content})

    def _marked(self, message: Mapping[str, Any]) -> dict[str, Any]:
        *front, last = message["content"]
        if last["type"] in ("thinking", "redacted_thinking"):
            return dict(message)
        return {"role": message["role"], "content": [*front, {**last, **self._mark}]}


def _described(tool: Tool) -> dict[str, Any]:
    return {"name": tool.name, "description": tool.description, "input_schema": tool.schema}


def _web(settings: Settings) -> list[dict[str, Any]]:
    """The API's own tools, where they are allowed."""
    domains: dict[str, Any] = {}
    if settings.allowed_domains:
        domains["allowed_domains"] = list(settings.allowed_domains)
    if settings.blocked_domains:
        domains["blocked_domains"] = list(settings.blocked_domains)
    offered = (("web_search", _SEARCH, settings.searches), ("web_fetch", _FETCH, settings.fetches))
    return [
        {"type": kind, "name": name, "max_uses": most, **domains}
        for name, kind, most in offered
        if most
    ]


def _line(call: Block, answer: str) -> str:
    arguments = escape_line(json.dumps(call["input"], ensure_ascii=False), 160)
    return f"{call['name']}({arguments}) -> {escape_line(answer, 200)}"
