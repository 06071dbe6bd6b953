"""Writes git objects: durable before they can be seen, and without holding the interpreter.

libgit2 waits for the disk with Python's lock held, which would stall every session for some
milliseconds a commit. The format is a dozen lines, and `git fsck` has the last word on it.
"""

from __future__ import annotations

import hashlib
import os
import threading
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from pathlib import Path

_FILE, _FOLDER = b"100644", b"40000"
_READ_ONLY = 0o444


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
    """The loose objects of a repository."""

    def __init__(self, folder: Path) -> None:
        """Write into `objects` of a repository whose 256 folders exist."""
        self._folder = str(folder)

    def keep(self, objects: Iterable[GitObject]) -> None:
        """Have all of them on the disk, for good; each is seen when it is whole, not before."""
        new = {thing.id: thing for thing in objects if not os.path.exists(self._place(thing.id))}
        drafts = {id_: self._written(thing) for id_, thing in new.items()}
        for id_, draft in drafts.items():
            os.rename(draft, self._place(id_))
        for name in {id_[:2] for id_ in new}:
            sync_folder(f"{self._folder}/{name}")

    def _written(self, thing: GitObject) -> str:
        """A file that is on the disk, under a name that git cleans up after a crash."""
        folder, name = thing.id[:2], thing.id[2:]
        draft = f"{self._folder}/{folder}/tmp_obj_{name}.{threading.get_native_id()}"
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        with open(descriptor, "wb", buffering=0) as file:
            file.write(zlib.compress(thing.raw, 1))
            os.fchmod(descriptor, _READ_ONLY)
            os.fsync(descriptor)
        return draft

    def _place(self, id_: str) -> str:
        return f"{self._folder}/{id_[:2]}/{id_[2:]}"


def sync_folder(folder: str | Path) -> None:
    """Have the names in a folder on the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
