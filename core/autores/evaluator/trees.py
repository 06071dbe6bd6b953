"""The files of a commit on disk: written plainly, read back without trust, hashed as git does."""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

PLAIN = re.compile(r"[A-Za-z0-9_.][A-Za-z0-9_.+-]*")
"""One part of a path: nothing that a shell, a terminal or git would read otherwise."""
LARGEST = 64 << 20
"""Bytes of a tree: recipes are text."""


class BadTree(Exception):
    """What lies there is not the plain tree that it should be."""


class FileTree(Mapping[str, bytes]):
    """The files of one commit, in memory; a `records.Tree`."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        """Take files by path.

        Raises:
            BadTree: A path is not plain.
        """
        for path in files:
            _check_path(path)
        self._files = dict(sorted(files.items()))

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)

    def __getitem__(self, path: str) -> bytes:
        return self._files[path]

    def read(self, path: str) -> bytes:
        """The bytes of a file; KeyError where there is none."""
        return self._files[path]

    @property
    def size(self) -> int:
        """Bytes that count: of names and of contents."""
        return sum(len(path) + len(content) for path, content in self._files.items())

    @property
    def id(self) -> str:
        """The id that git gives to this tree."""
        return _tree_id(self._files).hex()

    def write(self, folder: Path) -> None:
        """Lay the files out below a new folder, readable by everybody."""
        folder.mkdir(mode=0o755, parents=True)
        for path, content in self._files.items():
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
            target.chmod(0o644)
        for parent, _, _ in os.walk(folder):
            os.chmod(parent, 0o755)

    @classmethod
    def load(cls, folder: Path) -> FileTree:
        """Read what lies below a folder.

        Raises:
            BadTree: A link, a second name, a pipe, a strange path, or too much of it.
        """
        files: dict[str, bytes] = {}
        size = 0
        for path in sorted(_plain_files(folder)):
            files[path.relative_to(folder).as_posix()] = content = _read(path)
            size += len(content)
            if size > LARGEST:
                raise BadTree(f"more than {LARGEST:,} bytes")
        return cls(files)


def _check_path(path: str) -> None:
    parts = path.split("/")
    if any(not PLAIN.fullmatch(part) or part in {".", ".."} for part in parts):
        raise BadTree(f"not a plain path: {path!a}")
    if any(part.lower().startswith(".git") for part in parts):
        raise BadTree(f"a name that git itself reads: {path!a}")


def _plain_files(folder: Path) -> Iterator[Path]:
    for entry in os.scandir(folder):
        if entry.is_dir(follow_symlinks=False):
            yield from _plain_files(Path(entry.path))
        else:
            yield Path(entry.path)


def _read(path: Path) -> bytes:
    try:
        source = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise BadTree(f"{path.name!a} cannot be read: {error.strerror}") from None
    with os.fdopen(source, "rb") as file:
        found = os.fstat(source)
        if not stat.S_ISREG(found.st_mode) or found.st_nlink != 1:
            raise BadTree(f"{path.name!a} is not a regular file with one name")
        return file.read(LARGEST + 1)


def _tree_id(files: Mapping[str, bytes]) -> bytes:
    entries: dict[str, tuple[str, bytes]] = {}
    folders: dict[str, dict[str, bytes]] = {}
    for path, content in files.items():
        name, _, rest = path.partition("/")
        if rest:
            folders.setdefault(name, {})[rest] = content
        else:
            entries[name] = ("100644", _object_id(b"blob", content))
    for name, inner in folders.items():
        if name in entries:
            raise BadTree(f"both a file and a folder: {name!a}")
        entries[name] = ("40000", _tree_id(inner))
    # git sorts a folder as if its name ended with a slash
    order = sorted(entries, key=lambda name: name + "/" if name in folders else name)
    lines = (f"{entries[name][0]} {name}\0".encode() + entries[name][1] for name in order)
    return _object_id(b"tree", b"".join(lines))


def _object_id(kind: bytes, content: bytes) -> bytes:
    header = b"%s %d\0" % (kind, len(content))
    return hashlib.sha1(header + content, usedforsecurity=False).digest()
