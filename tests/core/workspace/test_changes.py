from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from autores.evaluator.trees import FileTree
from autores.workspace.changes import differing, file_changes
from autores.workspace.repository import CodeRepository

words = st.lists(st.sampled_from("abcd"), max_size=30)


@given(words, words)
def test_what_is_left_on_both_sides_is_the_same(old: list[str], new: list[str]) -> None:
    gone, come = differing(old, new)
    kept = [word for i, word in enumerate(old) if i not in gone]
    assert kept == [word for i, word in enumerate(new) if i not in come]


@given(words)
def test_equal_sequences_do_not_differ(these: list[str]) -> None:
    assert differing(these, list(these)) == ([], [])


def _longest(old: list[str], new: list[str]) -> int:
    """The length of the longest common subsequence, by its definition."""
    row = [0] * (len(new) + 1)
    for a in old:
        above = row
        row = [0]
        for j, b in enumerate(new):
            row.append(above[j] + 1 if a == b else max(above[j + 1], row[j]))
    return row[-1]


@given(words, words)
def test_as_much_as_can_be_is_kept(old: list[str], new: list[str]) -> None:
    gone, _ = differing(old, new)
    assert len(old) - len(gone) >= _longest(old, new)


def test_very_repetitive_sequences_are_compared_without_their_order() -> None:
    old, new = ["x", *"ab" * 2_000, "y"], ["z", *"ba" * 2_000, "a", "w"]
    assert differing(old, new) == ([0, 4_001], [0, 4_001, 4_002])


def test_renames_are_found_by_what_they_share() -> None:
    before = {"a.py": b"1\n2\n3\n4\n", "b.py": b"x\n", "same.py": b""}
    after = {"c.py": b"1\n2\n3\n5\n", "d.py": b"y\n", "same.py": b""}
    found = file_changes(FileTree(before), FileTree(after))
    assert [(change.old, change.new) for change in found] == [
        ("b.py", None),
        ("a.py", "c.py"),
        (None, "d.py"),
    ]
    assert found[1].lines == ((4,), (4,))
    assert [c.old for c in file_changes(FileTree(before), FileTree(after), renames=False)] == [
        "a.py",
        "b.py",
        None,
        None,
    ]


def test_commits_and_files_in_memory_say_the_same(code: CodeRepository) -> None:
    before = {"a.py": b"x = 1\n", "b.py": b"y\n", "c/d.py": b""}
    after = {"a.py": b"x = 2\n", "c/d.py": b"", "c/e.py": b""}
    seed = code.seed(before)
    commit = code.commit(after, [seed])
    assert file_changes(code.tree(seed), code.tree(commit)) == file_changes(
        FileTree(before), FileTree(after)
    )
