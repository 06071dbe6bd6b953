from __future__ import annotations

import os
from pathlib import Path

import pytest

from autores.evaluator.sandbox.sealed import Sealed
from autores.evaluator.trees import FileTree
from autores.evaluator.yard import Yard, remove


@pytest.fixture
def yard(tmp_path: Path) -> Yard:
    (tmp_path / "work").mkdir()
    (tmp_path / "staging").mkdir()
    tree = FileTree({"train.py": b"pass\n", "lib/net.py": b"x = 1\n"})
    return Yard(tree, tmp_path / "work", tmp_path / "staging")


def test_code_is_what_was_checked_and_counted_with_its_names(yard: Yard) -> None:
    yard.place("train", None)
    assert (yard.code / "lib" / "net.py").read_bytes() == b"x = 1\n"
    assert yard.code_bytes == len("train.py") + 5 + len("lib/net.py") + 6
    assert os.listdir(yard.harness) == ["harness.py"]


def test_hidden_data_appears_at_once_and_whole(yard: Yard, tmp_path: Path) -> None:
    place = yard.place("train", None)
    assert place.hidden.is_relative_to(tmp_path / "staging")
    assert place.hidden.stat().st_mode & 0o077 == 0
    (place.hidden / "x.npy").write_bytes(b"1")
    (place.hidden / "shards").mkdir()
    (place.hidden / "shards" / "0").write_bytes(b"2")
    assert os.listdir(place.shown) == []
    place.reveal()
    assert (place.shown / "shards" / "0").read_bytes() == b"2"
    assert os.listdir(place.hidden) == []


def test_no_two_phases_share_a_folder(yard: Yard) -> None:
    first, second = yard.place("train", None), yard.place("train", None)
    assert not {first.out, first.shown, first.sockets} & {second.out, second.shown, second.sockets}


def test_weights_are_all_that_the_answering_phase_finds(yard: Yard, tmp_path: Path) -> None:
    kept = tmp_path / "work" / "kept"
    kept.write_bytes(b"weights")
    place = yard.place("infer", Sealed(path=kept, size=7, sha256=""))
    assert [(p.name, p.read_bytes()) for p in place.shown.iterdir()] == [("artifact", b"weights")]
    place.clear()
    assert kept.read_bytes() == b"weights"


def test_anything_that_was_left_can_be_removed(tmp_path: Path) -> None:
    root = tmp_path / "out"
    root.mkdir()
    (tmp_path / "outside").write_text("stays")
    (root / "link").symlink_to(tmp_path / "outside")
    (root / "-rf").write_text("a name")
    os.mkfifo(root / "pipe")
    here = os.open(root, os.O_RDONLY)
    for _ in range(2_000):  # deeper than Python recurses, longer than a path may be
        os.mkdir("d", dir_fd=here)
        below = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(here)
    (root / "closed").mkdir(mode=0)
    remove([root, tmp_path / "missing"])
    assert not root.exists()
    assert (tmp_path / "outside").read_text() == "stays"
