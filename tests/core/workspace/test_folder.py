from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from autores.workspace import names
from autores.workspace.folder import Folder, FolderGone


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    found = Folder(tmp_path / "work")
    found.create()
    return found


def rules(folder: Folder) -> list[str]:
    return [violation.rule for violation in folder.scan().violations]


def test_files_come_back(folder: Folder) -> None:
    folder.write("a/b/c.py", b"1")
    folder.write("a/b/c.py", b"2")
    assert folder.read("a/b/c.py") == b"2"
    assert folder.scan().files == {"a/b/c.py": b"2"}
    folder.delete("a/b/c.py")
    folder.delete("a/b/c.py")
    folder.delete("nowhere/c.py")
    assert folder.scan().files == {}


@pytest.mark.parametrize("path", ["missing.py", "missing/x.py", "a", "a/b.py/c"])
def test_no_plain_file_no_bytes(folder: Folder, path: str) -> None:
    folder.write("a/b.py", b"")
    with pytest.raises(KeyError):
        folder.read(path)


def test_writing_over_a_folder_is_refused(folder: Folder) -> None:
    folder.write("a/b.py", b"")
    with pytest.raises(KeyError):
        folder.write("a", b"")
    with pytest.raises(KeyError):
        folder.write("a/b.py/c", b"")


class TestLinks:
    @pytest.fixture
    def outside(self, tmp_path: Path) -> Path:
        path = tmp_path / "outside"
        path.mkdir()
        (path / "secret").write_bytes(b"secret")
        return path

    def test_are_not_read(self, folder: Folder, outside: Path) -> None:
        (folder.root / "file").symlink_to(outside / "secret")
        (folder.root / "dir").symlink_to(outside)
        for path in ("file", "dir/secret"):
            with pytest.raises(KeyError):
                folder.read(path)
        assert rules(folder) == ["file-kind", "file-kind"]
        assert folder.scan().files == {}

    def test_are_not_written_through(self, folder: Folder, outside: Path) -> None:
        (folder.root / "file").symlink_to(outside / "secret")
        (folder.root / "dir").symlink_to(outside)
        folder.write("file", b"mine")
        with pytest.raises(KeyError):
            folder.write("dir/secret", b"mine")
        folder.delete("dir/secret")
        assert (outside / "secret").read_bytes() == b"secret"
        assert folder.read("file") == b"mine"

    def test_hard_links_are_not_read(self, folder: Folder, outside: Path) -> None:
        os.link(outside / "secret", folder.root / "file")
        with pytest.raises(KeyError):
            folder.read("file")
        (found,) = folder.scan().violations
        assert "hard links" in found.message

    def test_the_root_itself(self, tmp_path: Path, outside: Path) -> None:
        (tmp_path / "root").symlink_to(outside)
        folder = Folder(tmp_path / "root")
        with pytest.raises(FolderGone, match="is gone"):
            folder.read("secret")
        folder.create()
        assert (outside / "secret").exists()
        assert folder.scan().files == {}


def test_pipes_and_sockets_are_named_not_opened(folder: Folder) -> None:
    os.mkfifo(folder.root / "pipe")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(folder.root / "sock"))
    with pytest.raises(KeyError):
        folder.read("pipe")
    told = {v.path: v.message for v in folder.scan().violations}
    assert told == {
        "pipe": "this is a pipe, not a plain file.",
        "sock": "this is a socket, not a plain file.",
    }


def test_caches_of_tools_are_left_out(folder: Folder) -> None:
    folder.write("__pycache__/x.pyc", b"1")
    folder.write("lib/.pytest_cache/y", b"1")
    assert folder.scan().files == {}
    assert rules(folder) == []


@pytest.mark.parametrize("name", [".git", "é.py", "a\nb", "nul.py", b"\xff.py"])
def test_names_are_checked(folder: Folder, name: str | bytes) -> None:
    (Path(os.fsdecode(os.fsencode(folder.root) + b"/" + os.fsencode(name)))).write_bytes(b"")
    (found,) = folder.scan().violations
    assert found.path.isascii()
    assert found.path.isprintable()


class TestBounds:
    def test_a_large_file(self, folder: Folder) -> None:
        (folder.root / "big.bin").write_bytes(b"")
        os.truncate(folder.root / "big.bin", names.LARGEST_FILE + 1)
        assert rules(folder) == ["file-size"]

    def test_many_files(self, folder: Folder) -> None:
        for number in range(names.MOST_FILES + 1):
            (folder.root / f"f{number}").touch()
        assert "files-many" in rules(folder)

    def test_a_maze(self, folder: Folder) -> None:
        deep = folder.root.joinpath(*["d"] * 40)
        deep.mkdir(parents=True)
        (deep / "x").touch()
        assert rules(folder) == ["name-deep"]


def test_a_deleted_folder_is_said(folder: Folder) -> None:
    folder.root.rmdir()
    with pytest.raises(FolderGone, match="check the trial out again"):
        folder.scan()
