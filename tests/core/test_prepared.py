from __future__ import annotations

import os
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from autores import prepared
from autores.errors import UserError
from autores.evaluator.request import EvaluationRequest
from autores.prepared import HELD_OUT, MANIFEST, Manifest
from autores.records import Evaluation, Purpose
from autores.testing import toy

COMMAND = "autores prepare toy"
MADE_FOR = {"width": 3}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "toy"
    held_out = prepared.begin(folder)
    prepared.new_key(held_out)
    (held_out / "deep").mkdir()
    (held_out / "deep" / "answers").write_text("42")
    (folder / "train").write_text("1 2 3")
    prepared.seal(folder, Manifest(source="generated", world="w", made_for=MADE_FOR))
    return folder


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_what_is_sealed_is_read_again(folder: Path) -> None:
    assert prepared.is_sealed(folder)
    manifest = prepared.read(folder, MADE_FOR, COMMAND)
    assert (manifest.source, manifest.world) == ("generated", "w")
    assert set(manifest.sha256) == {"train", f"{HELD_OUT}/key", f"{HELD_OUT}/deep/answers"}
    prepared.check(folder)


def test_nobody_else_enters_what_is_held_out(folder: Path) -> None:
    assert _mode(folder / HELD_OUT) == _mode(folder / HELD_OUT / "deep") == 0o700
    assert {_mode(p) for p in (folder / HELD_OUT).rglob("*") if p.is_file()} == {0o600}
    key = (folder / HELD_OUT / "key").read_bytes()
    assert len(key) == 16
    assert key.hex() not in (folder / MANIFEST).read_text()


@pytest.mark.parametrize("name", ["train", f"{HELD_OUT}/deep/answers"])
def test_what_is_changed_or_gone_is_named(folder: Path, name: str) -> None:
    (folder / name).write_text("else")
    with pytest.raises(UserError, match=f"{name} changed since"):
        prepared.check(folder)
    (folder / name).unlink()
    with pytest.raises(UserError, match=f"{name} changed since"):
        prepared.check(folder)


def test_other_sizes_and_nothing_at_all_are_told_with_the_fix(folder: Path) -> None:
    with pytest.raises(UserError, match=f"other sizes; remove it and run: {COMMAND}"):
        prepared.read(folder, {"width": 4}, COMMAND)
    with pytest.raises(UserError, match=f"not prepared; run: {COMMAND}"):
        prepared.read(folder / "nowhere", MADE_FOR, COMMAND)


def test_what_was_interrupted_starts_over(folder: Path) -> None:
    (folder / MANIFEST).unlink()
    assert not prepared.is_sealed(folder)
    held_out = prepared.begin(folder)
    assert list(folder.iterdir()) == [held_out]
    assert list(held_out.iterdir()) == []


def test_what_is_sealed_again_has_its_new_files(folder: Path) -> None:
    manifest = prepared.read(folder, MADE_FOR, COMMAND)
    (folder / "more").write_text("4")
    prepared.seal(folder, manifest)
    assert set(prepared.read(folder, MADE_FOR, COMMAND).sha256) == {*manifest.sha256, "more"}


def test_candidates_can_read_what_is_placed_for_them(folder: Path, tmp_path: Path) -> None:
    (folder / "train").chmod(0o600)
    prepared.place(folder / "train", tmp_path / "linked")
    assert (tmp_path / "linked").samefile(folder / "train")
    assert _mode(tmp_path / "linked") == 0o644


def test_what_cannot_be_linked_is_copied(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object) -> None:
        raise OSError

    monkeypatch.setattr(os, "link", refuse)
    prepared.place(folder / "train", tmp_path / "copy")
    assert (tmp_path / "copy").read_text() == "1 2 3"
    assert not (tmp_path / "copy").samefile(folder / "train")


def test_data_of_another_world_are_refused() -> None:
    task = toy.autores_task("")
    evaluation = Evaluation(
        trial=1, ordinal=0, purpose=Purpose.FIRST, commit="c", seeds=(1,), world="mine"
    )
    request = EvaluationRequest(
        evaluation=evaluation,
        tree="t",
        task=task,
        plugin="p",
        limits=toy.autores_budget(task),
        data_dir="/d",
        secret="ab",
    )
    prepared.require_world(request, "mine")
    prepared.require_world(replace(request, evaluation=replace(evaluation, world="")), "other")
    with pytest.raises(UserError, match="of world other, not mine"):
        prepared.require_world(request, "other")
