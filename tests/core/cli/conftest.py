"""The command, in this process and in one of its own."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from autores import cli
from autores.gatekeeper import DirectGates

RUN = ("--task", "toy", "--agent", "scripted", "--executor", "inline", "--policy", "strict")


@dataclass(frozen=True)
class Said:
    """What a command printed, and how it ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Command = Callable[..., Said]


@pytest.fixture
def command(
    place: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Command]:
    """Run `autores` here, gates and evaluations included."""
    monkeypatch.setattr("autores.opening.Gatekeeper", DirectGates)

    def command(*arguments: str) -> Said:
        capfd.readouterr()
        code = cli.run(list(arguments))
        return Said(int(code), *capfd.readouterr())

    handlers = list(logging.getLogger().handlers)
    yield command
    logging.captureWarnings(False)
    for handler in [h for h in logging.getLogger().handlers if h not in handlers]:
        logging.getLogger().removeHandler(handler)
        handler.close()


@pytest.fixture
def process(place: Path) -> Callable[..., subprocess.Popen[str]]:
    """Start `autores` in a process of its own."""

    def process(*arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-W", "error", "-m", "autores", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
        )

    return process


@pytest.fixture
def finished(command: Command) -> Command:
    """A run of four trials in `runs/one`."""
    said = command(*RUN, "--max-trials", "4", "--name", "one", "--seed", "1", "-q")
    assert said.code == 0, said.err
    return command
