from __future__ import annotations

import base64
import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autores.plugins.gates.literals import data_words, entropy
from autores.records import Violation

Judge = Callable[..., tuple[Violation, ...]]
NOISE = random.Random(1).randbytes(3_000)
TEXT = base64.b64encode(NOISE).decode()
MANY = "".join(f"x{i} = {random.Random(i).randbytes(9).hex()!r}\n" for i in range(2_200))
PROSE = "Steps are cheap here, so a wider net with a shorter schedule pays for itself. " * 30


def found_in(judge: Judge, source: str, before: str = "x = 1\n") -> list[str]:
    found = judge({"train.py": before}, {"train.py": source})
    return [violation.rule for violation in found]


@pytest.mark.parametrize(
    ("source", "rule"),
    [
        (f"x = {TEXT!r}\n", "literal-entropy"),
        (f"x = {NOISE!r}\n", "literal-entropy"),
        (f"x = {int.from_bytes(NOISE[:1_200])}\n", "literal-entropy"),
        (f"x = {hex(int.from_bytes(NOISE))}\n", "syntax"),
        (f"x = {[*NOISE]}\n", "literal-entropy"),
        (f"x = {[[b, -b] for b in NOISE]}\n", "literal-entropy"),
        (f"x = {dict(enumerate(NOISE))}\n", "literal-entropy"),
        (f"# {TEXT}\nx = 1\n", "word-entropy"),
        (f'"""\n{TEXT}\n"""\nx = 1\n', "word-entropy"),
        ("".join(f"# {TEXT[i : i + 60]}\n" for i in range(0, 3_000, 60)), "words-entropy"),
        (MANY, "literals-entropy"),
    ],
)
def test_data_is_refused(judge: Judge, source: str, rule: str) -> None:
    assert rule in found_in(judge, source)


@pytest.mark.parametrize(
    "source",
    [
        f"x = {PROSE!r}\n",
        f'"""{PROSE}"""\n',
        f"x = {[0.1] * 500}\n",
        "# see https://example.org/a/very/long/path/with/numbers/1234567890/and/More/of/them?q=1\n",
        "# " + "=" * 200 + "\n",
        "# self.blocks[i].attention.projection.weight.data.normal_(mean=0.0,std=0.02)\n",
        "checksum = '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08'\n",
    ],
)
def test_code_and_prose_pass(judge: Judge, source: str) -> None:
    assert found_in(judge, source) == []


def test_what_the_recipe_had_stays(judge: Judge) -> None:
    before = f"x = {TEXT!r}\n"
    assert found_in(judge, before + "y = 2\n", before) == []


def test_entropy_is_in_bits() -> None:
    assert entropy("abcd") == 2.0
    assert entropy("aaaa") == 0.0


@given(st.binary(max_size=200))
def test_any_bytes_have_words(source: bytes) -> None:
    assert all(line >= 1 for _, line in data_words(source))
