"""Choose the best level that works here: one that starts, and whose probes pass."""

from __future__ import annotations

from pathlib import Path

from autores.evaluator.sandbox.base import HostSandbox
from autores.evaluator.sandbox.bubblewrap import Bubblewrap
from autores.evaluator.sandbox.environment import Environment
from autores.evaluator.sandbox.level import Level, SandboxUnavailable

KINDS: tuple[type[HostSandbox], ...] = (Bubblewrap,)
"""From best to worst."""


def choose(
    minimum: Level = Level.NONE,
    *,
    wanted: Level | None = None,
    environment: Environment | None = None,
    scratch: Path | None = None,
) -> HostSandbox:
    """The best sandbox of this machine.

    Args:
        minimum: the worst level that will do.
        wanted: the best level to try; the best there is by default.
        environment: what candidates may import; numpy and torch by default.
        scratch: where the folder of the sandbox is made.

    Raises:
        SandboxUnavailable: no level from `wanted` down to `minimum` works.
    """
    reasons = []
    for kind in KINDS:
        if minimum <= kind.level <= (wanted or Level.FULL):
            try:
                return kind(environment, scratch)
            except OSError as error:
                reasons.append(f"{kind.level.value}: {error}")
    raise SandboxUnavailable("; ".join(reasons) or f"{wanted} is below {minimum}")
