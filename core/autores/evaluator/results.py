"""The folder of a job: where its parts lie, and what a supervisor finds there afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from autores.executor import Result


@dataclass(frozen=True, slots=True)
class JobFolder:
    """The one owner of the names in it."""

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


def collect(folder: Path, *, but: frozenset[int] = frozenset()) -> Iterator[Result]:
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
