"""What SQLite leaves to us: fair locks between processes, leases that die, clear errors."""

from __future__ import annotations

import errno
import fcntl
import mmap
import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from autores.errors import UserError
from autores.lineage.store import (
    StoreDamaged,
    StoreError,
    StoreFull,
    StoreLocked,
    StoreReadOnly,
)

PATIENCE = 60.0
"""Seconds that we wait for another process."""
_POLL = 0.001
_NETWORK = (
    *("afs", "beegfs", "ceph", "cifs", "davfs", "fuse.sshfs", "glusterfs", "gpfs", "lustre"),
    *("ncpfs", "nfs", "nfs4", "smb3", "smbfs"),
)

# ------------------------------------------------------------------------------- errors


@contextmanager
def told(path: Path) -> Iterator[None]:
    """Say what went wrong with a file, and what would mend it."""
    try:
        yield
    except sqlite3.Error as error:
        raise _explained(path, error) from error
    except OSError as error:
        raise _refused(path, error) from error


def _explained(path: Path, error: sqlite3.Error) -> StoreError:
    name = getattr(error, "sqlite_errorname", "")
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_PROTOCOL")):
        return StoreLocked(f"{path} is held by another process; end it and try again")
    if name.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM")):
        return StoreReadOnly(f"{path} cannot be written to; check the rights of file and folder")
    if name.startswith("SQLITE_FULL") or (name.startswith("SQLITE_IOERR") and _is_full(path)):
        return _full(path)
    if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
        return StoreDamaged(f"{path} is damaged: {error}; put back a copy of it")
    return StoreError(f"{path} cannot be used: {error} ({name or 'no code'})")


def _refused(path: Path, error: OSError) -> StoreError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return _full(path)
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return StoreReadOnly(f"{path} cannot be written to; check the rights of file and folder")
    return StoreError(f"{path} cannot be used: {error.strerror or error}")


def _full(path: Path) -> StoreFull:
    return StoreFull(f"no space is left for {path}; nothing was lost: free some and resume")


def _is_full(path: Path) -> bool:
    try:
        disk = os.statvfs(path.parent)
    except OSError:
        return False
    return disk.f_bavail * disk.f_frsize < 1 << 20


def refuse_network(path: Path, mounts: Path = Path("/proc/self/mountinfo")) -> None:
    """WAL keeps its index in shared memory, which one host has and two do not.

    Raises:
        UserError: The folder lies on a network file system.
    """
    try:
        lines = mounts.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return
    folder, nearest, kind = f"{path.parent.resolve()}/", "", ""
    for line in lines:
        left, _, right = line.partition(" - ")
        place = left.split()[4].rstrip("/") + "/"
        if folder.startswith(place) and len(place) >= len(nearest):
            nearest, kind = place, right.split()[0]
    if kind in _NETWORK:
        raise UserError(f"{path} lies on a network file system ({kind}); use a local disk")


# -------------------------------------------------------------------------------- locks


class WriteLock:
    """One writer at a time, among threads and among processes.

    SQLite's own waiting sleeps ever longer and starves the unlucky; this one asks often.

    The file holds a number that every writing raises, by one when it begins and when it ends.
    Whoever finds the number that its own last one left knows, without asking the database,
    that nobody has written since; a writer that is killed leaves an odd one.
    """

    def __init__(self, path: Path, patience: float = PATIENCE) -> None:
        """Lock a file, which is created when first needed."""
        self._path = path
        self._patience = patience
        self._threads = threading.Lock()
        self._descriptor = -1
        self._shared: mmap.mmap | None = None
        self._number: memoryview = memoryview(bytes(8)).cast("Q")
        self._own = -1
        """The number that we wrote last."""

    @property
    def ours(self) -> bool:
        """Whether nobody else has written since we last began to."""
        return bool(self._number[0] == self._own)

    @contextmanager
    def writing(self) -> Iterator[bool]:
        """Hold it, and let all others know that something may have been written.

        Yields:
            Whether nobody else has written since we did.
        """
        with self.held():
            undisturbed = self.ours
            self._count(self._number[0] | 1)
            try:
                yield undisturbed
            finally:
                self._count(self._number[0] + 1)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Wait for it, and hold it; `StoreLocked` where that takes too long."""
        if not self._threads.acquire(timeout=self._patience):
            raise StoreLocked(f"{self._path} is held by another thread")
        try:
            self._take()
            try:
                yield
            finally:
                fcntl.flock(self._descriptor, fcntl.LOCK_UN)
        finally:
            self._threads.release()

    def _count(self, number: int) -> None:
        self._number[0] = self._own = number

    def close(self) -> None:
        """Let go of the file."""
        with self._threads:
            self._number = memoryview(bytes(8)).cast("Q")
            self._own = -1
            if self._shared is not None:
                self._shared.close()
                self._shared = None
            if self._descriptor >= 0:
                os.close(self._descriptor)
                self._descriptor = -1

    def _take(self) -> None:
        if self._descriptor < 0:
            with told(self._path):
                self._descriptor = _open(self._path)
                if os.fstat(self._descriptor).st_size < self._number.nbytes:
                    os.truncate(self._descriptor, self._number.nbytes)
                self._shared = mmap.mmap(self._descriptor, self._number.nbytes)
                self._number = memoryview(self._shared).cast("Q")
        deadline = time.monotonic() + self._patience
        while not _flocked(self._descriptor):
            if time.monotonic() > deadline:
                raise StoreLocked(f"{self._path} is held by another process; end it and try again")
            time.sleep(_POLL)


class Pulses:
    """Tells whether the holder of a lease still lives, so that nobody waits for the dead.

    Each lease has a file that its holder keeps locked; the kernel lets go of it when the
    holder's process dies, however it dies.
    """

    def __init__(self, path: Path) -> None:
        """Keep the files beside a store's."""
        self._path = path
        self._held: dict[str, tuple[str, int]] = {}

    def begin(self, name: str, owner: str) -> bool:
        """Have the pulse of a lease be its owner's; False where another process has it."""
        held = self._held.get(name)
        if held is not None:
            self._held[name] = (owner, held[1])
            return True
        descriptor = _open(self._path.with_name(f"{self._path.name}-lease-{quote(name, safe='')}"))
        if not _flocked(descriptor):
            os.close(descriptor)
            return False
        self._held[name] = (owner, descriptor)
        return True

    def has_ended(self, name: str, owner: str) -> bool:
        """Whether the process of an owner that had a pulse is dead."""
        held = self._held.get(name)
        if held is not None and held[0] == owner:
            return False
        if held is not None:
            self.end(name)  # it is the other's by now, who could not take it while we had it
            return False
        ended = self.begin(name, "")
        self.end(name)
        return ended

    def end(self, name: str) -> None:
        """Give a pulse up."""
        held = self._held.pop(name, None)
        if held is not None:
            os.close(held[1])

    def close(self) -> None:
        """Give all up."""
        for name in list(self._held):
            self.end(name)


def _open(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)


def _flocked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
