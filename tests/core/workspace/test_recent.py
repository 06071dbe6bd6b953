from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from autores.workspace import recent
from autores.workspace.recent import Commit, Recent
from autores.workspace.repository import CodeRepository


@given(st.lists(st.binary(max_size=64)))
def test_files_stay_within_bounds_and_the_latest_is_there(found: list[bytes]) -> None:
    kept = Recent(blob_bytes=100)
    for number, data in enumerate(found):
        kept.keep_blob(str(number), data)
        kept.keep_blob(str(number), data)  # once is enough
        assert kept.blob(str(number)) == data
    left = [data for n in range(len(found)) if (data := kept.blob(str(n))) is not None]
    assert sum(map(len, left)) <= 100
    assert left == found[len(found) - len(left) :]


def test_of_commits_only_the_latest_are_kept() -> None:
    kept = Recent()
    for number in range(recent.COMMITS + 1):
        kept.keep_commit(Commit(id=str(number), tree="t", parents=(), at=0))
    assert kept.commit("0") is None
    assert kept.commit("1") is not None


def test_what_was_just_committed_is_not_read_back_from_the_disk(tmp_path: Path) -> None:
    writer = CodeRepository.create(tmp_path / "code.git")
    base = writer.seed({"train.py": b"a = 1\n", "lib/net.py": b"width = 2\n"})
    edited = writer.commit({"train.py": b"a = 2\n"}, [base])
    for file in (tmp_path / "code.git/objects").glob("??/*"):
        file.unlink()

    tree = CodeRepository.open(tmp_path / "code.git", writer.recent).tree(edited)

    assert tree.files() == {"train.py": b"a = 2\n"}
    assert tree.parent is not None
    assert tree.parent.files() == {"train.py": b"a = 1\n", "lib/net.py": b"width = 2\n"}
    assert tree.changed() == ("lib/net.py", "train.py")


def test_a_commit_reads_the_same_from_memory_and_from_the_disk(tmp_path: Path) -> None:
    writer = CodeRepository.create(tmp_path / "code.git")
    commit = writer.seed({"b/x.py": b"1", "b.py": b"2", "a.py": b"3"})
    ours, theirs = (
        code.tree(commit) for code in (writer, CodeRepository.open(tmp_path / "code.git"))
    )
    assert (ours.id, ours.commit, list(ours), ours.files(), ours.parent) == (
        theirs.id,
        theirs.commit,
        list(theirs),
        theirs.files(),
        theirs.parent,
    )
    assert ours.entries == theirs.entries
