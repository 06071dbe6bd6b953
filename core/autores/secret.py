"""One secret per run, kept beside the lineage, from which keys and seeds follow.

Keys and seeds are never drawn anew: a supervisor that comes back after `kill -9` finds the
same ones. Nothing that a candidate, an agent or a report sees contains the secret.
"""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass, field

from autores.records import Evaluation

NAME = "run"
"""Under which the store keeps it."""
BYTES = 32


@dataclass(frozen=True, slots=True)
class RunSecret:
    """Derives; cannot be printed."""

    value: bytes = field(repr=False)

    @classmethod
    def draw(cls) -> RunSecret:
        """A new one."""
        return cls(secrets.token_bytes(BYTES))

    def derive(self, *labels: str | int) -> bytes:
        """32 bytes for one use."""
        return hmac.digest(self.value, "/".join(map(str, labels)).encode(), "sha256")

    def key(self, evaluation: Evaluation) -> bytes:
        """What signs the outcome of one attempt at one evaluation."""
        return self.derive("key", evaluation.id, evaluation.attempt)

    def seeds(self, purpose: str, subject: str, count: int) -> tuple[int, ...]:
        """The seeds of one look; both sides of a pair name the same subject."""
        digests = (self.derive("seed", purpose, subject, index) for index in range(count))
        return tuple(int.from_bytes(digest[:4]) >> 1 for digest in digests)
