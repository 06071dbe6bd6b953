from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from autores.agent import Section
from autores.context import fit, render

LINES = st.lists(st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=30), max_size=40)


def test_sections_stand_in_order_under_their_titles() -> None:
    sections = [
        Section(title="Later", text="two\n", rank=20),
        Section(title="Empty", text=" \n", rank=1),
        Section(title="First", text="one", rank=10),
    ]
    assert render(sections) == "## First\n\none\n\n## Later\n\ntwo"
    assert render([]) == ""


def test_what_fits_is_left_as_it_is() -> None:
    assert fit(Section(title="t", text="a\nb\n", cap=3)) == "a\nb"


def test_the_oldest_lines_go() -> None:
    text = "\n".join(f"line {n:03d}" for n in range(100))
    first = fit(Section(title="t", text=text, cap=50)).split("\n")
    last = fit(Section(title="t", text=text, cap=50, newest_first=False)).split("\n")
    assert first == ["line 000", "line 001", "line 002", "… 97 lines left out"]
    assert last == ["… 97 lines left out", "line 097", "line 098", "line 099"]


def test_bytes_are_counted_not_characters() -> None:
    text = "\n".join(["ääää"] * 10)
    kept = fit(Section(title="t", text=text, cap=50))
    assert len(kept.encode()) <= 50
    assert kept.count("ääää") == 3


@given(LINES, st.integers(30, 400), st.booleans())
def test_no_section_is_longer_than_its_cap(lines: list[str], cap: int, newest: bool) -> None:
    section = Section(title="t", text="\n".join(lines), cap=cap, newest_first=newest)
    shown = fit(section)
    assert len(shown.encode()) <= cap
    whole = section.text.strip("\n").split("\n")
    kept = [line for line in shown.split("\n") if not line.startswith("… ")]
    assert kept == (whole[: len(kept)] if newest else whole[len(whole) - len(kept) :])
