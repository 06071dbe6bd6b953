from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from autores.evaluator.sandbox import stage
from autores.evaluator.sandbox.bubblewrap import Bubblewrap
from autores.evaluator.sandbox.launch import Setup
from autores.evaluator.sandbox.level import Cell
from autores.evaluator.sandbox.stage import Bind
from autores.evaluator.sandbox.understudy import FIRST_KEPT, Gone, Understudy

if TYPE_CHECKING:
    from conftest import Lab

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


@pytest.fixture
def understudy() -> Iterator[Understudy]:
    waiting = Understudy(lambda: None)
    yield waiting
    waiting.dismiss()


def setup_of(tmp_path: Path, *steps: Callable[[], None]) -> Setup:
    cell = Cell(argv=("true",), code=tmp_path, out=tmp_path)
    return Setup(cell=cell, group=None, steps=steps, limit_tasks=False)


def become(
    understudy: Understudy,
    setup: Setup,
    script: str,
    keep: tuple[int, ...] = (),
    variables: Mapping[str, str] | None = None,
) -> str:
    """What a shell script prints."""
    output = understudy.order(["/bin/sh", "-c", script], variables or {}, setup, keep=keep)
    process = understudy.started()
    with os.fdopen(output) as pipe:
        said = pipe.read()
    assert os.waitpid(process.pid, 0)[1] == 0
    return said.strip()


def test_it_becomes_the_command_that_it_is_told(understudy: Understudy, tmp_path: Path) -> None:
    said = become(
        understudy, setup_of(tmp_path), "echo $$ $A; pwd; echo err >&2", variables={"A": "b"}
    )
    assert said == f"{understudy.pid} b\n/\nerr"


def test_it_has_what_is_kept_and_nothing_else(understudy: Understudy, tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.set_inheritable(writing, True)  # what a careless caller leaves open is not inherited
    told = os.memfd_create("told")
    os.write(told, b"told")
    os.lseek(told, 0, os.SEEK_SET)
    script = f"cat <&{FIRST_KEPT}; echo; ls -l /proc/$$/fd | grep -c pipe; ls /proc/$$/fd"
    said = become(understudy, setup_of(tmp_path), script, keep=(told,)).split()
    for descriptor in (reading, writing, told):
        os.close(descriptor)
    assert said == ["told", "2", "0", "1", "2", str(FIRST_KEPT)]


def test_it_is_in_a_session_of_its_own_with_signals_as_usual(
    understudy: Understudy, tmp_path: Path
) -> None:
    script = "cut -d' ' -f6 /proc/$$/stat; grep SigIgn /proc/$$/status"
    session, _, ignored = become(understudy, setup_of(tmp_path), script).split()
    assert int(session) == understudy.pid
    assert not int(ignored, 16) & (1 << (signal.SIGPIPE - 1))


def test_a_step_that_fails_is_told_and_leaves_nobody(
    understudy: Understudy, tmp_path: Path
) -> None:
    setup = setup_of(tmp_path, partial(os.rmdir, "/nonexistent"))
    os.close(understudy.order(["/bin/true"], {}, setup))
    with pytest.raises(OSError, match=r"FileNotFoundError.*nonexistent"):
        understudy.started()
    assert not Path(f"/proc/{understudy.pid}").exists()


def test_a_preparation_that_fails_is_told_or_the_understudy_is_gone(tmp_path: Path) -> None:
    understudy = Understudy(partial(os.rmdir, "/nonexistent"))
    with pytest.raises((Gone, OSError)):
        os.close(understudy.order(["/bin/true"], {}, setup_of(tmp_path)))
        understudy.started()
    assert not Path(f"/proc/{understudy.pid}").exists()


def test_a_command_that_is_not_there_is_told(understudy: Understudy, tmp_path: Path) -> None:
    os.close(understudy.order(["/nonexistent/program"], {}, setup_of(tmp_path)))
    with pytest.raises(OSError, match="FileNotFoundError"):
        understudy.started()


def test_who_was_killed_is_gone(understudy: Understudy, tmp_path: Path) -> None:
    os.kill(understudy.pid, signal.SIGKILL)
    os.waitid(os.P_PID, understudy.pid, os.WEXITED | os.WNOWAIT)
    with pytest.raises(Gone):
        understudy.order(["/bin/true"], {}, setup_of(tmp_path))


def test_a_cell_starts_also_when_its_understudy_is_gone(lab: Lab) -> None:
    with lab.open(Bubblewrap) as full:
        assert isinstance(full, Bubblewrap)
        if full._understudy is None:
            pytest.skip("only root builds a stage")
        os.kill(full._understudy.pid, signal.SIGKILL)
        os.waitid(os.P_PID, full._understudy.pid, os.WEXITED | os.WNOWAIT)
        assert lab.said(lab.run(full, "print('fine')")) == "fine"
        assert full._understudy is None
        assert lab.said(lab.run(full, "print('fine')")) == "fine"


def test_the_next_understudy_waits_and_goes_with_the_sandbox(lab: Lab) -> None:
    with lab.open(Bubblewrap) as full:
        assert isinstance(full, Bubblewrap)
        if full._understudy is None:
            pytest.skip("only root builds a stage")
        first = full._understudy.pid
        running = lab.run(full, "print('fine')")
        second = full._understudy.pid
        assert running.pid == first != second
        assert Path(f"/proc/{second}").exists()
    assert not Path(f"/proc/{second}").exists()


def test_a_stage_covers_what_lies_where_it_stands() -> None:
    below, beside = Path(stage.ROOT, "data"), Path(stage.ROOT + "2")
    assert stage.covers([Bind(below, "/data")])
    assert not stage.covers([Bind(beside, "/data")])
