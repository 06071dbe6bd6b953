"""Leases on the host and its devices across supervisors: files that all of them lock."""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
from collections import Counter
from collections.abc import Sequence
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
        self._host, self._turnstile = _open_all(folder, "host", "turnstile")

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


class DeviceLocks:
    """This supervisor's devices: those of a shared lease shared with others', the rest alone.

    Who cannot have what it needs keeps the turnstile until it can, so that no younger job of
    another supervisor overtakes it.
    """

    def __init__(self, folder: Path, gpus: Sequence[int]) -> None:
        """Open the files, or make them.

        Raises:
            UserError: This folder cannot be used.
        """
        names = [f"gpu{index}" for index in gpus]
        self._turnstile, *files = _open_all(folder, "gpu-turnstile", *names)
        self._files = dict(zip(gpus, files, strict=True))
        self._users: Counter[int] = Counter()

    def descriptors(self, gpus: Sequence[int]) -> tuple[int, ...]:
        """Like `HostLock.descriptor`: a lock lasts while any process has its file open."""
        return tuple(self._files[index] for index in gpus)

    def take(self, candidates: Sequence[int], count: int, *, alone: bool) -> tuple[int, ...] | None:
        """Lock so many of the candidates; None while other supervisors have too many of them."""
        if not _try(self._turnstile, fcntl.LOCK_EX):
            return None
        taken: list[int] = []
        for index in candidates:
            if len(taken) < count and self._lock(index, alone=alone):
                taken.append(index)
        if len(taken) < count:
            self.release(taken)
            return None
        self.renounce()
        return tuple(taken)

    def renounce(self) -> None:
        """Wait no longer."""
        fcntl.flock(self._turnstile, fcntl.LOCK_UN)

    def release(self, gpus: Sequence[int]) -> None:
        """One job less uses them."""
        for index in gpus:
            self._users[index] -= 1
            if not self._users[index]:
                fcntl.flock(self._files[index], fcntl.LOCK_UN)

    def close(self) -> None:
        """Give up everything."""
        for file in (self._turnstile, *self._files.values()):
            os.close(file)

    def _lock(self, index: int, *, alone: bool) -> bool:
        """Lock one; a shared lock that another job of ours has is enough for one more."""
        how = fcntl.LOCK_EX if alone else fcntl.LOCK_SH
        if not (self._users[index] or _try(self._files[index], how)):
            return False
        self._users[index] += 1
        return True


def _open_all(folder: Path, *names: str) -> list[int]:
    opened: list[int] = []
    try:
        _make_folder(folder)
        opened.extend(_open(folder / f"{name}.lock") for name in names)
    except OSError as error:
        for file in opened:
            os.close(file)
        raise UserError(
            f"{folder}: {error.strerror}; set executor.local.locks to a folder that every "
            "user of this machine who runs autores can write"
        ) from None
    return opened


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
