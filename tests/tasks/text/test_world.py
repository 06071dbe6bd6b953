from __future__ import annotations

import re
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autores.tasks.text.dice import TEST_KEY, Dice, world_id
from autores.tasks.text.registers import REGISTERS, document, documents
from autores.tasks.text.world import article, draw_world, past, plural


@pytest.fixture(scope="module")
def text() -> str:
    return "\n".join(documents(TEST_KEY, "train", 2_000_000))


def test_there_are_many_words_and_their_frequencies_follow_zipf(text: str) -> None:
    counts = np.array([n for _, n in Counter(re.findall(r"[A-Za-z]+", text)).most_common()])
    assert len(counts) > 6_000
    ranks = np.arange(20, 4_000)
    slope = np.polyfit(np.log(ranks), np.log(counts[ranks]), 1)[0]
    assert -1.6 < slope < -0.7


def test_a_key_draws_its_own_world_and_always_the_same() -> None:
    first, again, other = (draw_world(key) for key in (TEST_KEY, TEST_KEY, b"another"))
    assert first == again
    names, others = ({p.name for p in world.people} for world in (first, other))
    assert len(names & others) < len(names) / 10
    assert world_id(TEST_KEY) != world_id(b"another")
    assert TEST_KEY.hex() not in world_id(TEST_KEY)


def test_documents_depend_on_key_split_and_number_alone() -> None:
    world = draw_world(TEST_KEY)
    first = [document(world, TEST_KEY, "train", n) for n in range(200)]
    assert first == [document(world, TEST_KEY, "train", n) for n in range(200)]
    others = {document(world, TEST_KEY, "evaluation", n) for n in range(200)}
    assert len(others & set(first)) <= 2  # a short list may come twice


def test_facts_hold_in_all_registers(text: str) -> None:
    world = draw_world(TEST_KEY)
    homes = {p.name + " " + p.surname: p.home.region for p in world.people}
    found = re.findall(r"^(\w+ \w+) is an? \w+ of (\w+)\.", text, re.MULTILINE)
    assert len(found) > 200
    assert all(homes[name] == region for name, region in found)


def test_sums_are_right(text: str) -> None:
    sums = re.findall(r"^(\d+) \+ (\d+) = (\d+)$", text, re.MULTILINE)
    assert len(sums) > 100
    assert all(int(a) + int(b) == int(c) for a, b, c in sums)


def test_programs_give_what_they_say() -> None:
    world = draw_world(TEST_KEY)
    checked = 0
    for number in range(40):
        source = REGISTERS[6][0](world, Dice(TEST_KEY, number))
        assert source.startswith("def ")
        *lines, claim = source.split("\n")
        function = [line for line in lines if not line[0].isalpha() or line.startswith("def")]
        scope: dict[str, object] = {}
        exec("\n".join(function), scope)  # noqa: S102
        assert eval(claim, scope)
        checked += 1
    assert checked == 40


@pytest.mark.parametrize("register", [r for r, _ in REGISTERS], ids=lambda r: r.__name__)
def test_every_register_writes_clean_text(register: object) -> None:
    world = draw_world(TEST_KEY)
    for number in range(20):
        text = register(world, Dice(TEST_KEY, "clean", number))  # type: ignore[operator]
        assert text == text.strip() != ""
        assert "  " not in text.replace("    ", "")
        assert text.isascii()


def test_word_forms() -> None:
    assert [plural(w) for w in ("kora", "dish")] == ["koras", "dishes"]
    assert [past(w) for w in ("sule", "gran")] == ["suled", "graned"]
    assert [article(w) for w in ("kora", "oka")] == ["a kora", "an oka"]


@given(st.integers(1, 500), st.floats(1, 20), st.integers(0, 1000))
def test_ranks_stay_in_range(end: int, flat: float, seed: int) -> None:
    dice = Dice(TEST_KEY, seed)
    assert all(0 <= dice.rank(end, flat) < end for _ in range(20))


def test_low_ranks_are_frequent() -> None:
    dice = Dice(TEST_KEY, "ranks")
    counts = Counter(dice.rank(100) for _ in range(20_000))
    assert counts[0] / counts[9] == pytest.approx(7.6, rel=0.35)  # log(2) / log(11 / 10)


def test_a_sample_has_no_repeats() -> None:
    assert sorted(Dice(TEST_KEY, 1).sample(range(9), 9)) == list(range(9))
