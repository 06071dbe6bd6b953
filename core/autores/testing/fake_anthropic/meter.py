"""Counts tokens and keeps a prompt cache: prefixes up to the marks that requests set."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from autores.testing.fake_anthropic.exchange import Reply, Usage

BYTES_PER_TOKEN = 4


class Meter:
    """Remembers every prefix that was marked; nothing is ever forgotten."""

    def __init__(self) -> None:
        self._known: set[str] = set()

    def prompt(self, body: Mapping[str, Any]) -> Usage:
        """What a request's prompt costs; its marked prefixes are known from now on."""
        digest = hashlib.sha256(str(body.get("model")).encode())
        size = read = marked = 0
        marks: list[str] = []
        for block in _blocks(body):
            data = json.dumps(_bare(block), sort_keys=True).encode()
            digest.update(data)
            size += len(data)
            name = digest.hexdigest()
            if name in self._known:
                read = size
            if isinstance(block, dict) and block.get("cache_control"):
                marked = size
                marks.append(name)
        self._known.update(marks)
        read = min(read, marked)
        return Usage(
            input_tokens=(size - marked) // BYTES_PER_TOKEN,
            cache_creation_input_tokens=(marked - read) // BYTES_PER_TOKEN,
            cache_read_input_tokens=read // BYTES_PER_TOKEN,
        )


def output_tokens(reply: Reply) -> int:
    """What a reply costs."""
    return max(1, len(json.dumps(reply.content)) // BYTES_PER_TOKEN)


def _blocks(body: Mapping[str, Any]) -> Iterator[Any]:
    yield from body.get("tools", ())
    system = body.get("system") or ()
    yield from [system] if isinstance(system, str) else system
    for message in body.get("messages", ()):
        yield message["role"]
        content = message["content"]
        yield from [content] if isinstance(content, str) else content


def _bare(block: Any) -> Any:
    if not isinstance(block, dict):
        return block
    return {name: value for name, value in block.items() if name != "cache_control"}
