from __future__ import annotations

from dataclasses import replace

import pytest

from autores.records import Direction, Metric, Phase, Submission, Trial
from autores.rows import glyph, row, standing
from autores.status import Status

METRIC = Metric(name="loss", direction=Direction.MINIMIZE, format=".3f")
TRIAL = Trial(
    id=17,
    submission=Submission(
        commit="c",
        parents=(0,),
        hypothesis="Wider\nlayers \x1b[31m",
        specialist="arch",
        session="s",
        call="0",
    ),
    status=Status.KEEP,
    score=0.5,
    delta=0.25,
)


def test_a_trial_is_one_harmless_line() -> None:
    line = row(TRIAL, METRIC)
    assert "\n" not in line and "\x1b" not in line
    assert line.split() == ["★", "0017", "arch", "keep", "0.500", "+0.250", *line.split()[6:]]
    assert "Wider ⏎ layers" in line


def test_a_score_that_does_not_rank_is_shown_beside() -> None:
    crashed = replace(TRIAL, status=Status.DISQUALIFIED, score=None, first_score=0.4, delta=None)
    assert "0.400" in row(crashed, METRIC)
    assert "–" in row(replace(crashed, first_score=None), METRIC)


@pytest.mark.parametrize("phase", list(Phase))
def test_before_it_has_a_status_its_phase_is_shown(phase: Phase) -> None:
    trial = replace(TRIAL, status=None, phase=phase)
    assert standing(trial) == phase.value
    assert len(glyph(trial)) == 1


def test_long_ideas_are_cut() -> None:
    long = replace(TRIAL, submission=replace(TRIAL.submission, hypothesis="x" * 500))
    assert row(long, METRIC, width=10).endswith(" xxxxxxxxx…")


@pytest.mark.parametrize("status", list(Status))
def test_each_status_has_its_glyph(status: Status) -> None:
    assert glyph(replace(TRIAL, status=status)) == status.glyph
    assert standing(replace(TRIAL, status=status)) == status.value
