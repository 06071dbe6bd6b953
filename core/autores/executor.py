"""What runs evaluation jobs: the protocol that every executor keeps."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from typing import Protocol

from autores.evaluator.request import EvaluationRequest
from autores.records import Lease, Tree


class Priority(IntEnum):
    """Who goes first when a machine is full; a smaller number does."""

    CLAIM = 0
    """Looks that a policy waits for, and calibration."""
    TRIAL = 1
    PROBE = 2
    """What a tool wants to know."""


class CodeSource(Protocol):
    """Where the trees of a job are read from."""

    def tree(self, commit: str) -> Tree:
        """The files of a commit."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """An ordered list of evaluations under one lease."""

    name: str
    """Unique in the run, and known before the job starts: `find` goes by it."""
    requests: tuple[EvaluationRequest, ...]
    code: CodeSource
    folder: Path
    """Of this job: bundle, results and logs go here."""
    keys: Mapping[str, bytes] = field(repr=False)
    """Evaluation and attempt (`EvaluationRequest.key_name`) to the key that signs its outcome."""
    lease: Lease = Lease.SHARED
    gpus: int = 0
    priority: Priority = Priority.TRIAL

    @property
    def wall(self) -> float:
        """The outer limit: more than all evaluations together."""
        return 30.0 + sum(r.outer_wall for r in self.requests)


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One evaluation has ended."""

    position: int
    """In the job's list of requests."""
    payload: bytes
    """A signed outcome, for `autores.evaluator.signing`; never trusted before it is verified."""


@dataclass(frozen=True, slots=True)
class JobFolder:
    """The one owner of the names in a job's folder."""

    root: Path

    @property
    def bundle(self) -> Path:
        """Requests and trees; removed when the job has ended, since it holds secrets."""
        return self.root / "bundle"

    @property
    def keys(self) -> Path:
        """Readable by its owner alone, and only until the evaluator has read it."""
        return self.root / "keys.json"

    @property
    def results(self) -> Path:
        """One file for each evaluation that has ended."""
        return self.root / "results"

    @property
    def ending(self) -> Path:
        """How the shim saw the job end; it appears when every process is dead."""
        return self.root / "ending.json"

    @property
    def log(self) -> Path:
        """What the evaluator itself printed."""
        return self.root / "evaluator.log"


def results_in(folder: Path, *, but: frozenset[int] = frozenset()) -> Iterator[Result]:
    """The results that lie in a job's folder, by position.

    Also those that a supervisor which was killed has never seen. They are signed and not
    verified: whether a result is one is for the reader to find out.

    Args:
        folder: of the job.
        but: positions that are left out.
    """
    for position in sorted(_positions(JobFolder(folder).results) - but):
        path = JobFolder(folder).results / f"{position}.json"
        yield Result(position=position, payload=path.read_bytes())


def _positions(results: Path) -> set[int]:
    if not results.is_dir():
        return set()
    names = (path.stem for path in results.iterdir() if path.suffix == ".json")
    return {int(name) for name in names if name.isdecimal() and str(int(name)) == name}


@dataclass(frozen=True, slots=True, kw_only=True)
class Capacity:
    """How much an executor can do at the same time."""

    jobs: int
    cpus: int
    gpus: int = 0
    hardware: str = ""
    """What scores are comparable within: CPU or GPU model and count."""
    sandbox: str = ""
    """The level that candidates are contained at here; empty where it is not known before."""


class Executor(Protocol):
    """Runs jobs, each evaluation in an evaluator process of its own.

    All methods are called in the event loop of the supervisor, in its main thread. An
    executor starts everything through `autores.evaluator.shim`, so that nothing outlives
    it, and trusts neither the engine's word nor the absence of one: a result is what is
    signed.
    """

    survives: bool
    """Whether jobs live on when the supervisor dies, to their own deadline."""

    async def start(self, job: Job) -> str:
        """Start a job, or queue it behind its lease; returns a handle at once.

        Raises:
            UserError: No machine that it has can ever run such a job.
        """
        ...

    def watch(self, handle: str) -> AsyncIterator[Result]:
        """Results as they come; ends when the job has, whether or not all results came."""
        ...

    async def cancel(self, handle: str) -> None:
        """End a job; returns when every process of it is dead. Ended jobs are left alone."""
        ...

    async def find(self, name: str) -> str | None:
        """The handle of a job that still runs, by its name; for a supervisor that came back."""
        ...

    def capacity(self) -> Capacity:
        """What it has."""
        ...

    async def close(self) -> None:
        """Release what it holds. Jobs that survive are left to run."""
        ...
