"""The recipe's side of the evaluation: one file, standard library and numpy only.

    import harness

    job = harness.job()                  # which phase, which sizes
    if job.phase == "infer":
        model = load(job.artifact)       # and warm up: nothing is timed yet
        harness.ready()
        harness.serve(model)             # arrays in, one array out, until there are no more
    else:
        model = build(job.sizes)         # compile, warm up: nothing is timed yet
        go = harness.ready()             # the clock runs, the data lies in the folder job.data
        train(model, go.seed)            # with harness.log(step, loss=…) now and then
        harness.done(weights_as_bytes)

It is also the reference of the protocol that docs/protocol.md describes, and the evaluator
takes constants and encoders from here. Nothing in it is a secret or a safeguard: a recipe
may talk to the evaluator with code of its own.
"""

from __future__ import annotations

import functools
import json
import mmap
import os
import socket
import struct
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, NamedTuple

import numpy as np

__all__ = [
    "Go",
    "Job",
    "Part",
    "deadline",
    "done",
    "job",
    "log",
    "ready",
    "save",
    "serve",
    "stream",
]

# ------------------------------------------------------------------------ the protocol

VERSION = 1
HEADER = struct.Struct("<BBBBI")
"""Kind, arrays, descriptors (0 or 1), zero, bytes of the payload."""
ARRAY = struct.Struct("<BBBBIQ5Q")
"""Type, axes, place, zero, zero, offset in the descriptor, lengths of the axes."""
HELLO = struct.Struct("<HH")
"""Version, rank."""
LOG = struct.Struct("<qB")
"""Step, number of values; each value is a length, so many bytes of name, and a float64."""
MOST_AXES = 5
INLINE, SHARED = 0, 1
"""Where an array's bytes are: in the payload, or in the shared memory."""
INLINE_BYTES = 1 << 16
"""What is smaller is not worth a descriptor."""
ALIGNMENT = 64
TYPES: Mapping[int, np.dtype[Any]] = {
    number: np.dtype(name)
    for number, name in enumerate(
        ("u1", "i1", "<u2", "<i2", "<u4", "<i4", "<u8", "<i8", "<f2", "<f4", "<f8"), start=1
    )
}
NUMBERS = {dtype: number for number, dtype in TYPES.items()}
MEMORY = sys.platform == "linux"
"""Whether there are sealed memory files here; else all arrays go inline."""
F_ADD_SEALS, F_GET_SEALS = 1033, 1034
SEAL_SEAL, SEAL_SHRINK, SEAL_GROW, SEAL_WRITE = 1, 2, 4, 8


class Kind(IntEnum):
    """Kinds of messages: below 16 from the evaluator, above from the recipe."""

    JOB = 1
    GO = 2
    ASK = 3
    TRUTH = 4
    END = 5
    HELLO = 16
    READY = 17
    LOG = 18
    DONE = 19
    ANSWER = 20


def padded(size: int) -> int:
    """Where the next array begins in shared memory."""
    return -(-size // ALIGNMENT) * ALIGNMENT


def describe(array: np.ndarray[Any, Any], place: int, offset: int) -> bytes:
    """The fixed layout that says what an array is and where."""
    if array.ndim > MOST_AXES or array.dtype not in NUMBERS:
        raise ValueError(f"arrays of {array.ndim} axes of {array.dtype} cannot be sent")
    shape = (*array.shape, *(0,) * (MOST_AXES - array.ndim))
    return ARRAY.pack(NUMBERS[array.dtype], array.ndim, place, 0, 0, offset, *shape)


def header(kind: Kind, payload: int, arrays: int = 0, descriptors: int = 0) -> bytes:
    """The eight bytes before every payload."""
    return HEADER.pack(kind, arrays, descriptors, 0, payload)


def open_memory(size: int, seals: int) -> int:
    """Shared memory of a fixed size, which nobody can resize."""
    descriptor = os.memfd_create("autores", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.ftruncate(descriptor, size)
    seal(descriptor, seals)
    return descriptor


def seal(descriptor: int, seals: int) -> None:
    """Forbid what is named, for everybody and for ever."""
    import fcntl

    fcntl.fcntl(descriptor, F_ADD_SEALS, seals)


def send(
    channel: socket.socket, data: Sequence[bytes | memoryview], descriptor: int | None = None
) -> None:
    """Send all parts; the descriptor goes with the first byte."""
    rights = (
        []
        if descriptor is None
        else [(socket.SOL_SOCKET, socket.SCM_RIGHTS, struct.pack("i", descriptor))]
    )
    views = [memoryview(part).cast("B") for part in data if len(part)]
    sent = channel.sendmsg(views, rights)
    for view in views:
        if sent < len(view):
            channel.sendall(view[sent:])
        sent = max(0, sent - len(view))


# ---------------------------------------------------------------------- what a recipe sees


class Go(NamedTuple):
    """What is told when the clock starts."""

    seed: int
    """The only source of randomness that a recipe should use."""
    data: str
    """The folder in which the training data now lies; the same as `job.data`."""
    deadline: float
    """When this phase is ended, by `time.monotonic()`; the same on all ranks."""


@dataclass(frozen=True)
class Job:
    """What is asked of the recipe."""

    phase: str
    """`smoke`: as `train`, but a few steps will do; `train`; `infer`."""
    sizes: Mapping[str, Any]
    """What the task's profile fixes."""
    data: str
    """A folder: empty until GO, then with the training data; in `infer`, with the artifact."""
    rank: int
    ranks: int

    @property
    def artifact_path(self) -> str:
        """Where the artifact lies in phase `infer`."""
        return os.path.join(self.data, "artifact")

    @property
    def artifact(self) -> bytes:
        """What the phase `train` handed to `done`, in phase `infer`."""
        with open(self.artifact_path, "rb") as file:
            return file.read()


class Part:
    """One question of the evaluator."""

    def __init__(self, link: _Link, arrays: tuple[np.ndarray[Any, Any], ...]) -> None:
        self.arrays = arrays
        """All arrays of the question; they may be changed, nobody else sees it."""
        self._link = link

    @property
    def array(self) -> np.ndarray[Any, Any]:
        """The question, where it is one array."""
        return self.arrays[0]

    def answer(self, array: Any) -> None:
        """Answer, once; anything that numpy can make an array of."""
        self._link.answer(array)

    def truth(self) -> Any:
        """What would have been right, once the answer is given, in tasks that tell.

        Returns:
            An array, or a tuple of them.
        """
        kind, arrays, _ = self._link.receive()
        if kind is not Kind.TRUTH:
            raise RuntimeError("this task does not tell the truth, or not any more")
        return arrays[0] if len(arrays) == 1 else arrays


def job() -> Job:
    """Meet the evaluator and learn what is asked."""
    link = _link()
    return Job(
        phase=link.told["phase"],
        sizes=link.told["sizes"],
        data=_environment("AUTORES_DATA_DIR"),
        rank=link.rank,
        ranks=link.told["ranks"],
    )


def ready() -> Go:
    """Say that everything is prepared, and wait for GO."""
    return _link().go()


def log(step: int, **values: float) -> None:
    """Draw a point of each curve; shown to people and agents, never a score. Rank 0 only."""
    link = _link()
    if link.rank == 0:
        link.log(int(step), values)


def deadline() -> float:
    """When this phase is ended, by `time.monotonic()`; the same on all ranks."""
    return _link().deadline


def save(artifact: bytes) -> None:
    """Keep an artifact: should time run out, the last one is looked at, without a score."""
    folder = _environment("AUTORES_OUT")
    draft = os.path.join(folder, "artifact.draft")
    with open(draft, "wb") as file:
        file.write(artifact)
    os.replace(draft, os.path.join(folder, "artifact"))


def done(artifact: bytes | None = None) -> None:
    """Stop the clock. Rank 0 hands in the artifact, or has saved it; all ranks say it."""
    if artifact is not None:
        save(artifact)
    _link().send(Kind.DONE)


def stream() -> Iterator[Part]:
    """The questions, each of which must be answered before the next one comes."""
    link = _link()
    while True:
        kind, arrays, _ = link.receive()
        if kind is Kind.END:
            return
        if kind is Kind.ASK:  # else a truth that nobody wanted to know
            yield Part(link, arrays)


def serve(predict: Callable[..., Any]) -> None:
    """Answer every question with what a function says of its arrays."""
    for part in stream():
        part.answer(predict(*part.arrays))


# ----------------------------------------------------------------------------- inside


@functools.cache
def _link() -> _Link:
    return _Link(_environment("AUTORES_SOCKET"), int(os.environ.get("RANK", "0")))


def _environment(name: str) -> str:
    if name not in os.environ:
        raise SystemExit(f"{name} is not set: a recipe is run by autores, not by hand")
    return os.environ[name]


class _Link:
    """One rank's connection."""

    def __init__(self, path: str, rank: int) -> None:
        self.rank = rank
        self.deadline = float("inf")
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.connect(path)
        self._sending = threading.Lock()
        self._memory = _Memory()
        self.send(Kind.HELLO, HELLO.pack(VERSION, rank))
        self.told = json.loads(self._expect(Kind.JOB))

    def go(self) -> Go:
        self.send(Kind.READY)
        told = json.loads(self._expect(Kind.GO))
        self.deadline = told["deadline"]
        return Go(told["seed"], _environment("AUTORES_DATA_DIR"), self.deadline)

    def log(self, step: int, values: Mapping[str, float]) -> None:
        parts = [LOG.pack(step, len(values))]
        for name, value in values.items():
            text = name.encode()
            parts += [bytes([len(text)]), text, struct.pack("<d", float(value))]
        self.send(Kind.LOG, b"".join(parts))

    def answer(self, array: Any) -> None:
        array = np.ascontiguousarray(array)
        with self._sending:
            if not MEMORY or array.nbytes < INLINE_BYTES:
                note = describe(array, INLINE, 0)
                first = header(Kind.ANSWER, len(note) + array.nbytes, arrays=1)
                send(self._socket, [first, note, array.data.cast("B") if array.size else b""])
                return
            descriptor = self._memory.hold(array)
            note = describe(array, SHARED, 0)
            new = int(descriptor is not None)
            first = header(Kind.ANSWER, len(note), arrays=1, descriptors=new)
            send(self._socket, [first, note], descriptor)
            if descriptor is not None:
                os.close(descriptor)

    def send(self, kind: Kind, payload: bytes = b"") -> None:
        with self._sending:
            send(self._socket, [header(kind, len(payload)), payload])

    def receive(self) -> tuple[Kind, tuple[np.ndarray[Any, Any], ...], bytes]:
        """The next message: its kind, its arrays, and what else it says."""
        head, memory = self._take(HEADER.size)
        kind, count, descriptors, _, size = HEADER.unpack(head)
        payload, later = self._take(size) if size else (bytearray(), None)
        memory = later if memory is None else memory
        shared = _map(memory) if descriptors and memory is not None else None
        place, arrays = count * ARRAY.size, []
        for number in range(count):
            code, axes, where, _, _, offset, *shape = ARRAY.unpack_from(
                payload, number * ARRAY.size
            )
            length = int(np.prod(shape[:axes], dtype=np.int64))
            source, start = (payload, place) if where == INLINE else (shared, offset)
            array = np.frombuffer(source or b"", TYPES[code], length, start if length else 0)
            arrays.append(array.reshape(shape[:axes]))
            place += array.nbytes if where == INLINE else 0
        return Kind(kind), tuple(arrays), bytes(payload[place:])

    def _expect(self, kind: Kind) -> bytes:
        found, _, text = self.receive()
        if found is not kind:
            raise RuntimeError(f"{found.name} came instead of {kind.name}")
        return text

    def _take(self, size: int) -> tuple[bytearray, int | None]:
        """So many bytes, and the descriptor that came with them."""
        data, filled, found = bytearray(size), 0, None
        while filled < size:
            got, rights, _, _ = self._socket.recvmsg_into(
                [memoryview(data)[filled:]], socket.CMSG_SPACE(4)
            )
            if not got:
                raise SystemExit("the evaluator has ended this phase")
            filled += got
            for _, _, raw in rights:
                (found,) = struct.unpack("i", raw[:4])
        return data, found


class _Memory:
    """The answers' shared memory: made when it is needed, kept while it is large enough."""

    def __init__(self) -> None:
        self._map: mmap.mmap | None = None

    def hold(self, array: np.ndarray[Any, Any]) -> int | None:
        """Put an array in; a descriptor if the memory is new, to be sent along."""
        descriptor = None
        if self._map is None or len(self._map) < array.nbytes:
            descriptor = open_memory(array.nbytes, SEAL_SHRINK | SEAL_GROW | SEAL_SEAL)
            self._map = mmap.mmap(descriptor, array.nbytes)
        np.frombuffer(self._map, array.dtype, array.size).reshape(array.shape)[...] = array
        return descriptor


def _map(descriptor: int) -> mmap.mmap:
    """A private view: the evaluator's array may be changed here, and only here."""
    try:
        size = os.fstat(descriptor).st_size
        access = mmap.PROT_READ | mmap.PROT_WRITE
        return mmap.mmap(descriptor, size, flags=mmap.MAP_PRIVATE, prot=access)
    finally:
        os.close(descriptor)
