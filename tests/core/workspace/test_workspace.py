from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from autores.records import Recipe
from autores.workspace.folder import FolderGone
from autores.workspace.names import RefusedNames
from autores.workspace.repository import CodeRepository
from autores.workspace.workspace import EditRefused, Workspace

RECIPE = Recipe(path="/nowhere", editable=("**/*.py",), protected=("fixed.py",))
SEED = {"train.py": b"a = 1\nb = 2\nc = 3\nd = 4\n", "fixed.py": b"x = 1\n", "notes.txt": b"n\n"}


@pytest.fixture
def workspace(code: CodeRepository, tmp_path: Path) -> Workspace:
    found = Workspace(code, tmp_path / "session" / "work", RECIPE)
    found.checkout(code.seed(SEED))
    return found


def test_a_checkout_is_the_commit(workspace: Workspace, code: CodeRepository) -> None:
    assert workspace.snapshot() == SEED
    assert list(workspace) == sorted(SEED)
    assert workspace.changed() == ()
    assert workspace.diff() == ""
    assert workspace.commit in code


def test_edits_and_their_diff(workspace: Workspace) -> None:
    workspace.replace("train.py", "b = 2", "b = 5")
    assert workspace.changed() == ("train.py",)
    assert "-b = 2\n+b = 5\n" in workspace.diff()
    workspace.reset()
    assert workspace.snapshot() == SEED


def test_what_a_program_does_in_the_folder_counts(workspace: Workspace) -> None:
    (workspace.folder / "train.py").write_text("z = 1\n")
    (workspace.folder / "stray.py").write_text("")
    (workspace.folder / "notes.txt").unlink()
    assert workspace.changed() == ("notes.txt", "stray.py", "train.py")
    assert workspace.read("train.py") == "z = 1\n"
    workspace.reset()
    assert workspace.changed() == ()


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("fixed.py", "protected"),
        ("notes.txt", "not among the editable"),
        ("new.py", "files are fixed"),
        ("../train.py", "name-dots"),
        ("/etc/passwd", "name-absolute"),
        (".git/config.py", "name-git"),
    ],
)
def test_refused_writes(workspace: Workspace, path: str, why: str) -> None:
    with pytest.raises(EditRefused, match=why):
        workspace.write(path, "x")
    assert workspace.changed() == ()


@pytest.mark.parametrize(
    ("old", "say"), [("q = 1", "not there"), (" = ", "there 4 times"), ("", "empty")]
)
def test_a_text_to_replace_stands_once(workspace: Workspace, old: str, say: str) -> None:
    with pytest.raises(EditRefused, match=say):
        workspace.replace("train.py", old, "x")


def test_reading(workspace: Workspace) -> None:
    assert workspace.read("notes.txt") == "n\n"
    with pytest.raises(EditRefused, match=r"there are: fixed\.py"):
        workspace.read("missing.py")
    with pytest.raises(EditRefused, match="name-dots"):
        workspace.read("../../secret")
    (workspace.folder / "train.py").write_bytes(b"\xff")
    with pytest.raises(EditRefused, match="no UTF-8"):
        workspace.read("train.py")


def test_deleting_and_bringing_back(workspace: Workspace) -> None:
    workspace.delete("train.py")
    assert workspace.changed() == ("train.py",)
    workspace.write("train.py", SEED["train.py"])  # it stands in the parent, so it is not new
    assert workspace.changed() == ()
    with pytest.raises(EditRefused):
        workspace.delete("fixed.py")


def test_new_files_where_the_recipe_allows_them(code: CodeRepository, tmp_path: Path) -> None:
    recipe = Recipe(path="/nowhere", may_add_files=True)
    workspace = Workspace(code, tmp_path / "work", recipe)
    workspace.checkout(code.seed(SEED))
    workspace.write("lib/new.py", "x = 1\n")
    assert workspace.changed() == ("lib/new.py",)
    with pytest.raises(EditRefused, match="in the way"):
        workspace.write("lib/new.py/x.py", "")
    with pytest.raises(EditRefused, match="at most 4 MiB"):
        workspace.write("big.py", bytes(5 << 20))


def test_links_stop_a_snapshot(workspace: Workspace, tmp_path: Path) -> None:
    (workspace.folder / "link.py").symlink_to(tmp_path)
    with pytest.raises(RefusedNames, match="symbolic link"):
        workspace.snapshot()
    workspace.reset()
    assert workspace.changed() == ()


def test_a_deleted_workspace_is_said_and_comes_back(workspace: Workspace) -> None:
    shutil.rmtree(workspace.folder)
    with pytest.raises(FolderGone):
        workspace.snapshot()
    workspace.reset()
    assert workspace.snapshot() == SEED


def test_before_any_checkout(code: CodeRepository, tmp_path: Path) -> None:
    with pytest.raises(EditRefused, match="nothing is checked out"):
        _ = Workspace(code, tmp_path / "work", RECIPE).commit


class TestRebase:
    def onto(self, code: CodeRepository, workspace: Workspace, text: bytes) -> str:
        return code.commit({**SEED, "train.py": text}, [workspace.commit])

    def test_moves_edits(self, code: CodeRepository, workspace: Workspace) -> None:
        target = self.onto(code, workspace, b"a = 9\nb = 2\nc = 3\nd = 4\n")
        workspace.replace("train.py", "d = 4", "d = 5")
        found = workspace.rebase(target)
        assert (found.commit, found.changed, found.conflicts) == (target, ("train.py",), {})
        assert workspace.commit == target
        assert workspace.read("train.py") == "a = 9\nb = 2\nc = 3\nd = 5\n"
        assert "no conflict" in str(found)

    def test_says_conflicts(self, code: CodeRepository, workspace: Workspace) -> None:
        target = self.onto(code, workspace, b"a = 9\nb = 2\nc = 3\nd = 4\n")
        workspace.replace("train.py", "a = 1", "a = 5")
        found = workspace.rebase(target)
        assert "<<<<<<<" in workspace.read("train.py")
        assert "resolve these conflicts" in str(found)

    def test_without_edits(self, code: CodeRepository, workspace: Workspace) -> None:
        target = self.onto(code, workspace, b"a = 9\n")
        assert "with no edits" in str(workspace.rebase(target))
        assert workspace.read("train.py") == "a = 9\n"
