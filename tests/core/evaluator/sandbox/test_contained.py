from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autores.evaluator.sandbox.contained import KEPT, Drain


class Pipe:
    def __init__(self, cap: int = 1 << 30) -> None:
        reading, self.writing = os.pipe()
        self.drain = Drain(reading, cap)

    def write(self, data: bytes) -> None:
        for start in range(0, len(data), 50_000):
            os.write(self.writing, data[start : start + 50_000])
            while self.drain.read():
                pass

    def close(self) -> None:
        os.close(self.writing)
        self.drain.close()


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    made = Pipe()
    yield made
    made.close()


@settings(deadline=None, max_examples=40)
@given(st.lists(st.integers(0, 90_000), max_size=8))
def test_both_ends_are_kept_and_all_is_counted(sizes: list[int]) -> None:
    pipe = Pipe()
    written = b"".join(bytes([65 + index]) * size for index, size in enumerate(sizes))
    pipe.write(written)
    output = pipe.drain.output()
    pipe.close()
    assert output.size == len(written)
    assert output.head == written[:KEPT]
    assert len(output.tail) <= KEPT and written.endswith(output.tail)
    if len(written) <= 2 * KEPT:
        assert output.head + output.tail == written
    assert output.omitted == len(written) - len(output.head) - len(output.tail)


def test_nothing_to_read_is_not_the_end(pipe: Pipe) -> None:
    assert not pipe.drain.read() and pipe.drain.open
    pipe.write(b"x")
    assert pipe.drain.output().head == b"x"


def test_the_end_closes_it(pipe: Pipe) -> None:
    writing, pipe.writing = pipe.writing, os.open(os.devnull, os.O_WRONLY)
    os.close(writing)
    assert not pipe.drain.read()
    assert not pipe.drain.open
    assert not pipe.drain.read()


def test_the_cap_is_exact() -> None:
    pipe = Pipe(cap=10)
    pipe.write(b"0123456789")
    assert not pipe.drain.exceeded
    pipe.write(b"x")
    assert pipe.drain.exceeded
    pipe.close()


def test_memory_stays_small_however_much_is_printed(pipe: Pipe) -> None:
    for _ in range(200):
        pipe.write(bytes(50_000))
    output = pipe.drain.output()
    assert output.size == 10_000_000
    assert len(output.head) + len(output.tail) == 2 * KEPT
