from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from autores.manifest import Manifest

Command = Callable[..., Any]
RUN = ("--task", "toy", "--agent", "scripted", "--executor", "inline", "--policy", "strict")
ONE = (*RUN, "--name", "one", "--seed", "1")


STUCK = """
import asyncio
import sys

from autores import hookimpl


class Stuck:
    async def run(self, session):
        print("thinking", file=sys.stderr, flush=True)
        await asyncio.sleep(3600)


@hookimpl
def autores_agent():
    return Stuck()
"""


def test_a_budget_that_ends_a_run_is_success(command: Command) -> None:
    said = command(*ONE, "--max-trials", "3")
    assert said.code == 0
    assert said.out.startswith("ended: used up: 3 trials\n")
    assert "\nbaseline " in said.out and "\nchain " in said.out
    assert said.err.startswith("run runs/one\n◆ baseline rmse")
    assert said.err.count("\n") >= 5  # the run's name, the baseline, a line for each trial


def test_run_may_be_named(command: Command) -> None:
    said = command("run", *ONE, "--max-trials", "1", "-q")
    assert (said.code, said.err) == (0, "run runs/one\n")


def test_facts_for_programs(command: Command) -> None:
    said = command(*ONE, "--max-trials", "2", "-q", "--json")
    assert (said.json["trials"], said.json["ended"]) == (2, "used up: 2 trials")
    assert len(said.json["head_hash"]) == 64


def test_settings_come_from_everywhere(
    command: Command, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (place / "autores.toml").write_text(
        "task = 'toy'\nagent = 'scripted'\nexecutor = 'local'\npolicy = 'strict'\nmax_trials = 9\n"
    )
    monkeypatch.setenv("AUTORES_EXECUTOR", "inline")
    assert command("--name", "one", "--max-trials", "1", "-q").code == 0
    settings = Manifest.read(Path("runs/one/run.toml")).settings
    assert (settings["executor"], settings["max_trials"]) == ("inline", 1)


def test_a_run_goes_on_where_it_was(finished: Command) -> None:
    before = finished("ls", "runs/one", "--json").json
    said = finished("resume", "runs/one", "--max-trials", "6", "-q", "--json")
    assert (said.code, said.json["trials"]) == (0, 6)
    after = finished("ls", "one", "--json").json  # by its name alone
    assert after[-len(before) :] == before
    assert finished("audit", "one").code == 0


def test_a_run_that_is_over_ends_at_once(finished: Command) -> None:
    said = finished("resume", "one", "-q")
    assert (said.code, said.out.split("\n")[0]) == (0, "ended: used up: 4 trials")


def test_a_name_is_used_once(finished: Command) -> None:
    said = finished(*ONE, "--max-trials", "1")
    assert said.code == 2
    assert "runs/one is a run already; `autores resume runs/one` goes on" in said.err


def test_what_changed_is_asked_about(finished: Command) -> None:
    manifest = Path("runs/one/run.toml")
    task = Manifest.read(manifest).hashes["task"]
    manifest.write_text(manifest.read_text().replace(task, "0" * 64))
    said = finished("resume", "one", "-q")
    assert said.code == 2
    assert f"hashes.task: {'0' * 64} then, {task} now" in said.err
    assert "--accept-changes" in said.err and said.err.count("\n") == 1
    assert finished("resume", "one", "-q", "--accept-changes").code == 0
    assert finished("resume", "one", "-q").code == 0


def test_a_run_that_cannot_go_on_fails(command: Command, install: Callable[..., str]) -> None:
    install(
        "autores.agents",
        "clumsy",
        """
        from autores import hookimpl

        class Clumsy:
            async def run(self, session):
                raise ValueError("stumbled")

        @hookimpl
        def autores_agent():
            return Clumsy()
        """,
    )
    said = command(*ONE, "--agent", "clumsy", "--give-up", "2", "--retry", "0.01s", "-q")
    assert said.code == 1
    assert "autores: 2 sessions in a row submitted nothing" in said.err
    assert "Traceback" not in said.err


def test_an_agent_with_nothing_more_to_propose_ends_the_run(command: Command, place: Path) -> None:
    edit = {"hypothesis": "Faster", "path": "fit.py", "old": "rate = 0.05", "new": "rate = 0.1"}
    (place / "edits.json").write_text(json.dumps([edit]))
    said = command(
        *ONE, "--specialists", "optim", "-o", "agent.scripted.path=edits.json", "-q", "--json"
    )
    assert (said.code, said.json["trials"]) == (0, 1)
    assert said.json["ended"] == "the script has been played"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_drains_and_the_run_can_go_on(
    process: Callable[..., subprocess.Popen[str]], command: Command, number: signal.Signals
) -> None:
    running = process(*ONE, "--profile", "slow")
    assert running.stderr is not None
    for _ in range(3):  # its name, the baseline, a trial
        running.stderr.readline()
    running.send_signal(number)
    out, err = running.communicate(timeout=60)
    assert running.returncode == 130
    assert err.endswith("stopped; `autores resume runs/one` goes on\n")
    assert out.startswith(f"ended: {number.name}\n")
    assert all(t["phase"] == "finished" for t in command("ls", "one", "--json").json)
    assert command("audit", "one").code == 0


def test_a_second_signal_stops_now(
    process: Callable[..., subprocess.Popen[str]],
    command: Command,
    install: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    module = install("autores.agents", "stuck", STUCK)
    monkeypatch.setenv("PYTHONPATH", next(p for p in sys.path if Path(p, f"{module}.py").exists()))
    running = process(*ONE, "--agent", "stuck")
    assert running.stderr is not None
    while "thinking" not in running.stderr.readline():
        pass
    running.send_signal(signal.SIGINT)
    with pytest.raises(subprocess.TimeoutExpired):
        running.wait(0.5)  # the session may finish what it has in hand
    running.send_signal(signal.SIGINT)
    _, err = running.communicate(timeout=30)
    assert running.returncode == 130
    assert err.endswith("stopped; `autores resume runs/one` goes on\n")
    assert "Traceback" not in err
    assert command("audit", "one").code == 0
