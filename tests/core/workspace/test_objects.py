from __future__ import annotations

import os
import subprocess
import tempfile
import zlib
from pathlib import Path

import pygit2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autores.workspace import objects
from autores.workspace.objects import JOURNALS, Journal, ObjectStore, blob, commit_of, trees
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
    store = ObjectStore(code.path / "objects")
    store.keep([blob(b"before")])
    with monkeypatch.context() as patch:
        patch.setattr("os.fdatasync", _full)
        with pytest.raises(OSError, match="No space"):
            store.keep([blob(b"a"), blob(b"b")])
    assert not any(blob(data).id in pygit2.Repository(str(code.path)) for data in (b"a", b"b"))
    store.keep([blob(b"c")])
    assert _lost_and_recovered(code, store) == {blob(b"before").id, blob(b"c").id}
    assert code.fsck() == ""


def _full(descriptor: int) -> None:
    raise OSError(28, "No space left on device")


def _lost_and_recovered(code: CodeRepository, store: ObjectStore) -> set[str]:
    """The objects that are there after the power was cut: what was not synced is empty."""
    files = [file for file in (code.path / "objects").glob("??/*") if file.is_file()]
    for file in files[::2]:
        file.unlink()
    for file in files[1::2]:
        file.chmod(0o600)
        file.write_bytes(b"")
    _die(store)
    ObjectStore(code.path / "objects").recover()
    assert not any((code.path / "objects" / JOURNALS).iterdir())
    return set(pygit2.Repository(str(code.path)))  # type: ignore[arg-type]  # Oid or str


def _die(store: ObjectStore) -> None:
    """As its process would: what it held open is closed."""
    assert store._journal is not None
    os.close(store._journal.file)
    store._journal = None


@given(st.lists(st.binary(max_size=30), min_size=1, max_size=9), st.data())
def test_a_journal_that_was_cut_gives_what_was_whole(
    kept: list[bytes], data: st.DataObject
) -> None:
    ids = list(dict.fromkeys(blob(content).id for content in kept))
    with tempfile.TemporaryDirectory() as folder:
        journal = Journal.begin(folder)
        for content in kept:
            journal.append({blob(content).id: zlib.compress(blob(content).raw)})
        left = data.draw(st.integers(0, journal.size))
        os.truncate(journal.path, left)
        found = [id_ for id_, _ in journal.read()]
        whole = left == journal.size
        journal.end()
    assert list(dict.fromkeys(found)) == ids[: len(set(found))]
    assert (len(found) == len(kept)) == whole


def test_the_disk_has_objects_before_they_are_seen(
    code: CodeRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    rename = os.rename
    monkeypatch.setattr("os.fdatasync", lambda descriptor: done.append("synced"))
    monkeypatch.setattr("os.rename", lambda old, new: (done.append("seen"), rename(old, new)))
    ObjectStore(code.path / "objects").keep([blob(b"a"), blob(b"b")])
    assert done == ["synced", "seen", "seen"]


def test_a_journal_is_left_to_a_writer_that_lives(code: CodeRepository) -> None:
    store = ObjectStore(code.path / "objects")
    store.keep([blob(b"a")])
    ObjectStore(code.path / "objects").recover()
    store.keep([blob(b"b")])
    assert _lost_and_recovered(code, store) == {blob(b"a").id, blob(b"b").id}


def test_no_journal_is_left_of_what_is_settled(
    code: CodeRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(objects, "LONGEST_JOURNAL", 100)
    store = ObjectStore(code.path / "objects")
    folder = code.path / "objects" / JOURNALS
    for number in range(20):
        store.keep([blob(b"%d" % number)])
        assert sum(file.stat().st_size for file in folder.iterdir()) <= 100
    store.settle()
    assert not any(folder.iterdir())
    assert code.fsck() == ""
