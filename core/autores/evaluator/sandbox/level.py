"""The words of containment: levels, what a phase may use, and how it ended."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from autores.errors import UserError
from autores.status import Cause


class SandboxUnavailable(UserError):
    """This machine does not reach the level that was asked for."""


@functools.total_ordering
class Level(Enum):
    """How well a candidate is contained; ordered from worst to best."""

    def __init__(self, value: str, rank: int, description: str) -> None:
        self._value_ = value
        self.rank = rank
        self.description = description

    NONE = ("none", 0, "process group and limits only: nothing is hidden from the candidate")
    PARTIAL = (
        "partial",
        1,
        "namespaces made by root, or Landlock; seccomp; where possible another uid",
    )
    FULL = ("full", 2, "bubblewrap: own namespaces, no capabilities, seccomp")

    def __lt__(self, other: Level) -> bool:
        return self.rank < other.rank

    @classmethod
    def named(cls, name: str) -> Level:
        """The level of that name.

        Raises:
            UserError: there is none.
        """
        levels = {str(level.value): level for level in cls}
        if name not in levels:
            raise UserError(f"unknown sandbox level {name!r}; use one of: {', '.join(levels)}")
        return levels[name]


class Guarantee(Enum):
    """What the sandbox promises, and a probe tests."""

    def __init__(self, value: str, description: str) -> None:
        self._value_ = value
        self.description = description

    HELD_OUT = ("held_out", "held-out data, keys and other files of the host cannot be read")
    HOST = ("host", "evaluator, lineage, environment and other workspaces cannot be written")
    NETWORK = ("network", "no network, no hypervisor socket")
    SOCKETS = ("sockets", "no socket of the host's services can be reached")
    SURVIVAL = ("survival", "nothing survives the trial")
    PROCESSES = ("processes", "evaluator and others cannot be looked into, signalled or traced")
    KERNEL = ("kernel", "no way round: mounts, namespaces, bpf, io_uring, keyrings, clocks")
    STATE = ("state", "no state passes from one trial to the next")
    SECRETS = ("secrets", "no environment variable, descriptor or capability is inherited")
    MEMORY = ("memory", "memory is limited, tmpfs and memfd included")
    TASKS = ("tasks", "the number of processes is limited")
    DISK = ("disk", "disk is limited")
    SCORE = ("score", "score and clock are the evaluator's")


class Enforcement(Enum):
    """Who holds a guarantee."""

    ENFORCED = "ENFORCED"
    """The kernel; a probe tried to break it and could not."""
    WATCHDOG = "WATCHDOG"
    """A loop of the evaluator notices within a fraction of a second and kills."""
    NOT_ENFORCED = "NOT ENFORCED"
    """Nobody, or the probe got through."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What a probe showed of one guarantee."""

    guarantee: Guarantee
    enforcement: Enforcement
    evidence: str
    """What was tried, and what got through."""

    @property
    def holds(self) -> bool:
        """Whether somebody holds the guarantee."""
        return self.enforcement is not Enforcement.NOT_ENFORCED


class Stop(Enum):
    """Which limit ended a cell."""

    MEMORY = "memory"
    PROCESSES = "processes"
    DISK = "disk"
    OUTPUT = "output"

    @property
    def cause(self) -> Cause:
        """The cause that is recorded for it."""
        return Cause(self.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """What one phase of a candidate needs and may use.

    Folders that the candidate reads must be readable by every uid (directories 0755, files
    0644), and so must the socket in `sockets` be writable (0666): at the levels that drop
    the uid, the candidate is nobody's user. `out` is handed over to that user.
    """

    argv: tuple[str, ...]
    """The command; a first word `python` is the candidate's interpreter."""
    code: Path
    """Read-only; the working directory. Inside: `AUTORES_CODE`, /code at full."""
    out: Path
    """The only writable place besides /tmp. Inside: `AUTORES_OUT`, /out at full."""
    harness: Path | None = None
    """Read-only, on PYTHONPATH. Inside: `AUTORES_HARNESS`, /harness at full."""
    data: Path | None = None
    """Read-only; files that appear later are seen. Inside: `AUTORES_DATA_DIR`, /data."""
    sockets: Path | None = None
    """Folder of the evaluator's `arena.sock`. Inside: `AUTORES_SOCKET` is the socket's path."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Variables beside those that the sandbox sets; nothing else is inherited."""
    memory_bytes: int = 8 << 30
    tmp_bytes: int = 1 << 30
    shm_bytes: int = 1 << 30
    disk_bytes: int = 4 << 30
    output_bytes: int = 8 << 20
    processes: int = 256
    """Processes, not threads."""
    gpus: tuple[int, ...] = ()
    """Indices of the devices of the lease; no other device node exists inside."""
    cpus: frozenset[int] | None = None
    """The processors of the lease; None: all."""
    loopback: bool = False
    """Whether ranks talk over 127.0.0.1 (torchrun).

    Where no namespace can be made (partial in most containers) this costs the guarantees
    `network` and `state`, for ranks also meet in the host's /dev/shm.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How a cell ended; every process of it is dead."""

    code: int | None
    """Exit code of the command; None when a signal ended it."""
    signal: int | None
    stopped_by: Stop | None
    """The limit that ended it."""
    killed: bool
    """The evaluator ended it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What a cell has used so far."""

    cpu_seconds: float
    peak_bytes: int
    preemptions: int = 0
    """How often it was taken off a processor that it would have used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """What was kept of stdout and stderr: untrusted bytes."""

    head: bytes
    tail: bytes
    """What follows the head; it begins `omitted` bytes later."""
    size: int

    @property
    def omitted(self) -> int:
        """Bytes between head and tail that were counted and thrown away."""
        return self.size - len(self.head) - len(self.tail)


class Contained(Protocol):
    """A running cell. Its limits are enforced without anybody calling it."""

    @property
    def pid(self) -> int:
        """The outermost process, as the host sees it."""

    @property
    def stopped_by(self) -> Stop | None:
        """The limit that fired, as soon as it has."""

    @property
    def output(self) -> Output:
        """What was printed so far."""

    @property
    def usage(self) -> Usage:
        """What was used so far; final after the end."""

    def poll(self) -> Ending | None:
        """How it ended, or None while it runs. When it ended by itself, all its processes die."""

    def wait(self, timeout: float | None = None) -> Ending | None:
        """Like `poll`, but wait for the end at most so many seconds."""

    def kill(self) -> Ending:
        """End it; returns when every process of it is dead."""


class Sandbox(Protocol):
    """One way to contain candidates. Spawn from the main thread: children follow its death."""

    level: Level

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What the probes showed of it; empty when it was not chosen by `choose`."""

    def spawn(self, cell: Cell) -> Contained:
        """Start a cell.

        Raises:
            OSError: it could not be started; nothing of it runs.
        """

    def close(self) -> None:
        """Remove what the sandbox keeps on disk."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...
