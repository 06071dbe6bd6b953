from __future__ import annotations

import contextlib
import shutil
import tempfile
import textwrap
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from autores.evaluator.sandbox import base, reaper
from autores.evaluator.sandbox.base import HostSandbox
from autores.evaluator.sandbox.bubblewrap import Bubblewrap
from autores.evaluator.sandbox.contained import RunningCell
from autores.evaluator.sandbox.environment import discover
from autores.evaluator.sandbox.level import Cell, Ending
from autores.evaluator.sandbox.none import Unconfined
from autores.evaluator.sandbox.partial import Restricted, Staged

KINDS = [pytest.param(Bubblewrap, marks=pytest.mark.full), Staged, Restricted, Unconfined]


class Lab:
    """Makes cells in a folder that every user can reach."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="autores-test-")).resolve()
        self.folder.chmod(0o755)
        self.code = self._folder("code")
        self.outs: list[Path] = []

    def _folder(self, name: str) -> Path:
        path = self.folder / name
        path.mkdir(mode=0o755)
        return path

    def cell(self, source: str, *arguments: str, **facts: Any) -> Cell:
        self.outs.append(self._folder(f"out{len(self.outs)}"))
        argv = ("python", "-c", textwrap.dedent(source), *arguments)
        return replace(Cell(argv=argv, code=self.code, out=self.outs[-1]), **facts)

    def run(self, sandbox: HostSandbox, source: str, *arguments: str, **facts: Any) -> RunningCell:
        """Run to the end."""
        running = sandbox.spawn(self.cell(source, *arguments, **facts))
        if running.wait(60) is None:
            running.kill()
            pytest.fail(f"still running: {running.output}")
        return running

    @staticmethod
    def said(running: RunningCell) -> str:
        """What a cell printed, once it ended well."""
        ending, text = running.poll(), running.output.head.decode()
        assert ending == Ending(code=0, signal=None, stopped_by=None, killed=False), text
        return text.strip()

    @staticmethod
    def wait_for(condition: Callable[[], bool], seconds: float = 30) -> bool:
        deadline = time.monotonic() + seconds
        while not (met := condition()) and time.monotonic() < deadline:
            time.sleep(0.01)
        return met

    @staticmethod
    def alive_with(mark: str) -> list[int]:
        """The processes on whose command line a word stands."""
        found = []
        for process in reaper.processes():
            with contextlib.suppress(OSError):
                if mark.encode() in Path(f"/proc/{process.pid}/cmdline").read_bytes():
                    found.append(process.pid)
        return found

    @staticmethod
    def open(kind: type[HostSandbox]) -> HostSandbox:
        """A sandbox that lends no distributions, or a skip that says why there is none."""
        try:
            return kind(discover(()))
        except OSError as error:
            pytest.skip(f"{kind.__name__.lower()}: {error}")


@pytest.fixture
def lab() -> Iterator[Lab]:
    made = Lab()
    yield made
    shutil.rmtree(made.folder, ignore_errors=True)


@pytest.fixture(params=KINDS, ids=lambda kind: str(kind.__name__.lower()))
def sandbox(request: pytest.FixtureRequest) -> Iterator[HostSandbox]:
    """Each level that this machine offers."""
    with Lab.open(request.param) as made:
        yield made


@pytest.fixture(params=["groups", "watchdog"])
def counted(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Once with control groups, where this machine has them, and once without."""
    if request.param == "watchdog":
        monkeypatch.setattr(base, "create_group", lambda cell, name: None)
    return str(request.param)
