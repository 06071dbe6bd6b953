from __future__ import annotations

import ast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autores.plugins.agents.evolve.literals import constant, parse

SOURCE = b'''"""Doc."""
lr = 3e-4  # \xc3\xa9t\xc3\xa9: "fast" | "slow"
size: int = 1 << 10
betas = (0.9, 0.999)
flag = True
kind = "fast"
low, high = -1.5, 2


class SGD:
    rate = 0.1

    def step(self, scale=2.0, *, eps=1e-8):
        self.step_size = 4
        clip(self, norm=1.0)
        clip(self, norm=2.0)
        return {"decay": 0.5, f"{3:>4}": 1}
'''


def literals(source: bytes = SOURCE) -> dict[str, object]:
    program = parse("a.py", source)
    assert program is not None
    return {literal.identity.removeprefix("a.py::"): literal.value for literal in program.literals}


def test_finds_what_has_a_name() -> None:
    assert literals() == {
        "lr": 3e-4,
        "size": 1024,
        "betas[0]": 0.9,
        "betas[1]": 0.999,
        "flag": True,
        "kind": "fast",
        "low": -1.5,
        "high": 2,
        "SGD.rate": 0.1,
        "SGD.step.scale": 2.0,
        "SGD.step.eps": 1e-8,
        "SGD.step.step_size": 4,
        "SGD.step.clip(norm)": 1.0,
        "SGD.step.clip(norm)#2": 2.0,
        "SGD.step.[decay]": 0.5,
    }


def test_a_literal_keeps_its_comment_and_its_place_in_bytes() -> None:
    program = parse("a.py", SOURCE)
    assert program is not None
    first = program.literals[0]
    assert first.comment == 'été: "fast" | "slow"'
    assert all(SOURCE[x.start : x.end].decode() == x.text for x in program.literals)


@pytest.mark.parametrize("newline", [b"\n", b"\r\n", b"\r"])
def test_places_are_right_with_every_kind_of_line_and_a_mark(newline: bytes) -> None:
    source = b"\xef\xbb\xbf" + SOURCE.replace(b"\n", newline)
    program = parse("a.py", source)
    assert program is not None
    assert {source[x.start : x.end].decode() for x in program.literals} >= {"3e-4", "1 << 10"}


def test_what_does_not_parse_has_no_program() -> None:
    assert parse("a.py", b"lr = = 1") is None
    assert parse("a.py", b"lr = '\xff'") is None


def test_names_that_are_compared_tested_or_counted_are_known() -> None:
    program = parse("a.py", b"if a == 'x': pass\nif b: pass\nif c in ('p', 'q'): pass\nn += 1\n")
    assert program is not None
    assert program.compared["a"] == {"x"} and program.compared["c"] == {"p", "q"}
    assert "b" in program.tested and program.counted == {"n"}


@pytest.mark.parametrize(
    ("text", "value"),
    [("1 / 9", 1 / 9), ("-2", -2), ("8 << 20", 8 << 20), ("2 ** -1", 0.5), ("1 / 0", None),
     ("9 ** 999", None), ("x + 1", None), ("(-8) ** 0.5", None), ("1e999", 1e999)],
)  # fmt: skip
def test_arithmetic_on_numbers_is_one_constant(text: str, value: object) -> None:
    assert constant(ast.parse(text, mode="eval").body) == value


NAMES = st.sampled_from(["lr", "steps", "beta", "é_rate", "keep"])
NUMBERS = st.one_of(st.integers(-99, 10**6), st.floats(-1e6, 1e6, allow_nan=False))


@st.composite
def sources(draw: st.DrawFn) -> bytes:
    lines = []
    for _ in range(draw(st.integers(1, 8))):
        name, number = draw(NAMES), draw(NUMBERS)
        comment = draw(st.sampled_from(["", "  # ü", "   # 0 for none", ";  pass"]))
        form = draw(st.sampled_from(["{n} = {v}", "f({n}={v})", "d = {{'{n}': {v}}}"]))
        lines.append(form.format(n=name, v=repr(number)) + comment)
    return draw(st.sampled_from(["\n", "\r\n"])).join(lines).encode()


@settings(deadline=None)
@given(sources(), st.data())
def test_a_splice_changes_one_literal_and_no_other_byte(source: bytes, data: st.DataObject) -> None:
    program = parse("a.py", source)
    assert program is not None
    chosen = data.draw(st.sampled_from(program.literals))
    text = repr(data.draw(NUMBERS))
    after = chosen.splice(source, text)
    assert after[: chosen.start] == source[: chosen.start]
    assert after[chosen.start + len(text) :] == source[chosen.end :]
    reread = parse("a.py", after)
    assert reread is not None
    assert [x.identity for x in reread.literals] == [x.identity for x in program.literals]
    for old, new in zip(program.literals, reread.literals, strict=True):
        assert new.text == (text if old is chosen else old.text)
