from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from autores.evaluator.sandbox.environment import METADATA, build, discover


def imports(python: Path, source: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(python), "-c", source], capture_output=True, text=True, check=False, env={}, cwd="/"
    )


def test_only_the_allowed_can_be_imported(tmp_path: Path) -> None:
    view = build(discover(["numpy"]), tmp_path / "env", links=True)
    assert imports(view.python, "import numpy").returncode == 0
    for name in ("autores", "pytest", "pluggy"):
        assert "ModuleNotFoundError" in imports(view.python, f"import {name}").stderr
    told = imports(view.python, "import sys; print(sys.prefix, sys.version_info[:2])").stdout
    assert told.split(" ", 1) == [str(tmp_path / "env"), f"{sys.version_info[:2]}\n"]


def test_requirements_come_along_and_unknown_names_do_not_matter() -> None:
    names = {path.name for path in discover(["hypothesis", "no-such-thing"]).packages}
    assert {"hypothesis", "sortedcontainers"} <= names
    assert "autores" not in names
    assert not discover(()).packages


def test_metadata_says_versions_and_no_paths(tmp_path: Path) -> None:
    view = build(discover(["numpy"]), tmp_path / "env", links=True)
    source = "from importlib import metadata; print(metadata.version('numpy'))"
    assert imports(view.python, source).stdout.strip()
    [description] = tmp_path.glob("env/lib/*/site-packages/numpy-*.dist-info")
    assert {path.name for path in description.iterdir()} <= set(METADATA)


def test_nothing_that_runs_at_start_is_in_it(tmp_path: Path) -> None:
    build(discover(["numpy"]), tmp_path / "env", links=True)
    assert not list((tmp_path / "env").rglob("*.pth"))
    assert not list((tmp_path / "env").rglob("sitecustomize*"))


def test_places_for_mounts_are_empty_folders(tmp_path: Path) -> None:
    view = build(discover(["numpy"]), tmp_path / "env", links=False)
    sources = {package.name for package, _ in view.holes}
    assert "numpy" in sources
    for _, place in view.holes:
        assert place.is_dir() and not list(place.iterdir())
        assert place.stat().st_mode & 0o777 == 0o755


def test_where_packages_are_installed_is_hidden(tmp_path: Path) -> None:
    hidden = discover((), hide=[tmp_path]).hidden
    assert tmp_path not in hidden  # it is not mounted at all
    base = Path(sys.base_prefix).resolve()
    for site in base.glob("lib/python3*/site-packages"):
        assert site.resolve() in hidden
