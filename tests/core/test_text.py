from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autores.text import escape, escape_line, excerpt

OBEYED = [
    "\x1b[2J",
    "\x1b]0;title\x07",
    "\x9b31m",
    "all good\rALL BAD",
    "\u202etxt.exe",
    "\u2066a\u2069",
    "pay\u200bpal",
    "\ufeff",
    "a\U000e0041",
    "\x00",
    "\u2028",
    "\x08",
]


@pytest.mark.parametrize("text", OBEYED)
def test_what_a_screen_would_obey_is_written_out(text: str) -> None:
    shown = escape(text)
    assert shown != text
    assert "\\" in shown


@given(st.text())
def test_what_is_left_is_printable_and_stays_as_it_is(text: str) -> None:
    shown = escape(text)
    assert not set(shown) & {"\x1b", "\r", "\x9b", "\u202e", "\u200b", "\x00"}
    assert escape(shown) == shown
    shown.encode()


def test_ordinary_text_is_untouched() -> None:
    text = "épöque 3\tloss 0.5 → 0.4\n日本語 ✓\n"
    assert escape(text) == text


def test_a_line_is_one_line_of_bounded_length() -> None:
    assert escape_line("a\n\tb ") == "a ⏎  b"
    assert len(escape_line("x" * 500, 80)) == 80


def test_an_excerpt_says_what_is_left_out() -> None:
    assert excerpt(b"begin", b"end", 12_345) == "begin\n… 12,345 bytes left out …\nend"
    assert excerpt(b"all \xff", b"", 0) == "all \ufffd"
