"""Take files out of a folder that a candidate could write, trusting nothing about it."""

from __future__ import annotations

import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path

CHUNK = 1 << 20


class Unsealable(Exception):
    """What lies there is not a plain file of our own within the cap."""


class TooLarge(Unsealable):
    """The file has more bytes than the cap allows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """A private, read-only copy."""

    path: Path
    size: int
    """Bytes that were read: what is counted is what is kept."""
    sha256: str


def copy_sealed(folder: int, name: str, target: Path, *, cap: int) -> Sealed:
    """Copy one regular file, by bytes read.

    Args:
        folder: descriptor of the candidate's folder, opened before the candidate ran.
        name: a plain file name; links are not followed.
        target: where the copy goes, outside of everything that a candidate can reach.
        cap: the most bytes to accept.

    Raises:
        FileNotFoundError: there is no such name.
        Unsealable: a link, a second name, a pipe, a device, a folder, or over the cap.
    """
    if name in {"", ".", ".."} or "/" in name or "\0" in name:
        raise Unsealable("not a plain file name")
    source = _open_regular(folder, name)
    try:
        return _copy(source, target, cap)
    finally:
        os.close(source)


def _open_regular(folder: int, name: str) -> int:
    # Non-blocking: opening a FIFO without a writer would otherwise wait for ever.
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
    try:
        found = os.stat(name, dir_fd=folder, follow_symlinks=False)
        _refuse_unless_plain(found)
        source = os.open(name, flags, dir_fd=folder)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise Unsealable(f"cannot be opened: {error.strerror}") from None
    try:
        _refuse_unless_plain(os.fstat(source))
    except Unsealable:
        os.close(source)
        raise
    return source


def _refuse_unless_plain(found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise Unsealable("not a regular file")
    if found.st_nlink != 1:
        raise Unsealable("the file has more than one name")


def _copy(source: int, target: Path, cap: int) -> Sealed:
    digest = hashlib.sha256()
    size = 0
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    sink = os.open(target, flags, 0o600)
    try:
        while chunk := os.read(source, CHUNK):
            size += len(chunk)
            if size > cap:
                raise TooLarge(f"more than {cap:,} bytes")
            digest.update(chunk)
            _write_all(sink, chunk)
        os.fchmod(sink, 0o444)
    except BaseException:
        target.unlink(missing_ok=True)
        raise
    finally:
        os.close(sink)
    return Sealed(path=target, size=size, sha256=digest.hexdigest())


def _write_all(sink: int, chunk: bytes) -> None:
    view = memoryview(chunk)
    while view:
        view = view[os.write(sink, view) :]
