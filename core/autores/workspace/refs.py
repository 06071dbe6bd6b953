"""The refs of a run's repository: a cache for people, rebuilt from the lineage store.

Trials are tags `trial/0017`. The newest are loose files, a batch of them at a time goes to
`packed-refs`, so that neither opening nor listing ever meets thousands of files.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from autores.workspace.objects import sync_folder

BATCH = 256
"""Loose trial refs that are worth rewriting `packed-refs` for."""
MANY = 32
"""Refs that are not worth a file each when they come at once."""
STALE_SECONDS = 60.0
"""A lock of this age belongs to a process that was killed."""
_HEADER = "# pack-refs with: peeled fully-peeled sorted \n"
_TRIAL = re.compile(r"refs/tags/trial/(\d+)")
_PACKED_TRIAL = re.compile(rb" refs/tags/trial/(\d+)\n")


def trial_ref(trial: int) -> str:
    """The full name of a trial's tag."""
    return f"refs/tags/trial/{trial:04d}"


class TrialRefs:
    """Writes the refs of one bare repository; one object per repository and process."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._packed = path / "packed-refs"
        self._loose: dict[str, str] | None = None

    @property
    def packed_through(self) -> int:
        """The highest trial in `packed-refs`; -1 without any."""
        try:
            data = self._packed.read_bytes()
        except FileNotFoundError:
            return -1
        return max(map(int, _PACKED_TRIAL.findall(data)), default=-1)

    def published(self) -> dict[int, str]:
        """The commit that each trial's tag names, as it stands on disk now."""
        packed = _parse(self._packed.read_text("ascii")) if self._packed.exists() else {}
        commits = {ref: lines.split()[0] for ref, lines in packed.items()}
        for file in (self._path / "refs" / "tags" / "trial").glob("*"):
            commits[f"refs/tags/trial/{file.name}"] = file.read_text("ascii").strip()
        numbered = ((_TRIAL.fullmatch(ref), commit) for ref, commit in commits.items())
        return {int(found[1]): commit for found, commit in numbered if found}

    def publish(self, commits: Mapping[int, str]) -> None:
        """Point trials' tags at their commits: a few as loose files, many in `packed-refs`."""
        new = {trial_ref(trial): commit for trial, commit in commits.items()}
        loose = self._loose_trials()
        many = len(new) >= MANY
        if not many:
            self._point_all(new)
        loose |= new
        if (many or len(loose) >= BATCH) and not self.pack() and many:
            self._point_all(new)

    def mend(self, rows: Iterable[tuple[int, str]]) -> None:
        """Make the trials above `packed_through` what the rows say, and pack them."""
        truth = {trial_ref(trial): commit for trial, commit in rows}
        for stray in self._loose_trials().keys() - truth.keys():
            self.remove(stray)
        self._loose = dict(truth)
        if truth and not self.pack():
            self._point_all(truth)

    def _point_all(self, commits: Mapping[str, str]) -> None:
        for ref, commit in commits.items():
            self.point(ref, commit)

    def point(self, ref: str, commit: str, *, durable: bool = False) -> None:
        """Write one loose ref. A power cut may lose it, and `mend` finds that."""
        file = self._path / ref
        file.parent.mkdir(parents=True, exist_ok=True)
        lock = file.with_name(file.name + ".lock")
        with lock.open("w", encoding="ascii") as stream:
            stream.write(f"{commit}\n")
            stream.flush()
            if durable:
                os.fsync(stream.fileno())
        lock.replace(file)

    def remove(self, ref: str) -> None:
        """Remove one loose ref."""
        (self._path / ref).unlink(missing_ok=True)

    def pack(self) -> bool:
        """Move the loose trial refs to `packed-refs`; False when someone else is at it."""
        loose = self._loose_trials()
        lock = self._path / "packed-refs.lock"
        descriptor = _take(lock)
        if descriptor is None:
            return False
        with open(descriptor, "w", encoding="ascii", newline="\n") as file:
            file.write(_HEADER + "".join(self._merged(loose)))
            file.flush()
            os.fsync(file.fileno())
        lock.replace(self._packed)
        sync_folder(self._path)
        for ref in loose:
            self.remove(ref)
        self._loose = {}
        return True

    def _merged(self, new: dict[str, str]) -> Iterator[str]:
        """The lines of the packed refs, sorted, with the new ones among them."""
        old = _parse(self._packed.read_text("ascii")) if self._packed.exists() else {}
        entries = old | {ref: f"{commit} {ref}\n" for ref, commit in new.items()}
        return (entries[ref] for ref in sorted(entries))

    def _loose_trials(self) -> dict[str, str]:
        """Read from disk once, when this object first needs them; locks left behind go."""
        if self._loose is None:
            folder = self._path / "refs" / "tags" / "trial"
            for lock in folder.glob("*.lock"):
                lock.unlink()
            self._loose = {
                f"refs/tags/trial/{file.name}": file.read_text("ascii").strip()
                for file in folder.glob("*")
            }
        return self._loose


def _parse(text: str) -> dict[str, str]:
    """Ref to its lines: the second, where there is one, says what an annotated tag peels to."""
    entries: dict[str, str] = {}
    ref = ""
    for line in text.splitlines():
        if line.startswith("^"):
            entries[ref] += f"{line}\n"
        elif not line.startswith("#"):
            ref = line.partition(" ")[2]
            entries[ref] = f"{line}\n"
    return entries


def _take(lock: Path) -> int | None:
    """Create git's own lock file; None while another process holds it."""
    try:
        if time.time() - lock.stat().st_mtime > STALE_SECONDS:
            lock.unlink()
    except FileNotFoundError:
        pass
    try:
        return os.open(lock, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
    except FileExistsError:
        return None
