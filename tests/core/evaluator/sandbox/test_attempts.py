from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from autores.evaluator.sandbox import attempts


def test_what_is_refused_is_no_success(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    assert attempts.reads(str(tmp_path / "file"))
    assert not attempts.reads(str(tmp_path / "missing"))
    assert attempts.opens_to_write(str(tmp_path / "file"))
    assert (tmp_path / "file").read_text() == "x"
    assert attempts.creates(str(tmp_path), "new")
    assert not (tmp_path / "new").exists()
    assert not attempts.creates(str(tmp_path / "missing"), "new")


def test_a_child_tells_one_bit() -> None:
    assert attempts.in_a_child(lambda: True)
    assert not attempts.in_a_child(lambda: False)


def test_our_own_process_can_be_looked_into() -> None:
    marker = Path("/proc/self/cmdline").read_bytes().split(b"\0")[0].decode()
    assert attempts._reads_of(os.getpid(), "environ", marker)
    assert not attempts._reads_of(os.getpid(), "environ", "somebody else")


def test_it_runs_alone_and_says_what_it_found(tmp_path: Path) -> None:
    """As a candidate runs it: nothing of ours can be imported."""
    marker = "marker-that-nobody-left"
    targets = json.dumps({"marker": marker, "key": 1, "calls": {}})
    told = subprocess.check_output(
        [sys.executable, "-I", "-S", attempts.__file__, "state", targets], cwd=tmp_path, env={}
    )
    [(name, rows)] = json.loads(told).items()
    assert name == "state"
    assert len(rows) >= 8 and not any(through for _, through in rows)
    (tmp_path / marker).touch()
    told = subprocess.check_output(
        [sys.executable, "-I", "-S", attempts.__file__, "state", targets], cwd=tmp_path, env={}
    )
    assert [row for row in json.loads(told)["state"] if row[1]] == [["find a file in .", True]]
    assert not (tmp_path / marker).exists()
