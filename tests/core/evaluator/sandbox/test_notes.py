from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from autores.evaluator.sandbox import notes as notes_module
from autores.evaluator.sandbox.base import HostSandbox
from autores.evaluator.sandbox.level import Enforcement, Finding, Guarantee
from autores.evaluator.sandbox.none import Unconfined
from autores.evaluator.sandbox.notes import Notes
from autores.evaluator.sandbox.partial import Restricted

if TYPE_CHECKING:
    from conftest import Lab

FOUND = tuple(
    Finding(guarantee=guarantee, enforcement=Enforcement.WATCHDOG, evidence=f"of {guarantee.name}")
    for guarantee in Guarantee
)


@pytest.fixture
def plain(lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HostSandbox]:
    with lab.open(Unconfined) as sandbox:
        monkeypatch.setattr(notes_module, "KEPT", tmp_path)
        yield sandbox


def test_what_was_found_is_remembered(plain: HostSandbox) -> None:
    notes = Notes.about(plain)
    assert notes.read() is None
    notes.write(FOUND)
    assert Notes.about(plain).read() == FOUND
    assert notes.path.parent.stat().st_mode & 0o777 == 0o700


def test_each_kind_and_environment_has_its_own(plain: HostSandbox, lab: Lab) -> None:
    class Other(Unconfined):
        """Another kind."""

    with Other(plain.environment) as other:
        assert Notes.about(other) != Notes.about(plain)
    with Unconfined() as more:
        assert Notes.about(more) != Notes.about(plain)
    with lab.open(Restricted) as restricted:
        assert Notes.about(restricted) != Notes.about(plain)


@pytest.mark.parametrize("text", ["", "[]", "not json", '[["NETWORK", "ENFORCED", ""]]'])
def test_what_is_not_whole_is_not_believed(plain: HostSandbox, text: str) -> None:
    notes = Notes.about(plain)
    notes.write(FOUND)
    notes.path.write_text(text)
    assert notes.read() is None


def test_a_folder_that_others_can_write_is_not_believed(plain: HostSandbox) -> None:
    notes = Notes.about(plain)
    notes.write(FOUND)
    notes.path.parent.chmod(0o777)
    assert notes.read() is None


def test_a_folder_of_somebody_else_is_neither_read_nor_written(plain: HostSandbox) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give a folder away")
    notes = Notes.about(plain)
    notes.path.parent.mkdir(mode=0o700)
    os.chown(notes.path.parent, 30_000, 30_000)
    notes.write(FOUND)
    assert not notes.path.exists()


def test_a_link_is_not_followed(plain: HostSandbox, tmp_path: Path) -> None:
    notes = Notes.about(plain)
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    notes.path.parent.symlink_to(tmp_path / "elsewhere")
    notes.write(FOUND)
    assert not list((tmp_path / "elsewhere").iterdir())
