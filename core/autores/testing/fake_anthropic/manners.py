"""What the API objects to: requests that the real one would refuse too."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from autores.testing.fake_anthropic.exchange import signature

MOST_MARKS = 4


def objection(body: Mapping[str, Any]) -> str:
    """The first thing that is wrong with a request; empty if nothing is."""
    return next(_objections(body), "")


def _objections(body: Mapping[str, Any]) -> Iterator[str]:
    if not isinstance(body.get("model"), str):
        yield "model: field required"
    limit = body.get("max_tokens")
    if not isinstance(limit, int) or limit < 1:
        yield "max_tokens: must be at least 1"
    messages = body.get("messages") or []
    if not messages or messages[0].get("role") != "user":
        yield "messages: the first one must be the user's"
    contents = [_blocks(message["content"]) for message in messages]
    for number, (message, content) in enumerate(zip(messages, contents, strict=True)):
        if not content:
            yield f"messages.{number}: content must not be empty"
        yield from _in_block(number, content)
        before = contents[number - 1] if number else []
        if message["role"] == "user":
            yield from _results(number, before, content)
    if contents and messages[-1]["role"] == "assistant" and _calls(contents[-1]):
        yield "messages: tool_use without tool_result"
    yield from _marks(body, contents)


def _blocks(content: Any) -> Sequence[Mapping[str, Any]]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def _in_block(number: int, content: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for block in content:
        if block["type"] == "text" and not block["text"].strip():
            yield f"messages.{number}: text content blocks must contain non-whitespace text"
        if block["type"] == "thinking" and block["signature"] != signature(block["thinking"]):
            yield f"messages.{number}: invalid signature in thinking block"


def _results(
    number: int, before: Sequence[Mapping[str, Any]], content: Sequence[Mapping[str, Any]]
) -> Iterator[str]:
    wanted = _calls(before)
    given = [block["tool_use_id"] for block in content if block["type"] == "tool_result"]
    for call in given:
        if call not in wanted:
            yield f"messages.{number}: unexpected tool_use_id {call} in tool_result"
    for call in wanted:
        if given.count(call) != 1:
            yield f"messages.{number}: {given.count(call)} tool_result blocks for {call}"


def _calls(content: Sequence[Mapping[str, Any]]) -> list[str]:
    return [block["id"] for block in content if block["type"] == "tool_use"]


def _marks(
    body: Mapping[str, Any], contents: Sequence[Sequence[Mapping[str, Any]]]
) -> Iterator[str]:
    system = body.get("system") or []
    blocks = [*body.get("tools", ()), *(system if isinstance(system, list) else ())]
    blocks += [block for content in contents for block in content]
    marked = [block for block in blocks if block.get("cache_control")]
    if len(marked) > MOST_MARKS:
        yield f"at most {MOST_MARKS} blocks may have cache_control; found {len(marked)}"
    if any(block.get("type") == "thinking" for block in marked):
        yield "cache_control cannot be set for thinking blocks"
