from __future__ import annotations

import math
import os
import pickle
import socket
import struct
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from autores.evaluator.harness import harness
from autores.evaluator.harness.harness import ARRAY, HEADER, INLINE, LOG, SHARED, TYPES, Kind
from autores.evaluator.wire import (
    MOST_INLINE,
    MOST_VALUES,
    BadMessage,
    Channel,
    Closed,
    Message,
    read_log,
    wait_for,
)

ARRAYS = st.sampled_from(sorted(TYPES)).flatmap(
    lambda code: hnp.arrays(TYPES[code], hnp.array_shapes(min_dims=1, max_dims=5, min_side=0))
)


class Peer:
    """A recipe's end, spoken by hand."""

    def __init__(self) -> None:
        ours, self.socket = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        self.channel = Channel(ours)

    def say(self, data: bytes, *descriptors: int) -> None:
        rights = struct.pack(f"{len(descriptors)}i", *descriptors)
        ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)] if descriptors else []
        self.socket.sendmsg([data], ancillary)

    def hear(self) -> Message:
        found = self.channel.receive()
        assert found is not None
        return found


@pytest.fixture
def peer() -> Iterator[Peer]:
    both = Peer()
    yield both
    both.channel.close()
    both.socket.close()


def _answer(note: bytes, body: bytes = b"", descriptors: int = 0) -> bytes:
    size = len(note) + len(body)
    return HEADER.pack(Kind.ANSWER, len(note) // ARRAY.size, descriptors, 0, size) + note + body


def _note(code: int = 10, axes: int = 1, place: int = INLINE, offset: int = 0, n: int = 4) -> bytes:
    return ARRAY.pack(code, axes, place, 0, 0, offset, n, 0, 0, 0, 0)


def _memory(content: bytes, seals: int = harness.SEAL_SHRINK | harness.SEAL_GROW) -> int:
    descriptor = harness.open_memory(len(content), seals)
    os.pwrite(descriptor, content, 0)
    return descriptor


def test_a_message_may_come_in_pieces(peer: Peer) -> None:
    text = _answer(_note(), b"\0" * 16)
    for byte in text[:-1]:
        peer.say(bytes([byte]))
        assert peer.channel.receive() is None
    peer.say(text[-1:])
    assert peer.hear().kind is Kind.ANSWER


def test_several_messages_may_come_at_once(peer: Peer) -> None:
    peer.say(HEADER.pack(Kind.READY, 0, 0, 0, 0) * 2 + _answer(_note(), b"\0" * 16))
    assert [peer.hear().kind for _ in range(3)] == [Kind.READY, Kind.READY, Kind.ANSWER]
    assert peer.channel.receive() is None


def test_the_end_comes_after_the_last_words(peer: Peer) -> None:
    peer.say(HEADER.pack(Kind.DONE, 0, 0, 0, 0))
    peer.socket.close()
    assert peer.hear().kind is Kind.DONE
    with pytest.raises(Closed):
        peer.channel.receive()


@pytest.mark.parametrize(
    "text",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        pickle.dumps(print),
        HEADER.pack(Kind.GO, 0, 0, 0, 0),
        HEADER.pack(Kind.READY, 0, 0, 1, 0),
        HEADER.pack(Kind.ANSWER, 5, 0, 0, 5 * ARRAY.size),
        HEADER.pack(Kind.ANSWER, 1, 0, 0, ARRAY.size - 1),
        HEADER.pack(Kind.ANSWER, 0, 0, 0, MOST_INLINE + 1),
        HEADER.pack(Kind.ANSWER, 0, 2, 0, 0),
        HEADER.pack(Kind.ANSWER, 0, 1, 0, 0),
        _answer(_note(code=0), b"\0" * 16),
        _answer(_note(code=99), b"\0" * 16),
        _answer(_note(axes=6), b"\0" * 16),
        _answer(_note(axes=0), b"\0" * 16),
        _answer(_note(place=2), b"\0" * 16),
        _answer(_note(n=5), b"\0" * 16),
        _answer(_note(n=1 << 63), b"\0" * 16),
        _answer(ARRAY.pack(10, 5, SHARED, 0, 0, 0, *[1 << 32] * 5)),
        _answer(ARRAY.pack(10, 1, SHARED, 0, 0, 1 << 62, 4, 0, 0, 0, 0)),
    ],
)
def test_what_is_not_of_the_protocol_is_refused(peer: Peer, text: bytes) -> None:
    peer.say(text)
    with pytest.raises(BadMessage):
        peer.channel.receive()


@given(st.binary(max_size=200))
def test_no_bytes_do_anything_but_be_refused_or_be_a_message(data: bytes) -> None:
    peer = Peer()
    try:
        peer.say(data or b"\0")
        found = peer.channel.receive()
        assert found is None or found.kind >= Kind.HELLO
    except BadMessage:
        pass
    finally:
        peer.channel.close()
        peer.socket.close()


def test_shared_memory_is_kept_for_later_messages(peer: Peer) -> None:
    content = np.arange(8, dtype="<f4")
    descriptor = _memory(content.tobytes())
    peer.say(_answer(_note(place=SHARED), descriptors=1), descriptor)
    first = peer.hear()
    np.testing.assert_array_equal(peer.channel.copy(first.arrays[0], first), content[:4])
    peer.say(_answer(_note(place=SHARED, offset=16)))
    second = peer.hear()
    np.testing.assert_array_equal(peer.channel.copy(second.arrays[0], second), content[4:])
    os.close(descriptor)


def test_an_answer_is_private_once_it_is_copied(peer: Peer) -> None:
    descriptor = _memory(b"\1" * 16)
    peer.say(_answer(_note(code=1, n=16, place=SHARED), descriptors=1), descriptor)
    message = peer.hear()
    copied = peer.channel.copy(message.arrays[0], message)
    os.pwrite(descriptor, b"\2" * 16, 0)
    assert (copied == 1).all()
    os.close(descriptor)


def test_memory_that_is_too_small_is_no_answer(peer: Peer) -> None:
    descriptor = _memory(b"\1" * 15)
    peer.say(_answer(_note(place=SHARED), descriptors=1), descriptor)
    message = peer.hear()
    with pytest.raises(BadMessage, match="smaller"):
        peer.channel.copy(message.arrays[0], message)
    os.close(descriptor)


def test_memory_that_was_not_sent_is_no_answer(peer: Peer) -> None:
    peer.say(_answer(_note(place=SHARED)))
    message = peer.hear()
    with pytest.raises(BadMessage, match="not sent"):
        peer.channel.copy(message.arrays[0], message)


def test_only_sealed_memory_is_read(peer: Peer, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"\0" * 16)
    reading, writing = os.pipe()  # to read from it would block for ever
    others = [os.open(tmp_path / "file", os.O_RDWR), reading, writing, _memory(b"\0" * 16, 0)]
    for descriptor in others:
        fresh = Peer()
        fresh.say(_answer(_note(place=SHARED), descriptors=1), descriptor)
        with pytest.raises(BadMessage, match="not sealed"):
            fresh.channel.receive()
        fresh.channel.close()
        fresh.socket.close()
        os.close(descriptor)


def test_a_heap_of_descriptors_is_refused_and_closed(peer: Peer) -> None:
    before = len(os.listdir("/proc/self/fd"))
    descriptor = _memory(b"\0" * 16)
    peer.say(HEADER.pack(Kind.READY, 0, 0, 0, 0), *[descriptor] * 60)
    with pytest.raises(BadMessage, match="descriptors"):
        peer.channel.receive()
    peer.channel.close()
    os.close(descriptor)
    assert len(os.listdir("/proc/self/fd")) < before


def test_whoever_takes_nothing_is_not_waited_for_longer_than_said(peer: Peer) -> None:
    question = np.zeros(1 << 13, np.uint8)
    begin = time.monotonic()
    with pytest.raises(TimeoutError):
        while True:
            peer.channel.send(Kind.ASK, arrays=[question], until=begin + 0.2)
    assert time.monotonic() - begin < 20


def test_sending_to_nobody_is_noticed(peer: Peer) -> None:
    peer.socket.close()
    with pytest.raises(Closed):
        peer.channel.send(Kind.END, until=time.monotonic() + 1)


# ----------------------------------------------------------- both ends, as they really are


class Recipe:
    """The harness's own link, at the other end of a channel."""

    def __init__(self, folder: Path) -> None:
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.bind(str(folder / "s"))
        listener.listen()
        made: list[Any] = []
        meet = threading.Thread(target=lambda: made.append(harness._Link(str(folder / "s"), 3)))
        meet.start()
        self.channel = Channel(listener.accept()[0])
        self.hello = self.hear()
        self.channel.send(Kind.JOB, b'{"phase": "train"}', until=time.monotonic() + 60)
        meet.join()
        listener.close()
        self.link = made[0]

    def hear(self) -> Message:
        wait_for([self.channel], 60)
        found = self.channel.receive()
        assert found is not None
        return found


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recipe]:
    pair = Recipe(tmp_path_factory.mktemp("wire"))
    yield pair
    pair.channel.close()
    pair.link._socket.close()


def test_hello_and_job_meet(recipe: Recipe) -> None:
    assert harness.HELLO.unpack(recipe.hello.body) == (harness.VERSION, 3)
    assert recipe.link.told == {"phase": "train"}


@given(st.lists(ARRAYS, min_size=1, max_size=4))
def test_questions_arrive_as_they_are_and_may_be_changed(
    recipe: Recipe, arrays: list[np.ndarray]
) -> None:
    recipe.channel.send(Kind.ASK, arrays=arrays, until=time.monotonic() + 60)
    kind, found, rest = recipe.link.receive()
    assert (kind, rest) == (Kind.ASK, b"")
    for sent, got in zip(arrays, found, strict=True):
        assert (sent.dtype, sent.shape) == (got.dtype, got.shape)
        np.testing.assert_array_equal(sent, got)
        got[...] = 0


@given(ARRAYS)
def test_answers_arrive_as_they_are(recipe: Recipe, sent: np.ndarray) -> None:
    recipe.link.answer(sent)
    message = recipe.hear()
    got = recipe.channel.copy(message.arrays[0], message)
    assert (sent.dtype, sent.shape) == (got.dtype, got.shape)
    np.testing.assert_array_equal(sent, got)


@pytest.mark.parametrize("size", [10, 1 << 17, 1 << 15, 1 << 19])
def test_large_arrays_go_through_shared_memory(recipe: Recipe, size: int) -> None:
    question = np.arange(size, dtype=np.int64)
    recipe.channel.send(Kind.ASK, arrays=[question, question[:3]], until=time.monotonic() + 60)
    _, (first, second), _ = recipe.link.receive()
    recipe.link.answer(first[::2].reshape(1, -1, 1))
    message = recipe.hear()
    (offered,) = message.arrays
    assert (offered.place == SHARED) == (size > 10)
    np.testing.assert_array_equal(
        recipe.channel.copy(offered, message), question[::2].reshape(1, -1, 1)
    )
    np.testing.assert_array_equal(second, [0, 1, 2])


def test_a_question_in_shared_memory_cannot_be_changed_for_others(recipe: Recipe) -> None:
    question = np.arange(1 << 15, dtype=np.int64)
    recipe.channel.send(Kind.ASK, arrays=[question], until=time.monotonic() + 60)
    data, descriptor = recipe.link._take(HEADER.size)
    recipe.link._take(HEADER.unpack(data)[-1])
    with pytest.raises(PermissionError):
        os.pwrite(descriptor, b"x", 0)
    with pytest.raises(PermissionError):
        os.ftruncate(descriptor, 0)
    os.close(descriptor)


# ------------------------------------------------------------------------------------ logs


@given(
    st.integers(-(2**63), 2**63 - 1),
    st.dictionaries(st.text(max_size=20), st.floats(), max_size=MOST_VALUES),
)
def test_a_line_of_a_log_keeps_what_is_finite(
    recipe: Recipe, step: int, values: dict[str, float]
) -> None:
    values = {name: value for name, value in values.items() if name.isascii()}
    recipe.link.log(step, values)
    finite = {name: value for name, value in values.items() if math.isfinite(value)}
    assert read_log(recipe.hear().body) == (step, finite)


@given(st.binary(max_size=100))
def test_any_bytes_are_a_log_or_refused(body: bytes) -> None:
    try:
        _, values = read_log(body)
    except BadMessage:
        return
    assert all(math.isfinite(value) for value in values.values())


def test_too_many_values_are_refused() -> None:
    with pytest.raises(BadMessage):
        read_log(LOG.pack(0, MOST_VALUES + 1) + b"\1x" + b"\0" * 8)
