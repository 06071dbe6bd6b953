from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autores.evaluator.sandbox.sealed import TooLarge, Unsealable, copy_sealed


@pytest.fixture
def out(tmp_path: Path) -> Iterator[int]:
    (tmp_path / "out").mkdir()
    descriptor = os.open(tmp_path / "out", os.O_RDONLY | os.O_DIRECTORY)
    yield descriptor
    os.close(descriptor)


def test_what_is_counted_is_what_is_kept(out: int, tmp_path: Path) -> None:
    content = os.urandom(3_000_000)
    (tmp_path / "out" / "artifact").write_bytes(content)
    sealed = copy_sealed(out, "artifact", tmp_path / "copy", cap=3_000_000)
    assert sealed.size == 3_000_000
    assert sealed.sha256 == hashlib.sha256(content).hexdigest()
    assert sealed.path.read_bytes() == content
    assert sealed.path.stat().st_mode & 0o777 == 0o444


@settings(deadline=None)
@given(size=st.integers(0, 5000), cap=st.integers(0, 5000))
def test_the_cap_is_exact(size: int, cap: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("seal")
    (folder / "artifact").write_bytes(bytes(size))
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        if size <= cap:
            assert copy_sealed(descriptor, "artifact", folder / "copy", cap=cap).size == size
        else:
            with pytest.raises(TooLarge):
                copy_sealed(descriptor, "artifact", folder / "copy", cap=cap)
            assert not (folder / "copy").exists()
    finally:
        os.close(descriptor)


def test_holes_are_bytes(out: int, tmp_path: Path) -> None:
    with open(tmp_path / "out" / "sparse", "wb") as file:
        file.truncate(1 << 30)
    with pytest.raises(TooLarge):
        copy_sealed(out, "sparse", tmp_path / "copy", cap=1 << 20)


@pytest.mark.parametrize("kind", ["link", "second name", "pipe", "folder", "socket"])
def test_only_a_plain_file_is_taken(out: int, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "out" / "artifact"
    (tmp_path / "secret").write_text("held out")
    if kind == "link":
        path.symlink_to(tmp_path / "secret")
    elif kind == "second name":
        path.write_text("x")
        os.link(path, tmp_path / "elsewhere")
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        os.mknod(path, 0o140666)
    with pytest.raises(Unsealable):
        copy_sealed(out, "artifact", tmp_path / "copy", cap=100)
    assert not (tmp_path / "copy").exists()


@pytest.mark.parametrize("name", ["", ".", "..", "../secret", "a/b", "a\0b"])
def test_only_a_plain_name_is_taken(out: int, tmp_path: Path, name: str) -> None:
    (tmp_path / "secret").write_text("held out")
    with pytest.raises(Unsealable):
        copy_sealed(out, name, tmp_path / "copy", cap=100)


def test_a_name_that_is_not_there_is_told_apart(out: int, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        copy_sealed(out, "artifact", tmp_path / "copy", cap=100)


def test_nothing_is_overwritten(out: int, tmp_path: Path) -> None:
    (tmp_path / "out" / "artifact").write_text("new")
    (tmp_path / "copy").write_text("old")
    with pytest.raises(FileExistsError):
        copy_sealed(out, "artifact", tmp_path / "copy", cap=100)
    assert (tmp_path / "copy").read_text() == "old"
