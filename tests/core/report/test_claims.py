from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

import pytest

from autores.claims.ablating import Step
from autores.claims.certifying import Certificate
from autores.events import Body, Certified, Verified
from autores.lineage.store import LineageStore
from autores.readmodel import Story, read
from autores.readmodel.claims import ABLATION, SIMPLER
from autores.records import Direction, Interval
from autores.report import Sources, render_html, render_markdown
from autores.report.claims import tie, verdicts, without
from autores.verify import Check, verify

INTERVAL = Interval(low=0.05, high=0.15)
HELPS = Step(trial=1, hypothesis="", without=9, contributes=0.1, p=0.001, interval=INTERVAL)
VERDICT = verify([0.8, 0.81, 0.79], [1.0, 1.01, 0.99], direction=Direction.MINIMIZE)


def _ablated(step: Step) -> Verified:
    verdict = {"kind": ABLATION, **asdict(step)}
    return Verified(trial=3, against=step.without or 0, verdict=verdict)


def _story(store: LineageStore, sources: Sources, *bodies: Body) -> Story:
    store.append(lambda head: bodies)
    return read(store, sources.story.task)


@pytest.mark.parametrize(
    ("step", "said"),
    [
        (HELPS, "Left out of 0003: +0.1000 [+0.0500, +0.1500] is lost, it helps, p = 0.001."),
        (
            replace(HELPS, idle=True),
            "Left out of 0003: +0.1000 [+0.0500, +0.1500] is lost, nothing could be shown.",
        ),
        (
            Step(trial=1, hypothesis="", without=9, note="later steps undid it", idle=True),
            "Left out of 0003: later steps undid it.",
        ),
    ],
)
def test_a_step_that_was_left_out(
    store: LineageStore, sources: Sources, step: Step, said: str
) -> None:
    story = _story(store, sources, _ablated(step))
    assert without(story, story.trials[1]) == said
    assert without(story, story.trials[3]) == (
        "Could not be left out: later steps stand on its lines."
    )
    assert without(story, story.trials[4]) == ""
    told = replace(sources, story=story)
    assert said.partition(".")[0] in render_markdown(told).replace("\\", "")
    assert said in render_html(told)


def test_the_last_of_several_ablations_is_told(store: LineageStore, sources: Sources) -> None:
    story = _story(store, sources, _ablated(replace(HELPS, idle=True)), _ablated(HELPS))
    assert "it helps" in without(story, story.trials[1])


@pytest.mark.parametrize("wins", [True, False])
def test_a_simpler_recipe(store: LineageStore, sources: Sources, wins: bool) -> None:
    found = {"kind": SIMPLER, "idle": [1], "wins": wins, "loses": -0.01, "loses_at_most": 0.02}
    story = _story(store, sources, Verified(trial=3, against=9, verdict=found))
    assert "trial 0003 loses -0.0100, at most +0.0200." in tie(story)
    assert ("trial 0009, wins the tie" in tie(story)) is wins
    assert tie(story) in render_html(replace(sources, story=story))
    assert not [name for name, _ in verdicts(story) if "3" in name]


def test_nothing_is_said_where_nothing_was_left_out(sources: Sources) -> None:
    assert without(sources.story, sources.story.trials[1]) == tie(sources.story) == ""


def _said(store: LineageStore, sources: Sources, body: Body) -> tuple[str, str]:
    return list(verdicts(_story(store, sources, body)))[-1]


def test_a_verdict_is_a_sentence(store: LineageStore, sources: Sources) -> None:
    name, said = _said(store, sources, Verified(trial=1, against=0, verdict=VERDICT.as_mapping()))
    assert name == "verified trial 1"
    assert said.startswith("holds: +0.2000 [+0.1773, +0.2227] over 0000, p = ")
    assert said.endswith("3 and 3 looks")
    check = Check(name="trial 1 passes the gates", holds=False)
    failed = replace(VERDICT, verified=False, checks=(*VERDICT.checks, check))
    _, said = _said(store, sources, Verified(trial=1, against=0, verdict=failed.as_mapping()))
    assert said.startswith("does NOT hold (fails: trial 1 passes the gates): ")


@pytest.mark.parametrize(
    ("changes", "parts"),
    [
        ({}, ("on a withheld shard: holds", "+0.2500 had been claimed, 20% of it is not there")),
        ({"on": "", "shrinkage": None}, ("not on new data, with fresh seeds: holds",)),
        ({"forced": True}, ("NOT the first look",)),
    ],
)
def test_a_certificate_is_a_sentence(
    store: LineageStore, sources: Sources, changes: dict[str, Any], parts: tuple[str, ...]
) -> None:
    made = Certificate(
        trial=1, on="a withheld shard", verdict=VERDICT, claimed=0.25, shrinkage=0.2, forced=False
    )
    found = asdict(replace(made, **changes))
    name, said = _said(store, sources, Certified(trial=1, verdict=found))
    assert name == "certified trial 1"
    assert all(part in said for part in parts)


def test_what_others_wrote_is_shown_as_it_is(store: LineageStore, sources: Sources) -> None:
    assert _said(store, sources, Verified(trial=1, against=0, verdict={"p": 0.5}))[1] == "p 0.5"
    assert _said(store, sources, Certified(trial=1, verdict={"p": 0.5}))[1] == "p 0.5"
