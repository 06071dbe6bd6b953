"""Users without an account: one for each sandbox that runs."""

from __future__ import annotations

import contextlib
import os
import socket
from dataclasses import dataclass

FIRST, COUNT = 30_000, 30_000
"""Within what a container with 65,536 uids has."""


@dataclass(frozen=True, slots=True)
class SpareUser:
    """A host uid that no other sandbox of this machine uses while this object lives."""

    uid: int
    _claim: socket.socket
    """Bound to a name that only one process can have; the kernel frees it."""

    @classmethod
    def claim(cls) -> SpareUser:
        """Take the first that is free.

        Raises:
            OSError: none is.
        """
        for offset in range(COUNT):
            uid = FIRST + (os.getpid() + offset) % COUNT
            holder = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            with contextlib.suppress(OSError):
                holder.bind(f"\0autores-uid-{uid}")
                return cls(uid, holder)
            holder.close()
        raise OSError("no uid is free")

    def release(self) -> None:
        """Give it back."""
        self._claim.close()
