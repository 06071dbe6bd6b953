"""What this machine can guarantee and what it has: `autores doctor`.

The line of a guarantee is what a probe showed a moment ago inside the sandbox that
evaluations will use, not what is installed.
"""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import subprocess
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from enum import Enum
from importlib import metadata
from pathlib import Path
from typing import Any

from autores.config import Environment
from autores.evaluator.sandbox import Enforcement, Finding, Level, bubblewrap
from autores.evaluator.sandbox.kernel import landlock_abi
from autores.evaluator.sandbox.selection import Examined, survey
from autores.hardware import Hardware
from autores.text import escape_line

DISTRIBUTIONS = ("autores", "numpy", "torch", "pygit2", "anthropic", "optuna", "mcp")
ROOM_BYTES = 10 << 30
"""Less free disk than this deserves a warning: snapshots, data and artifacts go there."""
PATIENCE_S = 10.0


class Health(Enum):
    """How good a fact is."""

    GOOD = "ok"
    POOR = "!!"
    """Something will not work, or only with less than it could."""
    PLAIN = "--"
    """Neither: a fact."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One thing that this machine has, or lacks."""

    name: str
    health: Health
    text: str
    fix: str = ""
    """What would mend it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All that the doctor found."""

    level: Level
    """The level that evaluations get here."""
    kind: str
    """How it is reached: `bubblewrap`, `staged`, `restricted`, `unconfined`."""
    findings: tuple[Finding, ...]
    """One for each guarantee, at that level."""
    others: tuple[Examined, ...]
    """The better ways to contain, and why they are not used."""
    facts: tuple[Fact, ...]

    @property
    def well(self) -> bool:
        """Whether everything is enforced or watched, and nothing is poor."""
        held = all(finding.holds for finding in self.findings)
        return held and all(fact.health is not Health.POOR for fact in self.facts)


def diagnose(
    environment: Environment,
    *,
    runs: Path = Path("runs"),
    wanted: Level | None = None,
    hardware: Callable[[], Hardware] = Hardware.here,
    examine: Callable[[Level | None], tuple[Examined, ...]] = survey,
) -> Report:
    """Examine this machine; takes a few seconds, for every probe really runs.

    Args:
        environment: what was read of the process environment.
        runs: where runs are kept.
        wanted: the best level to look at; the best there is by default.
        hardware: what finds processors and GPUs.
        examine: what tries the sandboxes from the best down to the first that works.
    """
    *others, chosen = examine(wanted)
    return Report(
        level=chosen.level,
        kind=chosen.kind,
        findings=chosen.findings,
        others=tuple(others),
        facts=tuple(_facts(environment, runs, hardware())),
    )


def _facts(environment: Environment, runs: Path, hardware: Hardware) -> Iterator[Fact]:
    yield _system()
    yield from _devices(hardware)
    yield from _containment()
    yield _git(environment.path)
    yield _data(environment.data_dir)
    for name, path in (("disk for data", environment.data_dir), ("disk for runs", runs)):
        yield _disk(name, path)
    yield _keys(environment.keys)
    yield _versions(DISTRIBUTIONS)


def _system() -> Fact:
    system = f"{platform.system()} {platform.release()}, {platform.machine()}"
    python = f"{platform.python_implementation()} {platform.python_version()}"
    user = "root" if os.geteuid() == 0 else f"uid {os.geteuid()}"
    return Fact(name="system", health=Health.PLAIN, text=f"{system}, {python}, {user}")


def _devices(hardware: Hardware) -> Iterator[Fact]:
    memory = hardware.memory_bytes / 2**30
    text = f"{len(hardware.cpus)} × {hardware.processor}, {memory:.0f} GiB"
    yield Fact(name="processors", health=Health.PLAIN, text=text)
    named = (
        f"{gpu.index}: {gpu.name}, {gpu.memory_bytes / 2**30:.0f} GiB" for gpu in hardware.gpus
    )
    yield Fact(
        name="GPU",
        health=Health.GOOD if hardware.gpus else Health.PLAIN,
        text="; ".join(named) or "none that nvidia-smi names; tasks with a cpu profile work",
    )


def _containment() -> Iterator[Fact]:
    found = bubblewrap.version()
    yield Fact(
        name="bubblewrap",
        health=Health.GOOD if found else Health.POOR,
        text=".".join(map(str, found)) if found else "not installed, or older than 0.7",
        fix="" if found else "install it from the system's packages: apt install bubblewrap",
    )
    abi = landlock_abi()
    yield Fact(name="Landlock", health=Health.PLAIN, text=f"ABI {abi}" if abi else "none")


def _git(path: str) -> Fact:
    program = shutil.which("git", path=path)
    if program is None:
        text = "no git command: runs work, but nobody can look into code.git"
        return Fact(name="git", health=Health.POOR, text=text, fix="install git")
    told = subprocess.run(
        [program, "--version"], capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )
    found = re.search(r"\d+(\.\d+)+", told.stdout)
    return Fact(name="git", health=Health.GOOD, text=found[0] if found else told.stdout.strip())


def _data(folder: Path) -> Fact:
    if folder.is_dir():
        names = sorted(path.name for path in folder.iterdir())
        text = f"{folder} holds {', '.join(names) if names else 'nothing yet'}"
        health = Health.GOOD if os.access(folder, os.W_OK) else Health.PLAIN
        return Fact(name="data", health=health, text=text)
    text = f"{folder} does not exist yet; `autores prepare` makes it"
    return Fact(name="data", health=Health.PLAIN, text=text)


def _disk(name: str, folder: Path) -> Fact:
    there = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    free = shutil.disk_usage(there).free
    enough = free >= ROOM_BYTES
    return Fact(
        name=name,
        health=Health.GOOD if enough else Health.POOR,
        text=f"{free / 2**30:.1f} GiB free at {folder}",
        fix="" if enough else f"make room: less than {ROOM_BYTES >> 30} GiB is soon used up",
    )


def _keys(names: Iterable[str]) -> Fact:
    present = ", ".join(sorted(names))
    text = f"present: {present}" if present else "none; the agents evolve and replay need none"
    return Fact(name="keys", health=Health.GOOD if present else Health.PLAIN, text=text)


def _versions(names: Iterable[str]) -> Fact:
    installed = (f"{name} {version}" for name in names if (version := _version(name)))
    return Fact(name="versions", health=Health.PLAIN, text=", ".join(installed))


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


# ------------------------------------------------------------------------- for people

MARKS = {Enforcement.ENFORCED: "ok", Enforcement.WATCHDOG: "ok", Enforcement.NOT_ENFORCED: "!!"}


LONGEST_LINE = 1000


def render(report: Report) -> str:
    """The report as plain text, a line for each guarantee and each fact."""
    return "\n".join(escape_line(line, LONGEST_LINE) for line in _lines(report))


def _lines(report: Report) -> Iterator[str]:
    yield f"sandbox: {report.level.value} ({report.kind}), {report.level.description}"
    for other in report.others:
        yield f"   not {other.level.value} ({other.kind}): {other.reason}"
    for found in report.findings:
        held = f"{MARKS[found.enforcement]} {found.guarantee.value:10}{found.enforcement.value:13}"
        yield f"{held} {found.guarantee.description} ({found.evidence})"
    for fact in report.facts:
        fix = f" — {fact.fix}" if fact.fix else ""
        yield f"{fact.health.value} {fact.name:15}{fact.text}{fix}"


def to_json(report: Report) -> str:
    """The report for programs; enumerations by their value."""
    return json.dumps(asdict(report), default=_plain, indent=1)


def _plain(value: Any) -> str:
    return str(value.value) if isinstance(value, Enum) else str(value)
