"""What was committed or read last, shared by all repository objects of a run.

Sessions, gates and evaluations read a trial's files right after they were committed, on other
threads and so through other repository objects: git would read, unpack and parse each again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from threading import Lock

COMMITS = 256
BLOB_BYTES = 8 << 20

Entries = Mapping[str, tuple[str, int]]
"""Path to blob id and git mode, sorted by path."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """A commit without the content of its files."""

    id: str
    tree: str
    parents: tuple[str, ...]
    at: int
    """UNIX time."""
    entries: Entries | None = None
    """None where they are still to be read."""


class Recent:
    """The latest commits and files, within bounds; any thread may ask."""

    def __init__(self, blob_bytes: int = BLOB_BYTES) -> None:
        """Begin empty; `blob_bytes` is what all files together may have."""
        self._most = blob_bytes
        self._lock = Lock()
        self._commits: dict[str, Commit] = {}
        self._blobs: dict[str, bytes] = {}
        self._bytes = 0

    def commit(self, id_: str) -> Commit | None:
        """A commit that was kept."""
        return self._commits.get(id_)

    def blob(self, id_: str) -> bytes | None:
        """The content of a file that was kept."""
        return self._blobs.get(id_)

    def keep_commit(self, commit: Commit) -> None:
        """Have it at hand, instead of the one that was kept first."""
        with self._lock:
            self._commits[commit.id] = commit
            while len(self._commits) > COMMITS:
                del self._commits[next(iter(self._commits))]

    def keep_blob(self, id_: str, data: bytes) -> None:
        """Have a file at hand, instead of those that were kept first."""
        with self._lock:
            if id_ not in self._blobs:
                self._blobs[id_] = data
                self._bytes += len(data)
            while self._bytes > self._most:
                self._bytes -= len(self._blobs.pop(next(iter(self._blobs))))
