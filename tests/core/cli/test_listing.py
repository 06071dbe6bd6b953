from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Command = Callable[..., Any]
Install = Callable[..., str]


def rows(said: Any) -> dict[str, tuple[str, str]]:
    return {
        row["name"]: (row["value"], row["from" if "from" in row else "source"]) for row in said.json
    }


def test_tasks(command: Command, install: Install) -> None:
    install("autores.tasks", "broken", "import a_module_that_is_not", distribution="some-dist")
    said = command("tasks")
    assert said.code == 0
    (toy,) = (line for line in said.out.splitlines() if line.startswith("toy "))
    assert "rmse" in toy and "default, slow" in toy
    assert "cannot be used: plugin 'broken' (some-dist 1.0): cannot be imported" in said.out
    told = command("tasks", "--json").json
    assert told["toy"]["metric"]["name"] == "rmse"
    assert "some-dist" in told["broken"]["error"]


def test_specialists(command: Command, install: Install) -> None:
    install(
        "autores.specialists",
        "mine",
        """
        from autores import hookimpl
        from autores.records import Specialist

        @hookimpl
        def autores_specialists():
            return [Specialist(key="mine", title="Mine", surfaces=("x", "y"), aliases=("my",))]
        """,
    )
    lines = command("specialists").out.splitlines()
    assert next(line.split() for line in lines if line.startswith("mine ")) == [
        "mine",
        "my",
        "structural",
        "x,",
        "y",
    ]
    assert "optim" in {s["key"] for s in command("specialists", "--json").json}


def test_plugins_and_where_they_come_from(command: Command, install: Install) -> None:
    module = install("autores.agents", "mine", "raise SystemError", distribution="some-dist")
    told = command("plugins", "--json").json
    mine = {"kind": "agent", "name": "mine", "module": module, "distribution": "some-dist 1.0"}
    assert mine in told  # and nothing was imported
    assert {row["kind"] for row in told} == {
        *("task", "specialist", "agent", "executor", "store", "policy", "reporter", "plugin")
    }
    assert "some-dist 1.0" in command("plugins").out


def test_settings_and_where_they_come_from(
    command: Command, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (place / "autores.toml").write_text("task = 'toy'\npolicy = 'confirm'\nsessions = 2\n")
    monkeypatch.setenv("AUTORES_POLICY", "strict")
    monkeypatch.setenv("AUTORES_AGENT", "evolve")
    said = command(
        *("config", "--agent", "scripted", "-o", "agent.scripted.path=x.json", "--json"),
    )
    found = rows(said)
    assert found["task"] == ("toy", "autores.toml")
    assert found["policy"] == ("strict", "AUTORES_POLICY")
    assert found["agent"] == ("scripted", "--agent")
    assert found["agent.scripted.path"] == ("x.json", "-o agent.scripted.path")
    assert found["sessions"] == ("2", "autores.toml")
    assert found["executor"] == ("local", "default")
    assert "gates.scope" in found
    assert all(row["help"] for row in said.json)
    assert "AUTORES_POLICY" in command("config", "--agent", "scripted").out


def test_settings_need_no_task(command: Command) -> None:
    assert rows(command("config", "--json"))["task"] == ("", "default")


def test_wrong_settings_are_said(command: Command) -> None:
    said = command("config", "-o", "agent.evolve.sead=1")
    assert said.code == 2
    assert "unknown setting 'agent.evolve.sead'; known: agent.evolve." in said.err
