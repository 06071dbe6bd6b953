from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from itertools import islice, pairwise

import pytest

from autores.tasks.text.chronicles import (
    CHRONICLES,
    chronicle,
    ledger,
    long_documents,
    tale,
    verse,
)
from autores.tasks.text.dice import TEST_KEY, Dice
from autores.tasks.text.registers import REGISTERS, Register
from autores.tasks.text.story import story
from autores.tasks.text.world import World, draw_world


@pytest.fixture(scope="module")
def world() -> World:
    return draw_world(TEST_KEY)


def _written(register: Register, world: World, count: int = 40) -> Sequence[str]:
    return [register(world, Dice(TEST_KEY, register.__name__, n)) for n in range(count)]


def test_a_chronicle_counts_its_years_in_one_place_under_one_ruler(world: World) -> None:
    for text in _written(chronicle, world):
        told = [re.match(r"In (\d+) (of \w+, under \w+): ", line) for line in text.split("\n")]
        assert all(told)
        years, stamps = zip(*(m.groups() for m in told if m), strict=True)
        assert len(set(stamps)) == 1
        assert all(int(b) == int(a) + 1 for a, b in pairwise(years))


@pytest.mark.parametrize("register", [verse, ledger])
def test_lines_end_alike_within_a_document_and_differently_among_them(
    register: Register, world: World
) -> None:
    ends = []
    for text in _written(register, world):
        last = {line.rpartition(", ")[2] for line in text.split("\n")}
        assert len(last) == 1
        ends.append(last.pop())
    assert len(set(ends)) > 8


def test_what_is_carried_on_lies_farther_back_than_32_bytes(world: World) -> None:
    lines = [line for text in _written(verse, world) for line in text.split("\n")]
    far = sum(len(line) > 32 for line in lines)
    assert far > 0.9 * len(lines)


def test_tales_are_long_and_about_few_words(world: World) -> None:
    for text in _written(tale, world, 10):
        words = re.findall(r"[a-z]+", text)
        assert len(words) > 2 * len(set(words)) > 0


def test_long_documents_are_of_all_registers_but_short_stories() -> None:
    texts = list(long_documents(TEST_KEY, "train", 600_000))
    assert 600_000 <= sum(map(len, texts)) < 610_000
    assert texts[:50] == list(islice(long_documents(TEST_KEY, "train", 60_000), 50))
    counts = Counter(bool(re.match(r"In \d+ of", text)) for text in texts)
    assert 0.1 < counts[True] / len(texts) < 0.25
    registers = {register for register, _ in CHRONICLES}
    assert registers >= {register for register, _ in REGISTERS} - {story}
