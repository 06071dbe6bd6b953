"""The connections of one candidate, one for each of its ranks."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Callable, Sequence
from pathlib import Path

from autores.evaluator.harness.harness import HELLO, VERSION, Kind
from autores.evaluator.wire import Array, BadMessage, Channel, Message, Offered, wait_for

SOCKET = "arena.sock"
BACKLOG = 16
LINES_AT_ONCE = 1_000
"""Of a log, before the clock is looked at again."""


class Ranks:
    """Listens in a folder; knows its peers by the rank that they say they are, once each."""

    def __init__(self, folder: Path, count: int, note: Callable[[bytes], object]) -> None:
        """Listen.

        Args:
            folder: Where the socket is made; any user can connect who can reach it.
            count: How many ranks there will be.
            note: Takes the body of each line of a log.
        """
        self._count, self._note = count, note
        self._met: set[int] = set()
        self._channels: dict[int, Channel] = {}
        self._strangers: list[Channel] = []
        self._listener = _listen(folder / SOCKET)

    @property
    def met(self) -> bool:
        """Whether anybody has said HELLO."""
        return bool(self._met)

    @property
    def connected(self) -> Sequence[int]:
        """Who is there now."""
        return list(self._channels)

    def look(self, wanted: int | None = None) -> tuple[int, Message] | None:
        """A message, if one is here; lines of logs are taken on the way.

        Args:
            wanted: The only rank that may speak now; None: all may.

        Raises:
            Closed: A rank has hung up.
            BadMessage: A rank does not keep to the protocol.
        """
        self._accept()
        for channel in list(self._strangers):
            if (message := channel.receive()) is not None:
                return self._welcome(channel, message), message
        for rank, channel in self._channels.items():
            message = self._hear(channel)
            if message is not None and wanted in (None, rank):
                return rank, message
            if message is not None:
                raise BadMessage(f"{message.kind.name} of rank {rank}, which was not asked")
        return None

    def wait(self, seconds: float) -> None:
        """Sleep until something happens, at most so long."""
        wait_for([self._listener, *self._strangers, *self._channels.values()], seconds)

    def send(
        self, rank: int, kind: Kind, body: bytes, arrays: Sequence[Array], until: float
    ) -> None:
        """Send a message to one rank; see `Channel.send`."""
        self._channels[rank].send(kind, body, arrays, until=until)

    def copy(self, rank: int, offered: Offered, message: Message) -> Array:
        """A private copy of what a rank offers; see `Channel.copy`."""
        return self._channels[rank].copy(offered, message)

    def dismiss(self, rank: int) -> None:
        """Hang up on a rank that is done."""
        self._channels.pop(rank).close()

    def close(self) -> None:
        """Hang up on all."""
        self._listener.close()
        for channel in (*self._channels.values(), *self._strangers):
            channel.close()

    def _hear(self, channel: Channel) -> Message | None:
        for _ in range(LINES_AT_ONCE):
            message = channel.receive()
            if message is None or message.kind is not Kind.LOG:
                return message
            self._note(message.body)
        return None

    def _accept(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while True:
                self._strangers.append(Channel(self._listener.accept()[0]))
                if len(self._strangers) + len(self._met) > self._count:
                    raise BadMessage("more connections than ranks")

    def _welcome(self, channel: Channel, message: Message) -> int:
        self._strangers.remove(channel)
        if message.kind is not Kind.HELLO or len(message.body) != HELLO.size:
            channel.close()
            raise BadMessage("a connection that does not begin with HELLO")
        rank: int
        version, rank = HELLO.unpack(message.body)
        if version != VERSION or rank >= self._count or rank in self._met:
            channel.close()
            raise BadMessage(f"HELLO of rank {rank}, version {version}")
        self._met.add(rank)
        self._channels[rank] = channel
        return rank


def _listen(path: Path) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(path))
    os.chmod(path, 0o666)
    listener.listen(BACKLOG)
    listener.setblocking(False)
    return listener
