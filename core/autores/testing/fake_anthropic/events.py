"""A reply as the API streams it: server-sent events, and the same as one JSON message."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from autores.testing.fake_anthropic.exchange import Block, Reply, Usage
from autores.testing.fake_anthropic.meter import output_tokens

_TEXT_OF = {"text": ("text", "text_delta"), "thinking": ("thinking", "thinking_delta")}


def message(reply: Reply, number: int, model: str, usage: Usage) -> dict[str, Any]:
    """The whole message, for requests that do not stream."""
    return {
        **_start(number, model, replace(usage, output_tokens=output_tokens(reply))),
        "content": named(reply, number),
        "stop_reason": reply.stop_reason,
        "stop_details": reply.details,
    }


def named(reply: Reply, number: int) -> list[Block]:
    """The blocks, with a name for each call that has none."""
    return [
        {**block, "id": block["id"] or f"toolu_{number:06d}_{position}"}
        if block["type"] == "tool_use"
        else block
        for position, block in enumerate(reply.content)
    ]


def events(
    reply: Reply, number: int, model: str, usage: Usage
) -> Iterator[tuple[dict[str, Any], Usage]]:
    """Each event, and what it adds to what was told of the usage."""
    first = replace(usage, output_tokens=1)
    yield {"type": "message_start", "message": _start(number, model, first)}, first
    for index, block in enumerate(named(reply, number)):
        for event in _block(block, reply.chunk):
            yield {**event, "index": index}, Usage()
    output = output_tokens(reply)
    delta = {
        "stop_reason": reply.stop_reason,
        "stop_sequence": None,
        "stop_details": reply.details,
    }
    told = {"output_tokens": output}
    yield {"type": "message_delta", "delta": delta, "usage": told}, Usage(output_tokens=output - 1)
    yield {"type": "message_stop"}, Usage()


def encoded(event: dict[str, Any]) -> bytes:
    """As it stands in the stream."""
    return f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode()


def _start(number: int, model: str, usage: Usage) -> dict[str, Any]:
    return {
        "id": f"msg_{number:06d}",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": usage.json(),
    }


def _block(block: Block, chunk: int) -> Iterator[dict[str, Any]]:
    kind = block["type"]
    if kind in _TEXT_OF:
        name, delta = _TEXT_OF[kind]
        yield _opened({"type": kind, name: "", **({"signature": ""} if kind == "thinking" else {})})
        for piece in _pieces(block[name], chunk):
            yield _delta({"type": delta, name: piece})
        if kind == "thinking":
            yield _delta({"type": "signature_delta", "signature": block["signature"]})
    elif kind == "tool_use":
        yield _opened({**block, "input": {}})
        for piece in _pieces(json.dumps(block["input"]), chunk):
            yield _delta({"type": "input_json_delta", "partial_json": piece})
    else:
        yield _opened(block)
    yield {"type": "content_block_stop"}


def _opened(block: Block) -> dict[str, Any]:
    return {"type": "content_block_start", "content_block": block}


def _delta(delta: Block) -> dict[str, Any]:
    return {"type": "content_block_delta", "delta": delta}


def _pieces(whole: str, size: int) -> Iterator[str]:
    return (whole[start : start + size] for start in range(0, len(whole), size))
