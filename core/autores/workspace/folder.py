"""A folder of untrusted files, never left: no symbolic link is followed on the way."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from autores.errors import AutoresError
from autores.records import Violation
from autores.workspace import names

CACHES = frozenset({"__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache", ".hypothesis"})
"""Folders that tools leave behind; never part of a recipe."""
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_KINDS = {
    stat.S_IFLNK: "a symbolic link",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


class FolderGone(AutoresError):
    """The folder was deleted or replaced under our hands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What lies in a folder: the plain files, and what else was found."""

    files: dict[str, bytes] = field(default_factory=dict)
    violations: list[Violation] = field(default_factory=list)


class Folder:
    """Reads and writes below one folder, by relative paths with `/`."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def create(self) -> None:
        """Make the folder anew, and empty."""
        if self.root.is_symlink() or self.root.is_file():
            self.root.unlink()
        elif self.root.exists():
            shutil.rmtree(self.root)
        self.root.mkdir(parents=True)

    def read(self, path: str) -> bytes:
        """The bytes of a plain file; KeyError where there is none."""
        with self._parent(path) as (parent, name):
            return _read_plain(parent, name, path)

    def write(self, path: str, data: bytes) -> None:
        """Replace a file or make one, with the folders on its way."""
        with self._parent(path, make=True) as (parent, name):
            _unlink(parent, name)
            with open(os.open(name, _CREATE, 0o644, dir_fd=parent), "wb") as file:
                file.write(data)

    def delete(self, path: str) -> None:
        """Remove a file; nothing happens where there is none."""
        try:
            with self._parent(path) as (parent, name):
                _unlink(parent, name)
        except KeyError:
            return

    def scan(self) -> Contents:
        """All files, and a violation for each thing that cannot stand in a recipe."""
        contents = Contents()
        root = self._open_root()
        try:
            _Scan(contents).folder(root, "", 0)
        finally:
            os.close(root)
        contents.violations.extend(names.check_paths(contents.files))
        return contents

    def _open_root(self) -> int:
        try:
            return os.open(self.root, _FOLDER)
        except OSError as error:
            raise FolderGone(
                f"the workspace folder {self.root} is gone ({error.strerror}); "
                "check the trial out again"
            ) from None

    @contextmanager
    def _parent(self, path: str, *, make: bool = False) -> Iterator[tuple[int, str]]:
        *folders, name = path.split("/")
        here = self._open_root()
        try:
            for folder in folders:
                here = _descend(here, folder, path, make=make)
            yield here, name
        finally:
            os.close(here)


def _descend(here: int, folder: str, path: str, *, make: bool) -> int:
    """Open a folder below an open one, which is closed when that worked."""
    if make:
        try:
            os.mkdir(folder, 0o755, dir_fd=here)
        except FileExistsError:
            pass
    try:
        below = os.open(folder, _FOLDER, dir_fd=here)
    except OSError:
        raise KeyError(path) from None
    os.close(here)
    return below


def _unlink(parent: int, name: str) -> None:
    try:
        os.unlink(name, dir_fd=parent)
    except FileNotFoundError:
        return
    except (IsADirectoryError, PermissionError):
        raise KeyError(name) from None


def _read_plain(parent: int, name: str, path: str) -> bytes:
    try:
        descriptor = os.open(name, _READ, dir_fd=parent)
    except OSError:
        raise KeyError(path) from None
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode) or found.st_nlink != 1:
        os.close(descriptor)
        raise KeyError(path)
    with open(descriptor, "rb") as file:
        return file.read(names.LARGEST_FILE + 1)


class _Scan:
    """One walk over a folder, bounded in files, bytes and depth."""

    def __init__(self, contents: Contents) -> None:
        self.contents = contents
        self.entries = 0
        self.bytes = 0

    def folder(self, descriptor: int, prefix: str, depth: int) -> None:
        for name in sorted(os.listdir(descriptor)):
            if name in CACHES:
                continue
            self.entries += 1
            if self.entries > 2 * names.MOST_FILES or self.bytes > names.LARGEST_TREE:
                self._stop()
                return
            self._entry(descriptor, name, prefix + name, depth)

    def _entry(self, parent: int, name: str, path: str, depth: int) -> None:
        try:
            found = os.lstat(name, dir_fd=parent)
        except FileNotFoundError:  # removed since it was listed
            return
        if stat.S_ISDIR(found.st_mode):
            self._enter(parent, name, path, depth)
        elif not stat.S_ISREG(found.st_mode):
            kind = _KINDS.get(stat.S_IFMT(found.st_mode), "something else")
            self._object(names.irregular(path, kind))
        elif found.st_nlink != 1:
            self._object(names.irregular(path, f"one of {found.st_nlink} hard links to a file"))
        else:
            self._file(parent, name, path)

    def _enter(self, parent: int, name: str, path: str, depth: int) -> None:
        wrong = names.check_path(path)
        if wrong or depth >= names.DEEPEST:
            self._object(wrong or names.check_path(f"{path}/x") or names.irregular(path, "a maze"))
            return
        below = os.open(name, _FOLDER, dir_fd=parent)
        try:
            self.folder(below, path + "/", depth + 1)
        finally:
            os.close(below)

    def _file(self, parent: int, name: str, path: str) -> None:
        try:
            data = _read_plain(parent, name, path)
        except KeyError:
            self._object(names.irregular(path, "a file that changed or cannot be read"))
            return
        if len(data) > names.LARGEST_FILE:
            self._object(_too_large(path))
            return
        self.bytes += len(data)
        self.contents.files[path] = data

    def _stop(self) -> None:
        if not any(v.rule in ("files-many", "tree-size") for v in self.contents.violations):
            over = self.bytes > names.LARGEST_TREE
            self._object(_tree_too_large() if over else names.too_many(self.entries))

    def _object(self, violation: Violation) -> None:
        self.contents.violations.append(violation)


def _too_large(path: str) -> Violation:
    return Violation(
        rule="file-size",
        message=f"larger than {names.LARGEST_FILE >> 20} MiB.",
        fix="Keep data and weights out of the recipe.",
        path=names.shown(path),
    )


def _tree_too_large() -> Violation:
    return Violation(
        rule="tree-size",
        message=f"all files together are larger than {names.LARGEST_TREE >> 20} MiB.",
        fix="Keep data and weights out of the recipe.",
    )
