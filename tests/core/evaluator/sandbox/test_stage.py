from __future__ import annotations

import os
from pathlib import Path

import pytest

from autores.evaluator.sandbox import kernel, stage
from autores.evaluator.sandbox.stage import Bind, Memory, Stage, unreachable


def test_the_folder_that_is_closed_to_others_is_named(tmp_path: Path) -> None:
    for folder in (tmp_path, *tmp_path.parents):
        if folder != Path("/") and not folder.stat().st_mode & 0o001:
            top = folder
    (tmp_path / "file").touch()
    found = unreachable(tmp_path / "file")
    assert found == top if "top" in locals() else found is None
    assert unreachable(Path("/usr/bin/env")) is None


def test_a_stage_is_seen_by_nobody_else(tmp_path: Path) -> None:
    if os.geteuid() != 0 or not kernel.has_capability(kernel.CAP_SYS_ADMIN):
        pytest.skip("only root makes namespaces")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "file").write_text("x")
    (tmp_path / "out").mkdir()
    binds = [
        Bind(tmp_path / "in", "/data"),
        Bind(tmp_path / "in" / "file", "/alone"),
        Bind(tmp_path / "out", "/out", writable=True),
    ]
    child = os.fork()
    if child == 0:
        code = 1
        try:
            Stage(binds, links=[("data/file", "/link")], folders=["/proc", "/empty"]).enter()
            stage.furnish([Memory("/tmp", 1 << 20)])
            stage.move_in("/out")
            code = _count_wrong()
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert (tmp_path / "out" / "made").read_text() == "x"
    assert not os.path.exists(stage.ROOT + "/data")


def _count_wrong() -> int:
    wrong = int({"data", "alone", "out", "link", "proc", "empty", "tmp"} != set(os.listdir("/")))
    wrong += int(Path("/link").read_text() != "x" or Path("/alone").read_text() != "x")
    wrong += int(os.statvfs("/tmp").f_blocks * os.statvfs("/tmp").f_frsize != 1 << 20)
    Path("made").write_text("x")
    for place in ("/data/file", "/alone"):
        try:
            Path(place).write_text("changed")
        except OSError:
            continue
        wrong += 1
    return wrong
