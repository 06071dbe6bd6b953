"""Folders of an evaluation that are gone when it is, also when it was killed."""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from autores.evaluator.yard import remove

STAGING = ".staging"


@contextlib.contextmanager
def work_folder() -> Iterator[Path]:
    """A new folder for all that an evaluation writes, reachable by other users."""
    with _folder_in(Path(tempfile.gettempdir(), f"autores-{os.geteuid()}")) as folder:
        yield folder


@contextlib.contextmanager
def staging_folder(data_dir: Path, otherwise: Path) -> Iterator[Path]:
    """A new folder on the data's own file system, where data can be linked, not copied.

    Where nothing can be written there, it is the other one.
    """
    with contextlib.ExitStack() as stack:
        try:
            folder = stack.enter_context(_folder_in(data_dir / STAGING))
        except OSError:
            folder = otherwise
        yield folder


@contextlib.contextmanager
def _folder_in(home: Path) -> Iterator[Path]:
    """A new folder; what killed evaluators have left beside it goes: who lives holds a lock."""
    home.mkdir(mode=0o711, exist_ok=True)
    found = home.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise PermissionError(f"{home} belongs to somebody else")
    with contextlib.ExitStack() as stack:
        with _locked(home):
            _sweep(home)
            folder = Path(tempfile.mkdtemp(dir=home))
            stack.callback(remove, [folder])
            stack.enter_context(_locked(folder))
        folder.chmod(0o711)
        yield folder


@contextlib.contextmanager
def _locked(folder: Path, how: int = fcntl.LOCK_EX) -> Iterator[None]:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, how)
        yield
    finally:
        os.close(descriptor)


def _sweep(home: Path) -> None:
    for entry in list(os.scandir(home)):
        with (
            contextlib.suppress(BlockingIOError),
            _locked(Path(entry.path), fcntl.LOCK_EX | fcntl.LOCK_NB),
        ):
            remove([Path(entry.path)])
