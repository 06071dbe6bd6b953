from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from autores.evaluator.sandbox import launch
from autores.evaluator.sandbox.launch import Setup
from autores.evaluator.sandbox.level import Cell


def cell(tmp_path: Path, *argv: str, **variables: str) -> Cell:
    return Cell(argv=argv, code=tmp_path, out=tmp_path, environment=variables)


def test_what_the_sandbox_says_goes_before_what_the_cell_says(tmp_path: Path) -> None:
    made = cell(tmp_path, "python", "x.py", HOME="/root", LANG="de_DE", OWN="1", AUTORES_OUT="/")
    inside = launch.on_the_host(made, tmp_path / "python", tmp_path / "tmp")
    told = inside.variables(made)
    assert told["HOME"] == str(tmp_path / "tmp" / "home")
    assert told["AUTORES_OUT"] == str(tmp_path)
    assert (told["LANG"], told["OWN"]) == ("de_DE", "1")
    assert not {"PYTHONPATH", "AUTORES_DATA_DIR", "AUTORES_SOCKET"} & told.keys()
    assert inside.command(made) == [str(tmp_path / "python"), "x.py"]


def test_other_commands_are_left_alone(tmp_path: Path) -> None:
    made = cell(tmp_path, "/bin/true", "python")
    assert launch.on_the_host(made, tmp_path, tmp_path).command(made) == ["/bin/true", "python"]


def start(tmp_path: Path, *steps: Callable[[], None]) -> None:
    made = cell(tmp_path, "/bin/true")
    setup = Setup(cell=made, group=None, steps=steps, limit_tasks=False)
    process, output = launch.start(["/bin/true"], {}, setup, cwd=Path("/"))
    process.wait()
    os.close(output)


def test_a_step_that_fails_is_an_error_and_leaves_no_descriptor(tmp_path: Path) -> None:
    def fail() -> None:
        raise OSError("no")

    start(tmp_path)
    before = os.listdir("/proc/self/fd")
    with pytest.raises(OSError, match="could not be entered"):
        start(tmp_path, fail)
    assert len(os.listdir("/proc/self/fd")) == len(before)
