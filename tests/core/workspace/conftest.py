from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from autores.workspace.repository import CodeRepository

Git = Callable[..., str]


@pytest.fixture
def code(tmp_path: Path) -> Iterator[CodeRepository]:
    """A repository that must be sound in the end."""
    repository = CodeRepository.create(tmp_path / "code.git")
    yield repository
    assert repository.fsck() == ""


@pytest.fixture
def git(code: CodeRepository) -> Git:
    """What people type."""

    def run(*arguments: str) -> str:
        command = ["git", "-C", str(code.path), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    return run
