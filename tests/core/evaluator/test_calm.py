from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from autores.evaluator import calm
from autores.evaluator.calm import Pulse, take_pulse, unrest
from autores.records import Measurement

STILL = Pulse(at=100.0, chunk=0.03, stolen=5.0)
LATER = replace(STILL, at=110.0)


def ran(preemptions: int) -> Iterable[Measurement]:
    prepared = Measurement(phase="train_prepare", seed=1, wall=2.0)
    return prepared, Measurement(phase="train", seed=1, wall=10.0, cpu=9.9, preemptions=preemptions)


def test_a_machine_that_keeps_still_is_calm() -> None:
    assert unrest(STILL, replace(LATER, chunk=0.031, stolen=5.1), ran(100)) == ""


@pytest.mark.parametrize(
    ("after", "preemptions", "said"),
    [
        (replace(LATER, chunk=0.04), 0, "factor of 1.33"),
        (replace(LATER, chunk=0.02), 0, "factor of 0.67"),
        (replace(LATER, stolen=6.0), 0, "10% of the time was stolen"),
        (LATER, 2_000, "preempted 200 times"),
    ],
)
def test_each_sign_of_unrest_is_named(after: Pulse, preemptions: int, said: str) -> None:
    assert said in unrest(STILL, after, ran(preemptions))


def test_a_pulse_works_long_enough_and_leaves_the_affinity_alone() -> None:
    known = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()
    one = frozenset([min(known)]) if known else frozenset[int]()
    found = take_pulse(one)
    assert 0 < found.chunk < 1
    assert not known or os.sched_getaffinity(0) == known


def test_stolen_time_is_read_per_processor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stat = tmp_path / "stat"
    stat.write_text(
        "cpu  9 0 9 9 0 0 0 600 0 0\n"
        "cpu0 9 0 9 9 0 0 0 200 0 0\ncpu1 9 0 9 9 0 0 0 400 0 0\nintr 5\n"
    )
    monkeypatch.setattr(calm, "STAT", stat)
    monkeypatch.setattr(calm, "SECONDS", 0.0)
    tick = os.sysconf("SC_CLK_TCK")
    assert take_pulse(frozenset({0})).stolen == 200 / tick
    assert take_pulse(frozenset({0, 1})).stolen == 300 / tick
    assert take_pulse(frozenset()).stolen == 600 / tick
    monkeypatch.setattr(calm, "STAT", tmp_path / "none")
    assert take_pulse(frozenset({0})).stolen == 0.0
