"""The rules that keep autores one package which is quick to start and safe to import."""

from __future__ import annotations

import ast
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
CORE = ROOT / "core" / "autores"
POINTS = sorted(
    {
        point.value
        for point in metadata.distribution("autores").entry_points
        if point.group.partition(".")[0] == "autores"
    }
)
IMPORT = """
import sys
import {module}
assert not [n for n in sys.modules if "recipe" in n.split(".")], "a recipe was imported"
assert "torch" not in sys.modules, "torch was imported"
"""
PLUGINS = ("plugins", "specialists", "tasks")
MAY_READ_THE_ENVIRONMENT = {
    CORE / "config.py",
    CORE / "evaluator" / "harness" / "harness.py",  # runs beside a recipe, without autores
    CORE / "evaluator" / "sandbox" / "attempts.py",  # looks for leaks from inside a sandbox
}


@pytest.mark.parametrize("module", POINTS)
def test_every_plugin_imports_alone_and_without_warnings(module: str) -> None:
    code = IMPORT.format(module=module)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def _modules(root: Path) -> list[Path]:
    files = (path for path in sorted(root.rglob("*.py")) if "recipe" not in path.parts)
    return [p for p in files if root != CORE or p.relative_to(CORE).parts[0] not in PLUGINS]


def _imports(path: Path) -> set[str]:
    nodes = list(ast.walk(ast.parse(path.read_bytes())))
    names = {alias.name for n in nodes if isinstance(n, ast.Import) for alias in n.names}
    froms = (n for n in nodes if isinstance(n, ast.ImportFrom) and not n.level)
    return names | {f"{n.module}.{alias.name}" for n in froms for alias in n.names}


def test_core_knows_no_plugin() -> None:
    forbidden = tuple(f"autores.{name}" for name in PLUGINS)
    known = {
        path.relative_to(CORE).as_posix(): name
        for path in _modules(CORE)
        for name in _imports(path)
        if name.startswith(forbidden)
    }
    assert known == {}


def test_the_environment_is_read_in_one_module() -> None:
    roots = (CORE, *(ROOT / name for name in PLUGINS))
    readers = [
        path.relative_to(ROOT).as_posix()
        for root in roots
        for path in _modules(root)
        if path not in MAY_READ_THE_ENVIRONMENT and _reads_environment(path)
    ]
    assert readers == []


def _reads_environment(path: Path) -> bool:
    nodes = ast.walk(ast.parse(path.read_bytes()))
    names = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    return bool(names & {"environ", "environb", "getenv"})


@pytest.mark.parametrize("name", PLUGINS)
def test_folders_of_plugins_are_part_of_the_package(name: str) -> None:
    assert (CORE / name / "__init__.py").is_file()
