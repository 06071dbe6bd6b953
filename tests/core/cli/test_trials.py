from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Command = Callable[..., Any]


def test_runs_are_listed(command: Command) -> None:
    assert command("ls").out == "no runs under runs\n"


def test_runs_and_their_trials_are_listed(finished: Command) -> None:
    assert "runs/one" in finished("ls").out
    (listed,) = finished("ls", "--json").json
    assert (listed["run"], listed["settings"]["task"]) == ("runs/one", "toy")
    lines = finished("ls", "runs/one").out.splitlines()
    assert [line.split()[1] for line in lines] == ["0004", "0003", "0002", "0001", "0000"]
    assert [t["id"] for t in finished("ls", "one", "--json").json] == [4, 3, 2, 1, 0]


def test_trials_are_filtered(finished: Command) -> None:
    everything = finished("ls", "one", "--json").json
    optim = finished("ls", "one", "--specialist", "optim", "--json").json
    assert {t["submission"]["specialist"] for t in optim} == {"optim"}
    assert len(finished("ls", "one", "--limit", "2", "--json").json) == 2
    baseline = finished("ls", "one", "--status", "baseline", "--json").json
    assert [t["id"] for t in baseline] == [0]
    scores = [t["score"] for t in finished("ls", "one", "--best", "--json").json]
    assert scores == sorted(scores) and scores
    found = finished("ls", "one", "--search", "rate", "--json").json
    assert found == [t for t in everything if "rate" in t["submission"]["hypothesis"]]
    wrong = finished("ls", "one", "--status", "kep")
    assert (wrong.code, wrong.err) == (2, "autores: unknown status 'kep'; known: keep\n")


def test_a_trial_is_shown_whole(finished: Command) -> None:
    text = finished("show", "one", "1").out
    for part in ("trial 0001", "hypothesis", "by ", "made from    0", "commit"):
        assert part in text
    assert "look 4       calibrate: valid" in finished("show", "one", "0").out
    told = finished("show", "one", "0", "--json").json
    assert told["trial"]["id"] == 0
    assert [look["evaluation"]["ordinal"] for look in told["looks"]] == [0, 1, 2, 3, 4]


def test_a_trial_that_there_is_not(finished: Command) -> None:
    said = finished("show", "one", "100")
    assert said.code == 2
    assert said.err == "autores: there is no trial 100; `autores ls` lists those there are\n"


def test_differences_are_shown(finished: Command) -> None:
    own = finished("diff", "one", "1").out
    assert own.startswith("diff --git a/fit.py b/fit.py")
    parent = finished("show", "one", "1", "--json").json["trial"]["submission"]["parents"][0]
    assert finished("diff", "one", str(parent), "1").out == own
    assert finished("diff", "one", "1", "1").out == ""
    said = finished("diff", "one", "0")
    assert (said.code, said.err.count("\n")) == (2, 1)


def test_the_way_to_a_trial(finished: Command) -> None:
    path = finished("log", "one", "4", "--json").json
    assert (path[0]["id"], path[-1]["id"]) == (0, 4)
    for step, before in zip(path[1:], path, strict=False):
        assert step["submission"]["parents"][0] == before["id"]
    head = finished("best", "one", "--json").json["lead"]["id"]
    assert finished("log", "one", "--json").json[-1]["id"] == head


def test_who_was_made_from_whom(finished: Command) -> None:
    lines = finished("tree", "one").out.splitlines()
    trials = {t["id"]: t for t in finished("ls", "one", "--json").json}
    depth = {int(line.split()[1]): (len(line) - len(line.lstrip())) // 2 for line in lines}
    assert depth == {number: trial.get("depth", 0) for number, trial in trials.items()}


def test_the_best_code_is_written_out(finished: Command) -> None:
    assert finished("best", "one", "--into", "winner").code == 0
    assert [p.name for p in Path("winner").iterdir()] == ["fit.py"]
    assert Path("winner/fit.py").read_text() != ""
    assert finished("check", "winner", "--task", "toy").code == 0
    said = finished("best", "one", "--into", "winner")
    assert said.code == 2
    assert "winner exists; name a folder that does not" in said.err


@pytest.mark.parametrize("name", ["show", "diff", "log", "tree", "best", "ls", "audit"])
def test_a_run_that_there_is_not(command: Command, name: str) -> None:
    said = command(name, "nothing", *(["1"] if name in ("show", "diff") else []))
    assert said.code == 2
    assert said.err == "autores: there is no run 'nothing'; `autores ls` lists those under runs\n"


def test_looking_changes_nothing(finished: Command) -> None:
    before = finished("best", "one", "--json").json
    for name in ("show one 1", "diff one 1", "log one", "tree one", "ls one", "audit one"):
        assert finished(*name.split()).code == 0
    assert finished("best", "one", "--json").json == before
