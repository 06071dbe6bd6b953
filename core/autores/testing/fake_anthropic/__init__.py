"""The Messages API on loopback, played: a real HTTP server that the real SDK talks to.

    with FakeAnthropic(brain) as api:
        client = anthropic.AsyncAnthropic(base_url=api.url, api_key=KEY)

What a brain answers is sent as the API would send it, with usage and cache counters, whole or
broken off in any of the ways that networks and services have.
"""

from __future__ import annotations

from autores.testing.fake_anthropic.brains import Chaos, scripted
from autores.testing.fake_anthropic.exchange import (
    Brain,
    Fault,
    Refusal,
    Reply,
    Request,
    Usage,
    text,
    thinking,
    tool_use,
)
from autores.testing.fake_anthropic.server import KEY, FakeAnthropic
from autores.testing.fake_anthropic.specialist import Competent

__all__ = [
    "KEY",
    "Brain",
    "Chaos",
    "Competent",
    "FakeAnthropic",
    "Fault",
    "Refusal",
    "Reply",
    "Request",
    "Usage",
    "scripted",
    "text",
    "thinking",
    "tool_use",
]
