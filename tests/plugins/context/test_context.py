from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autores.context import fit
from autores.records import Artifact
from autores.status import Cause, Verdict

LEAD = Verdict.LEAD


def test_gates_show_what_the_head_has_to_spare(past: Any) -> None:
    past.enter(0.4, verdict=LEAD, outcome={"counts": {"close": 60, "asked": 200}})
    text = past.text()
    assert "Gate close: at least 0.2; the head has 20 of 200 close to spare" in text
    assert "close 0.3000" in text


def test_near_misses_say_exactly_what_was_missing(past: Any) -> None:
    past.missed(39, hypothesis="Nearly there")
    past.missed(10, hypothesis="Far off")
    big = Artifact(sha256="0" * 64, code_bytes=0, weight_bytes=(1 << 20) + 7)
    outcome = {"cause": Cause.ARTIFACT_BYTES, "score": None, "artifact": big}
    past.enter(outcome=outcome, hypothesis="A little large")
    told = past.sections()["Near misses"].text
    assert "1 more close of 200 would have passed close; without that: 0.3000" in told
    assert "7 bytes too large" in told
    assert "Far off" not in told
    assert told.index("A little large") < told.index("Nearly there")


def test_what_the_starting_point_leaves_unused(past: Any) -> None:
    told = past.sections()["What the starting point leaves unused"].text
    assert "train: 2 of 5 s used, 60 % unused" in told
    assert "artifact: 500 of 1,048,576 bytes used, 100 % unused" in told


def test_siblings_and_their_hypotheses(past: Any) -> None:
    past.enter(pending=True, specialist="arch", hypothesis="Wider")
    told = past.sections(active=("optim", "arch", "arch"))["What others are trying right now"].text
    assert "0001 | arch | queued" in told and "“Wider”" in told
    assert "Sessions at work, yours among them: arch (2), optim" in told


def test_alone_there_are_no_siblings(past: Any) -> None:
    assert past.sections(active=("optim",))["What others are trying right now"].text == ""


def test_crowded_and_untouched_parts_are_the_specialists_own(past: Any) -> None:
    for n in range(4):
        past.enter(
            0.5,
            parts=("fit.py::rate", "fit.py::degree"),
            verdict=LEAD if n == 1 else Verdict.DISCARD,
        )
    told = past.sections()["Crowded and untouched parts"].text
    assert "fit.py::rate: 4 trials, 1 of them better" in told
    assert "Yours and untouched: fit.py::steps" in told
    assert "degree" not in told


def test_saturation_is_measured_by_noise(past: Any) -> None:
    for _ in range(5):
        past.enter(0.51)
    assert "changed nothing beyond noise" in past.sections()["Saturation"].text
    past.enter(0.7)
    assert past.sections()["Saturation"].text == ""


def test_without_lineage_nothing_of_others_is_told(past: Any) -> None:
    past.enter(0.3, hypothesis="secret", verdict=LEAD, parts=("fit.py::rate",))
    past.missed(39, hypothesis="secret")
    past.enter(pending=True, hypothesis="secret")
    text = past.text(lineage=False, parent=0, active=("arch", "optim"), max_trials=9)
    for word in ("secret", "arch", "0001", "0.3000", "of 9", "untouched", "Near misses"):
        assert word not in text
    assert "trial 0" in text


def test_the_budget_of_the_run_is_told(past: Any) -> None:
    past.enter(0.6)
    assert "Trials of this run: 1 of 40" in past.text(max_trials=40)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.text(max_size=400), min_size=1, max_size=8))
def test_each_section_keeps_its_bytes(texts: list[str]) -> None:
    from autores.agent import Section

    for newest_first in (True, False):
        section = Section(title="t", text="\n".join(texts * 9), cap=300, newest_first=newest_first)
        assert len(fit(section).encode(errors="replace")) <= 300


@pytest.mark.parametrize("length", [100_000])
def test_long_hypotheses_stay_within_the_budgets(past: Any, length: int) -> None:
    for number in range(120):
        verdict = LEAD if number % 10 == 0 else Verdict.DISCARD
        past.enter(0.4, hypothesis="ü" * (length // 2), notes="n" * length, verdict=verdict)
    sections = past.sections()
    for section in sections.values():
        assert len(fit(section).encode()) <= section.cap
    assert len(past.text().encode()) <= sum(s.cap for s in sections.values())
