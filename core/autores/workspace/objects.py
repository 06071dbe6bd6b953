"""Writes git objects: durable before they can be seen, and without holding the interpreter.

libgit2 waits for the disk with Python's lock held, which would stall every session for some
milliseconds a commit. The format is a dozen lines, and `git fsck` has the last word on it.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import hashlib
import os
import secrets
import struct
import threading
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from pathlib import Path

_FILE, _FOLDER = b"100644", b"40000"
_READ_ONLY = 0o444
_NEW = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
_RECORD = struct.Struct(">20sI")
"""Before each object of a journal: its id, and how many bytes follow."""
JOURNALS = "journals"
"""A folder beside the objects; git does not look into it."""
LONGEST_JOURNAL = 1 << 20
"""After so many bytes the disk is waited for once, and a new journal begun."""


@dataclass(frozen=True)
class GitObject:
    """A blob, tree or commit, as git hashes it."""

    kind: str
    data: bytes

    @cached_property
    def raw(self) -> bytes:
        """What is compressed and kept."""
        return f"{self.kind} {len(self.data)}\0".encode() + self.data

    @cached_property
    def id(self) -> str:
        """Its name."""
        return hashlib.sha1(self.raw, usedforsecurity=False).hexdigest()


def blob(data: bytes) -> GitObject:
    """The content of a file."""
    return GitObject("blob", data)


def trees(files: Mapping[str, str]) -> Iterator[GitObject]:
    """The trees of plain files, by path to the id of the blob; the root comes last."""
    entries: list[tuple[bytes, bytes, str]] = []
    for name, below in groupby(sorted(files), key=lambda path: path.partition("/")[0]):
        paths = list(below)
        if paths == [name]:
            entries.append((_FILE, name.encode(), files[name]))
            continue
        folder = None
        for folder in trees({path[len(name) + 1 :]: files[path] for path in paths}):
            yield folder
        assert folder is not None
        entries.append((_FOLDER, name.encode(), folder.id))
    entries.sort(key=lambda entry: entry[1] + b"/" * (entry[0] == _FOLDER))
    lines = (b"%b %b\0%b" % (mode, name, bytes.fromhex(id_)) for mode, name, id_ in entries)
    yield GitObject("tree", b"".join(lines))


def commit_of(tree: str, parents: Iterable[str], author: str, at: int, message: str) -> GitObject:
    """A commit of which nobody but `author`, as in `Name <address>`, is to be known."""
    by = f"{author} {at} +0000"
    lines = [f"tree {tree}", *(f"parent {parent}" for parent in parents)]
    lines += [f"author {by}", f"committer {by}", "", message]
    return GitObject("commit", "\n".join(lines).encode("utf-8", "replace"))


class ObjectStore:
    """The loose objects of a repository, written by one thread.

    A trial's blob, tree and commit would take six waits for the disk: three files and their
    folders. Instead they go together into a journal, which takes one; the files that git reads
    come after, and are on the disk at the latest when the journal goes.
    """

    def __init__(self, folder: Path) -> None:
        """Write into `objects` of a repository whose 256 folders exist."""
        self._folder = str(folder)
        self._journal: Journal | None = None

    def keep(self, objects: Iterable[GitObject]) -> None:
        """Have all of them on the disk, for good; each is seen when it is whole, not before."""
        new = {o.id: o for o in objects if not os.path.exists(_place(self._folder, o.id))}
        if not new:
            return
        packed = {id_: zlib.compress(thing.raw, 1) for id_, thing in new.items()}
        if self._journal is None:
            self._journal = Journal.begin(f"{self._folder}/{JOURNALS}")
        self._journal.append(packed)
        for id_, data in packed.items():
            _lay_out(self._folder, id_, data)
        if self._journal.size > LONGEST_JOURNAL:
            self.settle()

    def settle(self) -> None:
        """Have the files on the disk, so that no journal is needed any more."""
        if self._journal is not None:
            sync_all(self._folder)
            self._journal.end()
            self._journal = None

    def recover(self) -> None:
        """Lay out again what stands in journals of writers that are gone."""
        folder = f"{self._folder}/{JOURNALS}"
        if not os.path.isdir(folder):
            return
        left = [found for name in os.listdir(folder) if (found := Journal.left(f"{folder}/{name}"))]
        for journal in left:
            for id_, data in journal.read():
                if _read(_place(self._folder, id_)) != data:
                    _lay_out(self._folder, id_, data)
        if left:
            sync_all(self._folder)
        for journal in left:
            journal.end()


@dataclass(slots=True)
class Journal:
    """Objects that are on the disk for good; locked as long as its writer lives."""

    path: str
    file: int
    size: int = 0

    @classmethod
    def begin(cls, folder: str) -> Journal:
        """A new one."""
        if not os.path.isdir(folder):
            os.makedirs(folder, exist_ok=True)
            sync_folder(os.path.dirname(folder))
        path = f"{folder}/{secrets.token_hex(8)}"
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        fcntl.flock(file, fcntl.LOCK_EX)
        sync_folder(folder)
        return cls(path, file)

    @classmethod
    def left(cls, path: str) -> Journal | None:
        """One that was left behind; None where its writer lives or has just ended it."""
        try:
            file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
            return None
        return cls(path, file)

    def append(self, packed: Mapping[str, bytes]) -> None:
        """Have objects on the disk; where it is full, none of them."""
        text = b"".join(
            _RECORD.pack(bytes.fromhex(id_), len(data)) + data for id_, data in packed.items()
        )
        try:
            written = os.pwrite(self.file, text, self.size)
            if written != len(text):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), self.path)
            _sync_data(self.file)
        except OSError:
            os.ftruncate(self.file, self.size)
            raise
        self.size += len(text)

    def read(self) -> Iterator[tuple[str, bytes]]:
        """Ids and compressed objects, up to the first that was not written whole."""
        rest = _read(self.path) or b""
        while len(rest) >= _RECORD.size:
            id_, length = _RECORD.unpack_from(rest)
            data, rest = rest[_RECORD.size :][:length], rest[_RECORD.size + length :]
            if not _is_whole(id_, data):
                return
            yield id_.hex(), data

    def end(self) -> None:
        """Remove it."""
        os.unlink(self.path)
        os.close(self.file)


def _is_whole(id_: bytes, data: bytes) -> bool:
    try:
        raw = zlib.decompress(data)
    except zlib.error:
        return False
    return hashlib.sha1(raw, usedforsecurity=False).digest() == id_


def _place(folder: str, id_: str) -> str:
    return f"{folder}/{id_[:2]}/{id_[2:]}"


def _lay_out(folder: str, id_: str, data: bytes) -> None:
    """Under a name that git cleans up after a crash, until it is whole."""
    draft = f"{folder}/{id_[:2]}/tmp_obj_{id_[2:]}.{threading.get_native_id()}"
    with open(os.open(draft, _NEW, _READ_ONLY), "wb") as file:
        file.write(data)
    os.rename(draft, _place(folder, id_))


def _read(path: str) -> bytes | None:
    try:
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        return None


def _sync_data(file: int) -> None:
    getattr(os, "fdatasync", os.fsync)(file)  # macOS has no fdatasync


def sync_all(folder: str) -> None:
    """Have all of a folder's file system on the disk."""
    libc = ctypes.CDLL(None, use_errno=True)
    if not hasattr(libc, "syncfs"):  # elsewhere than on Linux
        os.sync()
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        if libc.syncfs(descriptor) != 0:
            raise OSError(ctypes.get_errno(), "the disk did not take what was written", folder)
    finally:
        os.close(descriptor)


def sync_folder(folder: str | Path) -> None:
    """Have the names in a folder on the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
