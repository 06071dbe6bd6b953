from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autores.events import Accepted, Body, Decided, Demoted, Gated, Marked, Quarantined, Steered
from autores.lineage.clean import clean, cleaned
from autores.records import Decision
from autores.status import Cause, Verdict
from autores.testing.stores import submission

DIRTY = "a\x1b[31mred\tand\nnext "


@pytest.mark.parametrize(
    "body",
    [
        Accepted(trial=1, submission=submission(1, hypothesis=DIRTY, notes=DIRTY)),
        Decided(trial=1, decision=Decision(verdict=Verdict.KEEP, policy="p", reason=DIRTY)),
        Demoted(trial=1, cause=Cause.GATE, reason=DIRTY),
        Quarantined(trial=1, reason=DIRTY),
        Steered(action="hint", text=DIRTY),
        Marked(name="note", text=DIRTY),
    ],
)
def test_free_text_is_one_harmless_line(body: Body) -> None:
    assert r"\t" in repr(body)
    after = cleaned(body)
    assert r"a\\x1b[31mred and ⏎ next'" in repr(after)
    assert r"\t" not in repr(after)
    assert cleaned(after) == after


def test_what_is_left_of_calls_of_tools_goes() -> None:
    assert clean("Wider</parameter>\n</invoke>") == "Wider"
    assert clean('a <parameter\nname="x">b') == "a b"
    assert clean("if a < b and c > d") == "if a < b and c > d"


def test_what_has_no_text_stays() -> None:
    body = Gated(trial=1)
    assert cleaned(body) is body


@given(st.text() | st.text("</>invoke\n \u200b", max_size=40))
def test_cleaning_twice_is_cleaning_once(text: str) -> None:
    once = clean(text)
    assert clean(once) == once
    assert not {"\n", "\t", "\x1b", "\r"} & set(once)
