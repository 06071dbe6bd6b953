"""Take a foreign run in: its files into a folder of their own, from which they are read."""

from __future__ import annotations

import hashlib
import platform
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from autores.archive.checks import BEST, TREE, Check, checks
from autores.archive.notes import Note, Notes
from autores.archive.own import read_chain
from autores.archive.rows import read_table
from autores.archive.store import Archive
from autores.archive.trials import archive_of, direction_of
from autores.codec import canonical, from_json, strict_loads, to_json
from autores.errors import UserError
from autores.events import Created, Marked
from autores.folder import RunFolder
from autores.lineage.store import Query
from autores.manifest import Manifest
from autores.records import Direction, Metric, Recipe, Task, Trust
from autores.status import Status
from autores.workspace.repository import CodeRepository

TABLE = "results.tsv"
CHAIN = "lineage.jsonl"
_NAMES = (TABLE, CHAIN)
_UNITS = {"train_s": "s"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What was found in a foreign run."""

    name: str
    task: Task
    store: Archive
    notes: Notes
    checks: tuple[Check, ...]
    source: Path

    def as_mapping(self) -> dict[str, Any]:
        """Counts, best, and what had to be mended: for `--json`."""
        return {
            "name": self.name,
            "task": self.task.name,
            "metric": self.task.metric.name,
            "direction": self.task.metric.direction,
            "rows": sum(self.statuses.values()),
            "statuses": self.statuses,
            "keeps": self.keeps,
            "best": self.best,
            "repaired": [_told(note) for note in self.notes.repaired],
            "unrepaired": [_told(note) for note in self.notes.unrepaired],
            "checks": self.checks,
        }

    @property
    def statuses(self) -> dict[str, int]:
        """How many trials there are of each."""
        counts: dict[str, int] = {}
        for (_, status), count in self.store.tally().items():
            name = "unfinished" if status is None else str(status.value)
            counts[name] = counts.get(name, 0) + count
        return {name: counts[name] for name in sorted(counts, key=_order)}

    @property
    def keeps(self) -> dict[str, int]:
        """By specialist."""
        tally = sorted(self.store.tally().items(), key=lambda item: item[0][0])
        return {who: count for (who, status), count in tally if status is Status.KEEP}

    @property
    def best(self) -> dict[str, Any] | None:
        """The last keep, and how much better than the baseline it is."""
        number = self.store.head().best
        if number is None:
            return None
        trial, seed = self.store.get(number), self.store.query(Query(limit=1))[0]
        gain = None
        if trial.score is not None and seed.score is not None:
            gain = self.task.metric.direction.gain(seed.score, trial.score)
        return {
            "trial": number,
            "exp_id": f"{number:03d}",
            "specialist": trial.submission.specialist,
            "score": trial.score,
            "baseline": seed.score,
            "gain": gain,
            "relative_improvement": gain / abs(seed.score) if gain and seed.score else gain,
            "hypothesis": trial.submission.hypothesis,
        }


def _told(note: Note) -> dict[str, Any]:
    told = {"line": note.line, "what": note.what, "column": note.column, "text": note.text}
    return {name: value for name, value in told.items() if value != ""}


def _order(status: str) -> int:
    names = [str(known.value) for known in Status]
    return names.index(status) if status in names else len(names)


# ------------------------------------------------------------------------------- reading


def examine(
    path: Path,
    *,
    name: str = "",
    metric: str = "",
    direction: Direction | None = None,
    told: Callable[[float], None] = lambda more: None,
) -> Imported:
    """Read a foreign run and check it, leaving everything where it is.

    Args:
        path: A table, a file of events, or a folder that holds one.
        name: What to call it; else what its folder or file is called.
        metric: The column that ranks; empty for what its layout suggests.
        direction: Which way that improves; None for the way in which the keeps went.
        told: Hears how many characters more have been read, of about `size_of` in all.

    Raises:
        UserError: There is nothing of the kind.
    """
    file = _file_in(path)
    name = name or (file.parent.name if file.name in _NAMES else file.stem) or "imported"
    text = file.read_bytes().decode("utf-8", errors="replace")
    if text.lstrip().startswith("{"):
        return _own(file, text, name)
    try:
        table = read_table(text, metric, told)
    except UserError as error:
        raise UserError(f"{file}: {error}") from None
    if not table.rows:
        raise UserError(f"{file}: no row of it can be read; see `autores import --help`")
    direction = direction or direction_of(table)
    created = Created(direction=direction, task=name, profile="imported")
    store = archive_of(table, created)
    trials = {row.id: store.get(row.id) for row in table.rows}
    return Imported(
        name=name,
        task=_task(created, table.score),
        store=store,
        notes=table.notes,
        checks=checks(trials, metric=table.score, direction=direction, folder=file.parent),
        source=file,
    )


def _own(file: Path, text: str, name: str) -> Imported:
    notes = Notes()
    store = read_chain(text.split("\n"), notes)
    created = store.head().created
    if created is None:
        raise UserError(f"{file}: its first event does not begin a lineage")
    whole = Check(name="the chain of hashes", holds=not notes.unrepaired)
    task = _task(created, "score")
    return Imported(name=name, task=task, store=store, notes=notes, checks=(whole,), source=file)


def size_of(path: Path) -> int:
    """Bytes of what `examine` reads."""
    return _file_in(path).stat().st_size


def runs_in(path: Path) -> list[Path]:
    """The path itself, or the folders in it that are runs where it is none."""
    if path.is_file() or any((path / name).is_file() for name in _NAMES):
        return [path]
    inner = sorted({file.parent for name in _NAMES for file in path.glob(f"*/{name}")})
    return inner or [path]


def _file_in(path: Path) -> Path:
    if path.is_file():
        return path
    found = [path / name for name in _NAMES if (path / name).is_file()]
    if not found:
        raise UserError(f"{path}: name a .tsv or .jsonl file, or a folder with {TABLE}")
    return found[0]


def _task(created: Created, metric: str) -> Task:
    return Task(
        name=created.task or "imported",
        title=f"{created.task or 'A lineage'}, imported",
        metric=Metric(
            name=metric,
            direction=created.direction,
            unit=_UNITS.get(metric, ""),
            format=".6f",
        ),
        recipe=Recipe(path=""),
        profile=created.profile or "imported",
        trust=Trust.SELF_REPORTED,
    )


# -------------------------------------------------------------------------------- keeping


def keep(imported: Imported, out: Path) -> RunFolder:
    """Copy the files into a run's folder; what is there already, and the same, stays.

    Raises:
        UserError: There is another run of that name.
    """
    folder = RunFolder(out / imported.name)
    digest = hashlib.sha256(imported.source.read_bytes()).hexdigest()
    if folder.manifest.exists():
        if Manifest.read(folder.manifest).hashes.get("source") == digest:
            return folder
        raise UserError(f"{folder.root} is another run; choose a name with --name")
    folder.source.mkdir(parents=True)
    for name in (imported.source.name, BEST, TREE):
        file = imported.source.parent / name
        if file.exists():
            shutil.copyfile(file, folder.source / name)
            (folder.source / name).chmod(0o444)
    CodeRepository.create(folder.code)
    _manifest(imported, digest).write(folder.manifest)
    return folder


def _manifest(imported: Imported, digest: str) -> Manifest:
    metric = imported.task.metric
    about = {
        "file": imported.source.name,
        "name": imported.name,
        "metric": metric.name,
        "direction": metric.direction.value,
    }
    return Manifest(
        run={"name": imported.name, "began": round(time.time(), 3), "imported": about},
        settings={"task": imported.task.name},
        limits={},
        versions={},
        hashes={"source": digest},
        machine={"system": platform.system(), "architecture": platform.machine()},
    )


def reopened(folder: RunFolder, manifest: Manifest) -> Imported | None:
    """Read what was taken in; None where the run is one of our own."""
    about: Mapping[str, str] | None = manifest.run.get("imported")
    if about is None:
        return None
    found = examine(
        folder.source / about["file"],
        name=about["name"],
        metric=about["metric"],
        direction=Direction(about["direction"]),
    )
    return replace(found, store=found.store.marked(_marks(folder)))


def keep_marks(folder: RunFolder, marks: Sequence[Marked]) -> None:
    """Keep what people said of the trials of an imported run, beside its source."""
    with folder.marks.open("a", encoding="utf-8") as file:
        file.writelines(canonical(to_json(mark)).decode() + "\n" for mark in marks)


def _marks(folder: RunFolder) -> tuple[Marked, ...]:
    if not folder.marks.exists():
        return ()
    lines = folder.marks.read_text(encoding="utf-8").splitlines()
    return tuple(from_json(Marked, strict_loads(line)) for line in lines)
