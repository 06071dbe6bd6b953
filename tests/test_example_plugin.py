"""A third party's package, installed beside autores for real, in an environment of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent / "example_plugin"


@pytest.fixture(scope="module")
def autores(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The command, in an environment that sees what this one has, and the example."""
    root = tmp_path_factory.mktemp("installed")
    source = shutil.copytree(SOURCE, root / "source")
    environment = root / "venv"
    _run(sys.executable, "-m", "venv", "--without-pip", str(environment))
    python = str(environment / "bin" / "python")
    site = Path(_run(python, "-c", "import site; print(site.getsitepackages()[0])").strip())
    base = sysconfig.get_path("purelib")
    (site / "base.pth").write_text(f"import site; site.addsitedir({base!r})\n")
    pip = (sys.executable, "-m", "pip", "--python", python, "install", "--quiet")
    _run(*pip, "--no-deps", "--no-build-isolation", "--disable-pip-version-check", str(source))
    return [python, "-m", "autores"]


def _run(*command: str, cwd: Path | None = None) -> str:
    done = subprocess.run(command, capture_output=True, text=True, cwd=cwd, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_its_task_and_its_specialist_are_listed(autores: list[str]) -> None:
    tasks = json.loads(_run(*autores, "tasks", "--json"))
    assert tasks["trees"]["title"] == "Guess the height of trees"
    specialists = json.loads(_run(*autores, "specialists", "--json"))
    assert "forester" in [specialist["key"] for specialist in specialists]
    assert "autores-trees 1.0" in _run(*autores, "plugins")


@pytest.mark.full
def test_its_task_runs_a_closed_loop(
    autores: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(os.environ, "AUTORES_DATA", str(tmp_path / "data"))
    script = tmp_path / "script.json"
    script.write_text(json.dumps([{"path": "train.py", "old": "degree = 1", "new": "degree = 4"}]))
    arguments = ("--task", "trees", "--specialists", "wood", "--agent", "scripted")
    said = _run(
        *autores,
        *("run", *arguments, "--policy", "strict", "--name", "run", "--json"),
        *("-o", f"agent.scripted.path={script}"),
        cwd=tmp_path,
    )
    summary = json.loads(said)
    assert summary["best"]["id"] == 1
    assert summary["best"]["score"] < 0.75 * summary["baseline"]
