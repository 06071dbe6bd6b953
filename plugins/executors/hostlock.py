"""Leases on the host across supervisors: two files that all of them lock."""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
from pathlib import Path

from autores.errors import UserError


class HostLock:
    """This supervisor's share of the machine, or all of it.

    Whoever runs jobs shares the file `host`; whoever needs the host alone locks it for
    itself, and holds the file `turnstile` meanwhile, through which everybody passes on the
    way to a job: so others begin nothing while one waits for the host.
    """

    def __init__(self, folder: Path) -> None:
        """Open the files, or make them.

        Raises:
            UserError: This folder cannot be used.
        """
        try:
            _make_folder(folder)
            self._host = _open(folder / "host.lock")
            self._turnstile = _open(folder / "turnstile.lock")
        except OSError as error:
            raise UserError(
                f"{folder}: {error.strerror}; set executor.local.locks to a folder that every "
                "user of this machine who runs autores can write"
            ) from None

    @property
    def descriptor(self) -> int:
        """The lock lasts while any process has it open, also when the supervisor is dead."""
        return self._host

    def share(self) -> bool:
        """Begin a job beside others; False while somebody has the host or waits for it."""
        passed = _try(self._turnstile, fcntl.LOCK_SH)
        try:
            return passed and _try(self._host, fcntl.LOCK_SH)
        finally:
            if passed:
                fcntl.flock(self._turnstile, fcntl.LOCK_UN)

    def announce(self) -> bool:
        """Wait for the host: from now on nobody else begins. False while another waits."""
        return _try(self._turnstile, fcntl.LOCK_EX)

    def take(self) -> bool:
        """Begin a job alone; False while others run. The caller must have nothing running."""
        if not (self.announce() and _try(self._host, fcntl.LOCK_EX)):
            return False
        self.renounce()
        return True

    def renounce(self) -> None:
        """Wait for the host no longer."""
        fcntl.flock(self._turnstile, fcntl.LOCK_UN)

    def release(self) -> None:
        """Nothing runs any more."""
        fcntl.flock(self._host, fcntl.LOCK_UN)

    def close(self) -> None:
        """Give up everything."""
        os.close(self._host)
        os.close(self._turnstile)


def _try(file: int, how: int) -> bool:
    try:
        fcntl.flock(file, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _make_folder(folder: Path) -> None:
    """For all users of the machine, as `/tmp` is."""
    with contextlib.suppress(FileExistsError):
        folder.mkdir(parents=True)
        folder.chmod(0o1777)


def _open(path: Path) -> int:
    flags = os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        file = os.open(path, flags | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        file = os.open(path, flags)
    else:
        os.fchmod(file, 0o666)
    if not stat.S_ISREG(os.fstat(file).st_mode):
        raise OSError(0, f"{path.name} is not a file")
    return file
