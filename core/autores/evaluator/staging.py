"""A folder on the data's own file system, where training data can be linked, not copied."""

from __future__ import annotations

import contextlib
import fcntl
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from autores.evaluator.yard import remove

NAME = ".staging"


@contextlib.contextmanager
def staging_folder(data_dir: Path, otherwise: Path) -> Iterator[Path]:
    """A new folder below the data; where nothing can be written there, the other one.

    What evaluators that were killed have left is removed: who lives holds a lock.
    """
    with contextlib.ExitStack() as stack:
        try:
            home = data_dir / NAME
            home.mkdir(mode=0o711, exist_ok=True)
            with _locked(home):
                _sweep(home)
                folder = Path(tempfile.mkdtemp(dir=home))
                stack.enter_context(_locked(folder))
            folder.chmod(0o711)
        except OSError:
            folder = otherwise
        else:
            stack.callback(remove, [folder])
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
