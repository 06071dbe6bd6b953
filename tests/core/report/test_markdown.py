from __future__ import annotations

from dataclasses import replace

from autores.plugins.stores.memory import MemoryStore
from autores.readmodel import read
from autores.report import Sources, render_markdown


def test_it_says_what_was_found(sources: Sources) -> None:
    text = render_markdown(sources)
    for expected in (
        "**loss 1.0000 bits → 0.8000 bits (20.0%), by trial 0001.** Trial 0003 leads",
        "★ keep 1",
        r"| 0001 | optim | 0.8000 bits | +0.2000 | +0.2100 \[+0.1000, +0.3000\] over 0000 |",
        "1. Try number 1 (0001, ",
        "- hash chain: whole",
        "autores verify run-1 1 --against 0",
        r"People steered this run: hint: look at \<the\> schedule.",
    ):
        assert expected in text, expected


def test_nothing_is_markup_that_somebody_else_wrote(sources: Sources) -> None:
    text = render_markdown(sources)
    assert "<script" not in text
    assert "\x1b" not in text


def test_a_run_without_trials_has_a_report(sources: Sources) -> None:
    empty = replace(sources, story=read(MemoryStore(), sources.story.task))
    assert "there is no best trial" in render_markdown(empty)
