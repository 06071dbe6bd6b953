from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

import pygit2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autores.workspace.objects import GitObject, ObjectStore, blob, commit_of, trees
from autores.workspace.repository import CodeRepository

NAMES = st.text("ab-.0", min_size=1, max_size=3).filter(lambda name: name.strip("."))
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)


def _no_folder_is_a_file(files: dict[str, bytes]) -> bool:
    return not any(other.startswith(f"{path}/") for path in files for other in files)


@given(st.dictionaries(PATHS, st.binary(max_size=9), min_size=1).filter(_no_folder_is_a_file))
def test_trees_are_those_of_git(files: dict[str, bytes]) -> None:
    index = pygit2.Index()
    for path, data in files.items():
        index.add(pygit2.IndexEntry(path, pygit2.hash(data), pygit2.enums.FileMode.BLOB))
    made = list(trees({path: blob(data).id for path, data in files.items()}))
    assert made[-1].id == str(_written_by_git(index, files))


def _written_by_git(index: pygit2.Index, files: dict[str, bytes]) -> pygit2.Oid:
    with tempfile.TemporaryDirectory() as folder:
        git = pygit2.init_repository(folder, bare=True)
        for data in files.values():
            git.create_blob(data)
        return index.write_tree(git)


@given(st.text(max_size=30).filter(lambda text: "\0" not in text), st.integers(0, 1 << 31))
def test_commits_are_those_of_git(message: str, at: int) -> None:
    made = commit_of(list(trees({}))[-1].id, ["0" * 39 + "1"], "x y <x-y@z>", at, message)
    with tempfile.TemporaryDirectory() as folder:
        git = pygit2.init_repository(folder, bare=True)
        by = pygit2.Signature("x y", "x-y@z", at, 0, "utf-8")
        root = git.TreeBuilder().write()
        parent = git.create_commit(None, by, by, "", root, [])
        child = git.create_commit(None, by, by, message, root, [parent])
        theirs = git.read(child)[1].replace(str(parent).encode(), b"0" * 39 + b"1")
    assert made.data == theirs


@pytest.fixture
def code(tmp_path: Path) -> CodeRepository:
    return CodeRepository.create(tmp_path / "code.git")


def test_what_is_kept_is_read_by_git(code: CodeRepository) -> None:
    thing = blob(b"hello\n")
    ObjectStore(code.path / "objects").keep([thing])
    said = subprocess.check_output(["git", "-C", code.path, "cat-file", "blob", thing.id])
    assert said == b"hello\n"


def test_keeping_the_same_again_touches_nothing(code: CodeRepository) -> None:
    store, thing = ObjectStore(code.path / "objects"), blob(b"hello\n")
    store.keep([thing])
    (file,) = (code.path / "objects" / thing.id[:2]).iterdir()
    before = file.stat()
    store.keep([thing, thing])
    assert file.stat() == before


def test_nothing_is_seen_of_what_could_not_be_written_whole(
    code: CodeRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    things = [blob(b"a"), blob(b"b"), GitObject("blob", b"c")]
    failing = iter([False, True, True])

    def fsync(descriptor: int) -> None:
        if next(failing):
            raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", fsync)
    with pytest.raises(OSError, match="No space"):
        ObjectStore(code.path / "objects").keep(things)
    assert not any(thing.id in pygit2.Repository(str(code.path)) for thing in things)
    assert code.fsck() == ""


def test_the_files_are_on_the_disk_before_their_names(
    code: CodeRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    monkeypatch.setattr("os.fsync", lambda descriptor: done.append("fsync"))
    monkeypatch.setattr("os.rename", lambda old, new: done.append("rename"))
    ObjectStore(code.path / "objects").keep([blob(b"a"), blob(b"b")])
    assert done[:4] == ["fsync", "fsync", "rename", "rename"]
    assert set(done[4:]) == {"fsync"}
