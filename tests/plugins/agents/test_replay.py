from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from autores import cli
from autores.config import Environment, SettingsBook, Value
from autores.errors import UserError
from autores.gatekeeper import DirectGates
from autores.plugins.agents import replay
from autores.plugins.agents.replay import recorded_in
from autores.reading import reading

BASE = ("--task", "toy", "--executor", "inline", "--policy", "strict", "-q", "--json")
EDITS = [
    {"hypothesis": "Faster", "path": "fit.py", "old": "rate = 0.05", "new": "rate = 0.2"},
    {"hypothesis": "Longer", "path": "fit.py", "old": "steps = 60", "new": "steps = 200"},
    {"hypothesis": "Stiffer", "path": "fit.py", "old": "ridge = 0.02", "new": "ridge = 9.0"},
]


@pytest.fixture
def recorded(
    place: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Any]]:
    """A run of three edits in `runs/then`, and a way to play it."""
    monkeypatch.setattr("autores.opening.Gatekeeper", DirectGates)
    handlers = list(logging.getLogger().handlers)

    def run(*arguments: str) -> Any:
        capfd.readouterr()
        assert cli.run([*BASE, *arguments]) == 0, capfd.readouterr().err
        return json.loads(capfd.readouterr().out)

    (place / "edits.json").write_text(json.dumps(EDITS))
    script = ("--agent", "scripted", "-o", "agent.scripted.path=edits.json")
    run("--name", "then", "--arm", "generalist", *script)
    yield run
    logging.captureWarnings(False)
    for handler in [h for h in logging.getLogger().handlers if h not in handlers]:
        logging.getLogger().removeHandler(handler)
        handler.close()


def trials(name: str, *, keeps: bool = False) -> list[tuple[str, bytes, tuple[int, ...]]]:
    with reading(Path("runs") / name, Environment.read()) as found:
        return [
            (r.submission.hypothesis, r.files["fit.py"], r.submission.parents)
            for r in recorded_in(found, keeps=keeps)
        ]


def test_a_run_is_played_again(recorded: Callable[..., Any]) -> None:
    path = ("--agent", "replay", "-o", "agent.replay.path=runs/then")
    told = recorded("--name", "now", "--arm", "generalist", *path)
    assert (told["ended"], told["trials"]) == ("the recorded run has been played", 3)
    assert trials("now") == trials("then")
    assert [hypothesis for hypothesis, _, _ in trials("now")] == ["Faster", "Longer", "Stiffer"]
    with reading(Path("runs/now"), Environment.read()) as found:
        assert found.view.trial(2).submission.notes == "replays trial 2"


def test_only_what_was_kept(recorded: Callable[..., Any]) -> None:
    path = ("--agent", "replay", "-o", "agent.replay.path=runs/then")
    kept = ("-o", "agent.replay.keeps=on")
    recorded("--name", "now", "--arm", "generalist", *path, *kept)
    expected = [(hypothesis, code) for hypothesis, code, _ in trials("then", keeps=True)]
    assert 0 < len(expected) < 3
    assert [(hypothesis, code) for hypothesis, code, _ in trials("now")] == expected


def test_it_must_be_said_which_run() -> None:
    settings = SettingsBook({}, {replay.Settings: "agent.replay"})
    with pytest.raises(UserError, match=r"-o agent\.replay\.path=runs/NAME"):
        replay.autores_agent(settings)
    said = SettingsBook(
        {"agent.replay.path": Value(value="runs/x", source="-o")},
        {replay.Settings: "agent.replay"},
    )
    assert replay.autores_agent(said)  # the run is opened when it is first asked for
