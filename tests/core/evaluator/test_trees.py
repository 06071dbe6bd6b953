from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autores.evaluator.trees import BadTree, FileTree

FILES = {
    "train.py": b"print(1)\n",
    "lib/a.py": b"",
    "lib/deep/b.py": b"\x00\xff",
    "lib.txt": b"sorts before the folder",
    "lib-x/c": b"c",
}


def _git_id(folder: Path) -> str:
    def git(*arguments: str) -> str:
        command = ["git", "-c", "core.fileMode=false", *arguments]
        return subprocess.run(
            command, cwd=folder, check=True, capture_output=True, text=True
        ).stdout.strip()

    git("init", "-q")
    git("add", ".")
    return git("write-tree")


def test_the_id_is_gits(tmp_path: Path) -> None:
    tree = FileTree(FILES)
    tree.write(tmp_path / "tree")
    assert tree.id == _git_id(tmp_path / "tree")


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    tree = FileTree(FILES)
    tree.write(tmp_path / "tree")
    assert dict(FileTree.load(tmp_path / "tree")) == FILES
    assert list(tree) == sorted(FILES)


def test_names_and_contents_both_count() -> None:
    assert FileTree({"a/b": b"xyz", "c": b""}).size == 3 + 3 + 1


@pytest.mark.parametrize(
    "path",
    ["../x", "/x", "a//b", "", "./a", ".git/config", "a/.gitattributes", "-rf", "a\nb", "trаin.py"],
)
def test_strange_paths_are_refused(path: str) -> None:
    with pytest.raises(BadTree):
        FileTree({path: b""})


def test_a_file_that_is_also_a_folder_is_refused() -> None:
    with pytest.raises(BadTree, match="both"):
        _ = FileTree({"a": b"", "a/b": b""}).id


def _symlink(folder: Path) -> None:
    (folder / "link.py").symlink_to("train.py")


def _second_name(folder: Path) -> None:
    os.link(folder / "train.py", folder / "twin.py")


def _pipe(folder: Path) -> None:
    os.mkfifo(folder / "pipe")


@pytest.mark.parametrize("spoil", [_symlink, _second_name, _pipe])
def test_only_regular_files_with_one_name_are_read(
    tmp_path: Path, spoil: Callable[[Path], None]
) -> None:
    FileTree(FILES).write(tmp_path / "tree")
    spoil(tmp_path / "tree")
    with pytest.raises(BadTree):
        FileTree.load(tmp_path / "tree")


@given(st.binary(), st.binary())
def test_every_byte_changes_the_id(one: bytes, other: bytes) -> None:
    assert (FileTree({"a": one}).id == FileTree({"a": other}).id) == (one == other)
