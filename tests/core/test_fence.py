from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from autores.fence import fence, quote


@given(st.text(), st.text())
def test_a_text_cannot_end_its_fence(text: str, source: str) -> None:
    fenced = fence(text, source)
    word = re.match(r"\[\[data ([0-9a-f]{12}): ", fenced)
    assert word is not None
    assert fenced.endswith(f"\n[[end {word[1]}]]")
    assert fenced.split("\n", 1)[1].count(word[1]) == 1


def test_a_fence_is_the_same_each_time_and_another_for_another_text() -> None:
    assert fence("a", "x") == fence("a", "x")
    assert fence("a", "x")[:20] != fence("b", "x")[:20]


def test_a_text_that_knows_its_mark_gets_another() -> None:
    inner = fence("a", "x")
    outer = fence(inner, "x")
    assert inner in outer
    assert outer.split("\n")[0] not in inner


@given(st.text())
def test_a_quote_is_one_line_that_cannot_be_closed(text: str) -> None:
    quoted = quote(text)
    assert quoted.count("“") == quoted.count("”") == 1
    assert quoted[0] == "“" and quoted[-1] == "”"
    assert not re.search(r"[\n\r\x1b]", quoted)
