"""Choose the best level that works here: one that starts, and whose probes pass."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from autores.evaluator.sandbox.base import HostSandbox
from autores.evaluator.sandbox.bubblewrap import Bubblewrap
from autores.evaluator.sandbox.environment import Environment, discover
from autores.evaluator.sandbox.level import Finding, Guarantee, Level, SandboxUnavailable
from autores.evaluator.sandbox.none import Unconfined
from autores.evaluator.sandbox.notes import Notes
from autores.evaluator.sandbox.partial import Restricted, Staged
from autores.evaluator.sandbox.probes import probe

KINDS: tuple[type[HostSandbox], ...] = (Bubblewrap, Staged, Restricted, Unconfined)
"""From best to worst."""
REQUIRED: dict[Level, frozenset[Guarantee]] = {
    Level.FULL: frozenset(Guarantee),
    Level.PARTIAL: frozenset(Guarantee)
    - {Guarantee.NETWORK, Guarantee.SOCKETS, Guarantee.STATE, Guarantee.TASKS},
    Level.NONE: frozenset(),
}
"""What must hold, by the kernel or by a watchdog, for a level to be called so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """What came of one way to contain, on this machine now."""

    kind: str
    level: Level
    findings: tuple[Finding, ...] = ()
    """What the probes showed, if it works."""
    reason: str = ""
    """Why it does not; empty if it does."""


def survey(wanted: Level | None = None) -> tuple[Examined, ...]:
    """Examine every way to contain, from the best down to the first that works; probes anew.

    Raises:
        SandboxUnavailable: none works.
    """
    environment = discover()
    seen: list[Examined] = []
    for kind in KINDS:
        if kind.level <= (wanted or Level.FULL):
            seen.append(_examine(kind, environment))
            if not seen[-1].reason:
                return tuple(seen)
    raise SandboxUnavailable("; ".join(f"{each.kind}: {each.reason}" for each in seen))


def _examine(kind: type[HostSandbox], environment: Environment) -> Examined:
    name = kind.__name__.lower()
    try:
        with enter(kind, environment, fresh=True) as sandbox:
            return Examined(kind=name, level=kind.level, findings=sandbox.findings)
    except OSError as error:
        return Examined(kind=name, level=kind.level, reason=str(error))


def choose(
    minimum: Level = Level.NONE,
    *,
    wanted: Level | None = None,
    environment: Environment | None = None,
    scratch: Path | None = None,
    fresh: bool = False,
) -> HostSandbox:
    """The best sandbox of this machine; its `findings` are what the probes showed.

    Args:
        minimum: the worst level that will do.
        wanted: the best level to try; the best there is by default.
        environment: what candidates may import; numpy and torch by default.
        scratch: where the folder of the sandbox is made.
        fresh: probe again instead of remembering what an earlier choice found.

    Raises:
        SandboxUnavailable: no level from `wanted` down to `minimum` works.
    """
    environment = environment or discover()
    reasons = []
    for kind in KINDS:
        if minimum <= kind.level <= (wanted or Level.FULL):
            try:
                return enter(kind, environment, scratch=scratch, fresh=fresh)
            except OSError as error:
                reasons.append(f"{kind.level.value} ({kind.__name__.lower()}): {error}")
    said = "; ".join(reasons) or f"{wanted} is below {minimum}"
    raise SandboxUnavailable(f"no sandbox of that level here: {said}; `autores doctor` says more")


def level_here(path: str) -> str:
    """The best level of this machine, by its probes; empty where none works.

    Found in a process of its own: whoever contains adopts orphans and ends them.

    Args:
        path: where commands are looked for.
    """
    ran = subprocess.run(
        [sys.executable, "-I", "-m", "autores.evaluator.sandbox"],
        env={"PATH": path, "LANG": "C.UTF-8"},
        cwd="/",
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    return ran.stdout.strip() if ran.returncode == 0 else ""


def enter(
    kind: type[HostSandbox],
    environment: Environment,
    *,
    scratch: Path | None = None,
    fresh: bool = False,
) -> HostSandbox:
    """One kind of sandbox, if it works here.

    Raises:
        OSError: it does not start, or its probes got through; the message says which.
    """
    sandbox = kind(environment, scratch)
    try:
        sandbox.findings = _findings(sandbox, fresh=fresh)
        if broken := missing(kind.level, sandbox.findings):
            names = ", ".join(str(guarantee.value) for guarantee in broken)
            raise OSError(f"probes got through: {names}")
    except BaseException:
        sandbox.close()
        raise
    return sandbox


def missing(level: Level, findings: Iterable[Finding]) -> list[Guarantee]:
    """What a level needs and nobody holds."""
    held = {finding.guarantee for finding in findings if finding.holds}
    return [guarantee for guarantee in Guarantee if guarantee in REQUIRED[level] - held]


def _findings(sandbox: HostSandbox, *, fresh: bool) -> tuple[Finding, ...]:
    notes = Notes.about(sandbox)
    found = None if fresh else notes.read()
    if found is None:
        found = probe(sandbox)
        notes.write(found)
    return found
