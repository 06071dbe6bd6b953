"""Ways to answer: from a list, and with faults thrown in."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import replace

from autores.testing.fake_anthropic.exchange import Brain, Fault, Refusal, Reply, Request, text

REFUSALS = (
    Refusal(status=429, kind="rate_limit_error", headers={"retry-after": "0"}),
    Refusal(status=529, kind="overloaded_error"),
    Refusal(status=500, kind="api_error"),
    Refusal(status=503, kind="api_error", headers={"retry-after-ms": "1"}),
    Refusal(status=408, kind="timeout_error"),
)
LATEST = 12
"""Events after which a reply that breaks off has done so."""


def scripted(answers: Iterable[Reply | Refusal]) -> Brain:
    """Answer from a list; what comes after its end is a plain good-bye."""
    left = iter(answers)
    return lambda request: next(left, Reply(content=(text("That is all."),)))


class Chaos:
    """Lets a share of requests fail, in every way there is, the same with the same seed."""

    def __init__(self, brain: Brain, share: float, seed: int = 0) -> None:
        self._brain = brain
        self._share = share
        self._draw = random.Random(seed)
        self.failed = 0

    def __call__(self, request: Request) -> Reply | Refusal:
        """Answer, or fail."""
        if self._draw.random() >= self._share:
            return self._brain(request)
        self.failed += 1
        kind = self._draw.choice([*REFUSALS, *Fault])
        if isinstance(kind, Refusal):
            return kind
        answer = self._brain(request)
        if isinstance(answer, Refusal):
            return answer
        return replace(answer, fault=kind, after=self._draw.randint(0, LATEST))
