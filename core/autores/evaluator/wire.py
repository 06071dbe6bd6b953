"""The evaluator's end of the wire: framed messages from a peer that is not believed.

Layouts and constants are those of `autores.evaluator.harness.harness`. Everything that
comes in is of fixed layout and of bounded size; nothing is unpickled, nothing of the peer's
memory is mapped, and an array is copied into private memory before anything else happens.
"""

from __future__ import annotations

import array
import contextlib
import fcntl
import math
import os
import select
import socket
import stat
import struct
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autores.evaluator.harness.harness import (
    ARRAY,
    F_GET_SEALS,
    HEADER,
    INLINE,
    INLINE_BYTES,
    LOG,
    MEMORY,
    MOST_AXES,
    SEAL_GROW,
    SEAL_SEAL,
    SEAL_SHRINK,
    SEAL_WRITE,
    SHARED,
    TYPES,
    Kind,
    describe,
    header,
    open_memory,
    padded,
    seal,
    send,
)

CHUNK = 1 << 16
MOST_INLINE = 64 << 20
"""Bytes of a payload; whoever has more shares memory."""
MOST_ARRAYS = 4
MOST_VALUES = 32
"""Values in one line of a log."""
MOST_NAME = 64

Array = NDArray[Any]


class BadMessage(Exception):
    """The peer does not keep to the protocol."""


class Closed(BadMessage):
    """The peer has closed its end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    """An array that the peer says it has, not looked at yet."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    place: int
    start: int
    """In the message's body, or in the shared memory."""

    @property
    def nbytes(self) -> int:
        """How much it would be."""
        return math.prod(self.shape) * self.dtype.itemsize


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message of the peer."""

    kind: Kind
    arrays: tuple[Offered, ...]
    body: bytes
    """What follows the notes on arrays."""


class Channel:
    """One connection; never waits longer than it is told."""

    def __init__(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        self._socket = connection
        self._buffer = bytearray()
        self._descriptors: deque[int] = deque()
        self._memory: int | None = None
        self._closed = False

    def fileno(self) -> int:
        """For `select`."""
        return self._socket.fileno()

    def close(self) -> None:
        """Give up the connection and what was shared over it."""
        self._socket.close()
        self._hold(None)
        while self._descriptors:
            os.close(self._descriptors.popleft())

    # ---------------------------------------------------------------------------- receiving

    def receive(self) -> Message | None:
        """A whole message, if there is one by now.

        Raises:
            Closed: There is none, and none will come.
            BadMessage: It is not one that the protocol has.
        """
        message = self._parse()
        while message is None and self._read():
            message = self._parse()
        if message is None and self._closed:
            raise Closed("the connection was closed")
        return message

    def copy(self, offered: Offered, message: Message) -> Array:
        """A private copy of an array that is wanted: its size is the caller's to check first.

        Raises:
            BadMessage: It is not where the message says.
        """
        result = np.empty(offered.shape, offered.dtype)
        view = _bytes_of(result)
        if offered.place == SHARED:
            self._copy_shared(view, offered.start)
        elif view:
            view[:] = message.body[offered.start : offered.start + offered.nbytes]
        return result

    def _copy_shared(self, view: memoryview, start: int) -> None:
        if self._memory is None:
            raise BadMessage("an array in shared memory that was not sent")
        while view:
            # Read, never mapped: a mapping could be made to fault.
            count = os.preadv(self._memory, [view], start)
            if not count:
                raise BadMessage("the shared memory is smaller than the array")
            view, start = view[count:], start + count

    def _read(self) -> bool:
        """Take what has arrived; whether there was anything."""
        if self._closed:
            return False
        flags = getattr(socket, "MSG_CMSG_CLOEXEC", 0)
        try:
            data, rights, told, _ = self._socket.recvmsg(CHUNK, socket.CMSG_SPACE(4 * 4), flags)
        except BlockingIOError:
            return False
        except OSError:
            data, rights, told = b"", [], 0
        self._descriptors += _descriptors(rights)
        if told & socket.MSG_CTRUNC or len(self._descriptors) > MOST_ARRAYS:
            raise BadMessage("too many descriptors")
        self._buffer += data
        self._closed = not data
        return bool(data)

    def _parse(self) -> Message | None:
        if len(self._buffer) < HEADER.size:
            return None
        number, count, descriptors, zero, size = HEADER.unpack_from(self._buffer)
        if number not in _FROM_RECIPE or zero or count > MOST_ARRAYS or descriptors > 1:
            raise BadMessage("not a message")
        if not ARRAY.size * count <= size <= MOST_INLINE:
            raise BadMessage(f"a payload of {size:,} bytes")
        if len(self._buffer) < HEADER.size + size:
            return None
        payload = bytes(self._buffer[HEADER.size : HEADER.size + size])
        del self._buffer[: HEADER.size + size]
        if descriptors:
            self._hold(self._next_descriptor())
        notes, body = payload[: ARRAY.size * count], payload[ARRAY.size * count :]
        return Message(kind=Kind(number), arrays=_offered(notes, len(body)), body=body)

    def _next_descriptor(self) -> int:
        if not self._descriptors:
            raise BadMessage("a descriptor that was not sent")
        descriptor = self._descriptors.popleft()
        if not _is_memory(descriptor):
            os.close(descriptor)
            raise BadMessage("a descriptor that is not sealed memory")
        return descriptor

    def _hold(self, descriptor: int | None) -> None:
        if self._memory is not None:
            os.close(self._memory)
        self._memory = descriptor

    # ------------------------------------------------------------------------------ sending

    def send(
        self, kind: Kind, body: bytes = b"", arrays: Sequence[Array] = (), *, until: float
    ) -> None:
        """Send a message.

        Raises:
            TimeoutError: The peer did not take it until then, by `time.monotonic()`.
            Closed: The peer is gone.
        """
        arrays = [np.ascontiguousarray(item) for item in arrays]
        shared = MEMORY and sum(item.nbytes for item in arrays) >= INLINE_BYTES
        memory, notes = _share(arrays) if shared else (None, _inline(arrays))
        inline = [] if shared else [_bytes_of(item) for item in arrays]
        size = len(notes) + sum(map(len, inline)) + len(body)
        first = header(kind, size, len(arrays), int(memory is not None))
        try:
            self._socket.settimeout(max(1e-3, until - time.monotonic()))
            send(self._socket, [first, notes, *inline, body], memory)
        except TimeoutError:
            raise
        except OSError as error:
            raise Closed(f"the connection was closed: {error.strerror}") from None
        finally:
            self._socket.setblocking(False)
            if memory is not None:
                os.close(memory)


Source = Channel | socket.socket
"""What can be waited for."""
_FROM_RECIPE = {kind.value for kind in Kind if kind >= Kind.HELLO}


def _descriptors(rights: Sequence[tuple[int, int, bytes]]) -> list[int]:
    found = array.array("i")
    for level, kind, data in rights:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            found.frombytes(data[: len(data) - len(data) % found.itemsize])
    return list(found)


def _is_memory(descriptor: int) -> bool:
    """Whether reading it can neither block nor come from a disk, a device or the network."""
    with contextlib.suppress(OSError):
        seals = fcntl.fcntl(descriptor, F_GET_SEALS)
        regular = stat.S_ISREG(os.fstat(descriptor).st_mode)
        return regular and seals & (SEAL_SHRINK | SEAL_GROW) == SEAL_SHRINK | SEAL_GROW
    return False


def _offered(notes: bytes, room: int) -> tuple[Offered, ...]:
    arrays, used = [], 0
    for code, axes, place, zero, nothing, offset, *lengths in ARRAY.iter_unpack(notes):
        if code not in TYPES or axes > MOST_AXES or zero or nothing or any(lengths[axes:]):
            raise BadMessage("not an array")
        if place not in (INLINE, SHARED):
            raise BadMessage("an array that is nowhere")
        start = used if place == INLINE else offset
        found = Offered(dtype=TYPES[code], shape=tuple(lengths[:axes]), place=place, start=start)
        if start + found.nbytes >= 1 << 62:
            raise BadMessage("an array that no machine can hold")
        used += found.nbytes if place == INLINE else 0
        arrays.append(found)
    if used > room:
        raise BadMessage("an array that is longer than its message")
    return tuple(arrays)


def _inline(arrays: Sequence[Array]) -> bytes:
    return b"".join(describe(item, INLINE, 0) for item in arrays)


def _share(arrays: Sequence[Array]) -> tuple[int, bytes]:
    """The arrays in new memory that nobody can write any more, and the notes on them."""
    offsets, size = [], 0
    for item in arrays:
        offsets.append(size)
        size = padded(size + item.nbytes)
    memory = open_memory(size, SEAL_SHRINK | SEAL_GROW)
    for item, offset in zip(arrays, offsets, strict=True):
        _write(memory, _bytes_of(item), offset)
    seal(memory, SEAL_WRITE | SEAL_SEAL)
    notes = (describe(i, SHARED, offset) for i, offset in zip(arrays, offsets, strict=True))
    return memory, b"".join(notes)


def _write(memory: int, view: memoryview, offset: int) -> None:
    while view:
        count = os.pwrite(memory, view, offset)
        view, offset = view[count:], offset + count


def _bytes_of(item: Array) -> memoryview:
    """The bytes of a contiguous array, itself and not a copy."""
    return item.reshape(-1).data.cast("B") if item.size else memoryview(b"")


def read_log(body: bytes) -> tuple[int, dict[str, float]]:
    """A line of a log: its step, and those of its values that are finite numbers.

    Raises:
        BadMessage: It is not one, or has too many values.
    """
    try:
        step, count = LOG.unpack_from(body)
        place, values = LOG.size, {}
        if count > MOST_VALUES:
            raise BadMessage(f"{count} values in one line of a log")
        for _ in range(count):
            length = body[place]
            name = body[place + 1 : place + 1 + min(length, MOST_NAME)].decode(errors="replace")
            (value,) = struct.unpack_from("<d", body, place + 1 + length)
            place += 1 + length + 8
            if math.isfinite(value):
                values[name] = value
    except (struct.error, IndexError):
        raise BadMessage("not a line of a log") from None
    return step, values


def wait_for(channels: Sequence[Source], seconds: float) -> list[int]:
    """Sleep until one of them has something, at most so long; the descriptors that have."""
    poller = select.poll()
    for channel in channels:
        poller.register(channel.fileno(), select.POLLIN)
    return [descriptor for descriptor, _ in poller.poll(max(0.0, 1000 * seconds))]
