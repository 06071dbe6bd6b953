from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pygit2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pygit2.enums import FileMode

from autores.errors import UserError
from autores.evaluator.trees import FileTree
from autores.workspace.names import RefusedNames, check_path
from autores.workspace.refs import BATCH, STALE_SECONDS
from autores.workspace.repository import CodeRepository

Git = Callable[..., str]
SEED = {"train.py": b"a = 1\nb = 2\nc = 3\n", "lib/net.py": b"width = 4\n"}


def child(code: CodeRepository, parent: str, text: bytes, message: str = "") -> str:
    return code.commit({**SEED, "train.py": text}, [parent], message, "optim")


class TestCommits:
    def test_a_tree_comes_back_as_it_went_in(self, code: CodeRepository) -> None:
        tree = code.tree(code.seed(SEED))
        assert tree.files() == SEED
        assert list(tree) == sorted(SEED)
        assert (len(tree), "train.py" in tree, "lib" in tree) == (2, True, False)
        assert tree.parent is None
        with pytest.raises(KeyError):
            tree.read("lib")

    def test_the_tree_id_is_that_of_the_bundle(self, code: CodeRepository) -> None:
        assert code.tree(code.seed(SEED)).id == FileTree(SEED).id

    def test_the_same_commit_has_the_same_id(self, code: CodeRepository) -> None:
        seed = code.seed(SEED)
        assert child(code, seed, b"x", "why") == child(code, seed, b"x", "why")
        assert child(code, seed, b"x", "why") != child(code, seed, b"x", "because")

    def test_the_first_parent_is_what_was_edited(self, code: CodeRepository) -> None:
        seed = code.seed(SEED)
        other = child(code, seed, b"other")
        commit = code.commit({"train.py": b"new"}, [seed, other])
        tree = code.tree(commit)
        assert tree.parent is not None
        assert tree.parent.commit == seed
        assert tree.changed() == ("lib/net.py", "train.py")

    def test_the_other_parents_are_what_was_merged(self, code: CodeRepository) -> None:
        first, second, third = (code.commit({"a": text}, []) for text in (b"1", b"2", b"3"))
        both = code.tree(code.commit({"a": b"4"}, [first, second, third]))
        assert both.parent is not None and both.parent.commit == first
        assert [tree.commit for tree in both.merged] == [second, third]
        assert code.tree(first).merged == ()

    def test_a_seed_from_a_folder(self, code: CodeRepository, tmp_path: Path) -> None:
        folder = tmp_path / "recipe"
        (folder / "__pycache__").mkdir(parents=True)
        (folder / "__pycache__" / "x.pyc").write_bytes(b"x")
        (folder / "train.py").write_bytes(b"a = 1\n")
        assert code.tree(code.seed(folder)).files() == {"train.py": b"a = 1\n"}
        (folder / "link.py").symlink_to("train.py")
        with pytest.raises(RefusedNames, match="symbolic link"):
            code.seed(folder)

    def test_an_empty_recipe_is_refused(self, code: CodeRepository) -> None:
        with pytest.raises(UserError, match="no files"):
            code.seed({})

    @pytest.mark.parametrize("path", ["../x", "/x", ".git/config", "a/.GIT/x", "é.py", "a//b", ""])
    def test_names_that_cannot_stand_are_refused(self, code: CodeRepository, path: str) -> None:
        with pytest.raises(RefusedNames):
            code.commit({path: b""})

    @pytest.mark.parametrize("author", ["", "<>", "a\nb <x>", "\0", "opt im", "Ünï"])
    @pytest.mark.parametrize("message", ["", "\0\ud800", "two\n\nparagraphs"])
    def test_strange_authors_and_messages(
        self, code: CodeRepository, git: Git, author: str, message: str
    ) -> None:
        commit = code.commit(SEED, message=message, author=author)
        assert git("log", "--format=%H", commit).split() == [commit]

    def test_unknown_commits(self, code: CodeRepository) -> None:
        for name in ("0" * 40, "nonsense", "", "trial/0001"):
            assert name not in code
            with pytest.raises(KeyError):
                code.tree(name)

    def test_what_is_no_plain_file_is_named(self, code: CodeRepository) -> None:
        git = pygit2.Repository(str(code.path))
        builder = git.TreeBuilder()
        builder.insert("link", git.create_blob(b"train.py"), FileMode.LINK)
        me = pygit2.Signature("x", "x@x", 0, 0)
        commit = git.create_commit(None, me, me, "", builder.write(), [])
        tree = code.tree(str(commit))
        assert tree.kind("link") == "a symbolic link"
        assert tree.files() == {}
        with pytest.raises(KeyError):
            tree.read("link")

    def test_objects_are_synced(self, code: CodeRepository) -> None:
        assert pygit2.Config(str(code.path / "config"))["core.fsync"] == "committed,reference"

    def test_places(self, code: CodeRepository, tmp_path: Path) -> None:
        with pytest.raises(UserError, match="exists already"):
            CodeRepository.create(code.path)
        with pytest.raises(UserError, match="no git repository"):
            CodeRepository.open(tmp_path / "nowhere")
        commit = code.seed(SEED)
        assert commit in CodeRepository.open(code.path)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    files=st.lists(
        st.dictionaries(
            st.from_regex(r"[a-c]{1,2}(/[a-c]{1,2}){0,2}\.py", fullmatch=True),
            st.binary(max_size=20),
            min_size=1,
            max_size=5,
        ),
        min_size=1,
        max_size=4,
    )
)
def test_any_chain_of_trees_comes_back(code: CodeRepository, files: list[dict[str, bytes]]) -> None:
    tips: list[str] = []
    for tree in files:
        tips.append(code.commit(tree, tips[-1:]))
    for commit, tree in zip(tips, files, strict=True):
        assert code.tree(commit).files() == tree
        assert code.tree(commit).id == FileTree(tree).id


@given(st.text("aZ0_.+-=@,() /\\\u00e9", min_size=1, max_size=12))
def test_a_name_that_may_stand_is_one_that_the_evaluator_takes(path: str) -> None:
    if check_path(path) is None:
        assert list(FileTree({path: b""})) == [path]


class TestDiffs:
    def test_between_commits(self, code: CodeRepository) -> None:
        seed = code.seed(SEED)
        diff = code.diff(seed, child(code, seed, b"a = 1\nb = 5\nc = 3\n"))
        assert "-b = 2\n+b = 5\n" in diff

    def test_renames_are_seen(self, code: CodeRepository) -> None:
        seed = code.seed(SEED)
        moved = code.commit({"main.py": SEED["train.py"], "lib/net.py": SEED["lib/net.py"]}, [seed])
        assert "rename from train.py\nrename to main.py" in code.diff(seed, moved)

    def test_with_files_that_are_not_committed(self, code: CodeRepository) -> None:
        assert "+x\n" in code.diff_files(code.seed(SEED), {**SEED, "lib/net.py": b"x\n"})

    def test_a_log_follows_first_parents(self, code: CodeRepository) -> None:
        seed = code.seed(SEED)
        first = child(code, seed, b"1", "one")
        second = code.commit(SEED, [first, seed], "two", "arch")
        assert [(e.commit, e.message, e.author) for e in code.log(second)] == [
            (second, "two", "arch"),
            (first, "one", "optim"),
            (seed, "The recipe as it came", "autores"),
        ]
        assert len(code.log(second, limit=2)) == 2


class TestMerges:
    BASE = b"".join(b"line %d\n" % n for n in range(9))

    def merged(self, code: CodeRepository, ours: bytes | None, theirs: bytes | None) -> object:
        base = code.commit({"a.py": self.BASE, "b.py": b""})
        rest = {"b.py": b""}
        mine = rest if ours is None else {**rest, "a.py": ours}
        other = rest if theirs is None else {**rest, "a.py": theirs}
        return code.merge(base, mine, code.commit(other, [base]))

    def test_of_different_places(self, code: CodeRepository) -> None:
        ours, theirs = self.BASE.replace(b"line 1", b"1"), self.BASE.replace(b"line 7", b"7")
        both = ours.replace(b"line 7", b"7")
        assert self.merged(code, ours, theirs) == ({"a.py": both, "b.py": b""}, {})

    def test_of_one_place(self, code: CodeRepository) -> None:
        ours, theirs = self.BASE.replace(b"line 1", b"1"), self.BASE.replace(b"line 1", b"x")
        files, conflicts = self.merged(code, ours, theirs)  # type: ignore[misc]
        assert b"<<<<<<<" in files["a.py"]
        assert "both sides changed the same lines" in conflicts["a.py"]

    def test_of_a_deletion(self, code: CodeRepository) -> None:
        files, conflicts = self.merged(code, None, b"changed\n")  # type: ignore[misc]
        assert files["a.py"] == b"changed\n"
        assert "deleted here, changed there" in conflicts["a.py"]

    def test_of_what_is_no_text(self, code: CodeRepository) -> None:
        files, conflicts = self.merged(code, b"\xff\x01", b"\xfe\x02")  # type: ignore[misc]
        assert files["a.py"] == b"\xff\x01"
        assert list(conflicts) == ["a.py"]


class TestRefs:
    def test_people_see_trials(self, code: CodeRepository, git: Git) -> None:
        seed = code.seed(SEED)
        first = child(code, seed, b"a = 2\nb = 2\nc = 3\n", "more a")
        second = code.commit({**SEED, "lib/net.py": b"width = 8\n"}, [first], "wider", "arch")
        for trial, commit in enumerate((seed, first, second)):
            code.publish({trial: commit})
        told = git("log", "--format=%an: %s", "trial/0002")
        assert told.splitlines() == [
            "arch: wider",
            "optim: more a",
            "autores: The recipe as it came",
        ]
        assert git("diff", "--stat", "trial/0001", "trial/0002").splitlines()[:2] == [
            " lib/net.py | 2 +-",
            " train.py   | 2 +-",
        ]
        assert "+a = 2" in git("diff", "trial/0000", "trial/0001")
        assert git("show", "trial/0001:train.py") == "a = 2\nb = 2\nc = 3\n"

    def test_many_are_packed(self, code: CodeRepository, git: Git) -> None:
        seed = code.seed(SEED)
        for trial in range(BATCH + 3):
            code.publish({trial: seed})
        assert code.refs.packed_through == BATCH - 1
        assert len(list((code.path / "refs/tags/trial").iterdir())) == 3
        assert len(git("tag").splitlines()) == BATCH + 3

    def test_mending_after_a_crash(self, code: CodeRepository, git: Git) -> None:
        seed = code.seed(SEED)
        right = child(code, seed, b"right")
        for trial, commit in enumerate((seed, seed, seed)):
            code.publish({trial: commit})
        folder = code.path / "refs/tags/trial"
        (folder / "0001").write_bytes(b"")  # a power cut
        (folder / "0002.lock").write_bytes(b"half")
        again = CodeRepository.open(code.path)
        again.mend([(0, seed), (1, right)])  # and trial 2 was never accepted
        assert git("tag").split() == ["trial/0000", "trial/0001"]
        assert git("rev-parse", "trial/0001").strip() == right
        assert again.refs.packed_through == 1
        assert list(folder.iterdir()) == []

    def test_mending_nothing(self, code: CodeRepository, git: Git) -> None:
        code.mend([])
        assert code.refs.packed_through == -1
        assert git("tag") == ""

    def test_another_s_lock_is_respected_until_it_is_stale(self, code: CodeRepository) -> None:
        seed = code.seed(SEED)
        code.publish({0: seed})
        lock = code.path / "packed-refs.lock"
        lock.touch()
        assert not code.refs.pack()
        old = time.time() - STALE_SECONDS - 1
        os.utime(lock, (old, old))
        assert code.refs.pack()
        assert code.refs.packed_through == 0

    def test_what_git_packed_itself_is_kept(self, code: CodeRepository, git: Git) -> None:
        seed = code.seed(SEED)
        git("-c", "user.name=x", "-c", "user.email=x@x", "tag", "-a", "mine", "-m", "mine", seed)
        code.publish({0: seed})
        git("pack-refs", "--all")
        code.publish({1: seed})
        assert code.refs.pack()
        assert git("tag").split() == ["mine", "trial/0000", "trial/0001"]
        assert git("rev-parse", "mine^{commit}").strip() == seed

    def test_best_and_keeps(self, code: CodeRepository, git: Git) -> None:
        seed = code.seed(SEED)
        first, second = child(code, seed, b"1", "one"), child(code, seed, b"2", "two")
        code.mark_best(second)
        code.publish_keeps([seed, first, second])
        assert git("rev-parse", "best").strip() == second
        assert git("log", "--format=%s", "keeps").split("\n")[:2] == ["two", "one"]
        assert f"Trial-Commit: {second}" in git("log", "-1", "--format=%b", "keeps")
        code.publish_keeps([seed, first])
        assert git("log", "-1", "--format=%s", "keeps").strip() == "one"
        code.publish_keeps([])
        assert git("branch", "--list") == ""

    def test_garbage_is_not_collected_behind_our_back(self, code: CodeRepository, git: Git) -> None:
        draft = code.seed(SEED)
        git("gc", "--auto")
        assert draft in code
