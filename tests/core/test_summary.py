from __future__ import annotations

import json
from dataclasses import replace

from autores.events import Body, Calibrated, Charged, Decided
from autores.lineage.store import create
from autores.lineage.view import LineageView
from autores.plugins.stores.memory import MemoryStore
from autores.records import Calibration, Cost, Decision, Interval, Metric, Recipe, Task
from autores.status import Verdict
from autores.summary import summary
from autores.testing.stores import CREATED, life, write

TASK = Task(
    name="toy",
    title="Toy",
    metric=Metric(name="loss", direction=CREATED.direction, unit="nats", format=".2f"),
    recipe=Recipe(path="/nowhere"),
)
CALIBRATION = Calibration(task="toy", profile="", score=1.0, spread=0.1)


def lineage(*bodies: Body) -> MemoryStore:
    store = MemoryStore()
    create(store, CREATED)
    write(store, *life(0, 1.0, session=""), Calibrated(calibration=CALIBRATION), *bodies)
    return store


def test_a_run_at_its_beginning() -> None:
    store = lineage()
    told = summary(LineageView(store, TASK), store.head())
    assert "baseline   1.00 nats" in told.text
    assert "best       the baseline" in told.text
    assert f"head {store.head().hash}" in told.text
    assert "ended" not in told.text
    assert told.data["head_hash"] == store.head().hash


def test_what_is_claimed_and_what_leads() -> None:
    kept = Decision(
        verdict=Verdict.KEEP,
        policy="p",
        against=0,
        estimate=0.25,
        interval=Interval(low=0.1, high=0.4),
    )
    store = lineage(
        *life(1, 0.7, None, hypothesis="Wider"),
        Decided(trial=1, decision=kept),
        *life(2, 0.6, Verdict.LEAD),
        Charged(session="s", specialist="arch", cost=Cost(input_tokens=12_000, dollars=1.234)),
    )
    text = summary(LineageView(store, TASK), store.head(), "used up: 2 trials").text
    assert text.startswith("ended: used up: 2 trials\n")
    assert "best       trial 1, 0.70 nats (+0.30, +30.0%): Wider" in text
    assert "\n           measured after the decision +0.25 [+0.10, +0.40] over trial 0\n" in text
    assert "outcomes   ◆ 1 baseline  ★ 1 keep  ▲ 1 lead" in text
    assert "leading    trial 2, 0.60 nats (+0.40, +40.0%): Try number 2" in text
    assert "trials     2, 3 s of evaluation, 12,000 tokens, 1.23 dollars" in text


def test_what_was_kept_by_one_look_is_said_to_be_untested() -> None:
    kept = Decision(verdict=Verdict.KEEP, policy="strict", against=0, estimate=0.25)
    store = lineage(*life(1, 0.7, None), Decided(trial=1, decision=kept))
    text = summary(LineageView(store, TASK), store.head()).text
    assert "\n           by one look +0.25 over trial 0; never tested\n" in text


def test_nothing_passes_the_gates() -> None:
    store = lineage()
    told = summary(LineageView(store, TASK), replace(store.head(), best=None))
    assert "best       none: no trial passes the gates yet" in told.text


def test_programs_get_the_same_facts() -> None:
    store = lineage(*life(1, 0.7, Verdict.KEEP))
    told = json.loads(summary(LineageView(store, TASK), store.head(), "enough").json)
    assert (told["ended"], told["trials"], told["finished"]) == ("enough", 1, 2)
    assert told["best"]["id"] == told["lead"]["id"] == 1
    assert told["baseline"] == 1.0
    assert told["cost"]["seconds"] == 2.0
