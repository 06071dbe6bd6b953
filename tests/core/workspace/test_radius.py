from __future__ import annotations

import ast
from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autores.evaluator.trees import FileTree
from autores.records import EditSize, Radius, Recipe
from autores.workspace.radius import edit_size

RECIPE = Recipe(
    path="/nowhere",
    editable=("**/*",),
    may_add_files=True,
    surfaces={
        "optimizer": ("train.py::lr", "train.py::Muon", "train.py::step"),
        "schedule": ("train.py::train",),
        "architecture": ("train.py::Net", "net.py"),
        "data": ("data/*.toml",),
    },
)
SOURCE = '''\
"""A recipe."""
import os

lr = 0.1  # rate
names = ("a", "b")


class Net(Base):
    width = 4

    def forward(self, x, scale=2):
        """Think."""
        return x * self.width * scale


def step(loss):
    loss.backward()


def train(steps):
    for i in range(steps):
        if i % 2:
            step(i)
    return 1


if __name__ == "__main__":
    train(3)
'''


def size(old: str, new: str, path: str = "train.py") -> EditSize:
    return trees({path: old}, {path: new})


def trees(before: Mapping[str, str | bytes], after: Mapping[str, str | bytes]) -> EditSize:
    old, new = (
        FileTree({p: t.encode() if isinstance(t, str) else t for p, t in files.items()})
        for files in (before, after)
    )
    return edit_size(old, new, RECIPE)


def edited(old: str, new: str) -> EditSize:
    assert SOURCE.count(old) == 1
    return size(SOURCE, SOURCE.replace(old, new))


@pytest.mark.parametrize(
    ("old", "new", "radius", "surfaces"),
    [
        ("0.1", "0.2", Radius.LITERAL, "optimizer"),
        ("0.1", "-1 / 9", Radius.LITERAL, "optimizer"),
        ('("a", "b")', '("a", "c", "d")', Radius.LITERAL, ""),
        ("scale=2", "scale=3", Radius.LITERAL, "architecture"),
        ("width = 4", "width = 5", Radius.LITERAL, "architecture"),
        ("i % 2", "i % 3", Radius.LITERAL, "schedule"),
        ("# rate", "# the rate", Radius.LITERAL, ""),
        ('"""Think."""', '"""Think more."""', Radius.LITERAL, ""),
        ("train(3)", "train(4)", Radius.LITERAL, "schedule"),
        ("x * self.width", "x + self.width", Radius.LOCAL, "architecture"),
        ("lr = 0.1", "lr = 0.1 * float(1)", Radius.LOCAL, "optimizer"),
        ("return 1", "print(steps)\n    return 1", Radius.LOCAL, "schedule"),
        ("scale=2", "scale=2, bias=0", Radius.STRUCTURAL, "architecture"),
        ("(Base)", "(Other)", Radius.STRUCTURAL, "architecture"),
        ("import os", "import os, sys", Radius.STRUCTURAL, ""),
        ("return 1", "import sys\n    return 1", Radius.STRUCTURAL, "schedule"),
        ("if i % 2", "if i % 2 and i", Radius.STRUCTURAL, "schedule"),
        ("step(i)", "step(i)\n            break", Radius.STRUCTURAL, "schedule"),
        ("range(steps)", "range(steps - i)", Radius.STRUCTURAL, "schedule"),
        ("lr = 0.1", "lr = 0.1\nmomentum = 1", Radius.STRUCTURAL, ""),
        ("def step", "@cache\ndef step", Radius.STRUCTURAL, "optimizer"),
        ("class Net", "def f(): ...\n\n\nclass Net", Radius.STRUCTURAL, ""),
    ],
)
def test_one_edit(old: str, new: str, radius: Radius, surfaces: str) -> None:
    found = edited(old, new)
    assert (found.radius, " ".join(found.surfaces)) == (radius, surfaces)
    assert found.files == ("train.py",)


def test_lines_are_counted_as_a_diff_counts_them() -> None:
    found = edited("lr = 0.1  # rate\n", "lr = 0.2\n\nx = 3\n")
    assert (found.added, found.removed) == (3, 1)


def test_nothing_changed() -> None:
    assert size(SOURCE, SOURCE) == EditSize(radius=Radius.LITERAL)


def test_a_loop_that_does_not_train_is_local() -> None:
    old = "def f(n):\n    for i in n:\n        print(i)\n"
    assert size(old, old.replace("in n", "in n[1:]")).radius is Radius.LOCAL


def test_the_larger_radius_of_two_files_counts() -> None:
    before = {"train.py": "lr = 1\n", "net.py": "def f():\n    return g(1)\n"}
    after = {"train.py": "lr = 2\n", "net.py": "def f():\n    return h(1)\n"}
    found = trees(before, after)
    assert found.radius is Radius.LOCAL
    assert found.surfaces == ("architecture", "optimizer")
    assert found.files == ("net.py", "train.py")


class TestFiles:
    def test_added(self) -> None:
        found = trees({}, {"net.py": "a = 1\nb = 2\n"})
        assert found == EditSize(
            radius=Radius.STRUCTURAL, surfaces=("architecture",), files=("net.py",), added=2
        )

    def test_deleted(self) -> None:
        found = trees({"net.py": "a = 1\n"}, {})
        assert (found.radius, found.removed) == (Radius.STRUCTURAL, 1)

    def test_renamed_with_an_edit_counts_the_edit_alone(self) -> None:
        text = "".join(f"a{i} = {i}\n" for i in range(20))
        found = trees({"net.py": text}, {"layers.py": text.replace("a7 = 7", "a7 = 8")})
        assert found == EditSize(
            radius=Radius.STRUCTURAL,
            surfaces=("architecture",),
            files=("layers.py", "net.py"),
            added=1,
            removed=1,
        )

    def test_unlike_files_are_no_rename(self) -> None:
        found = trees({"net.py": "a\nb\n"}, {"other.py": "c\nd\n"})
        assert (found.added, found.removed) == (2, 2)

    @pytest.mark.parametrize("content", ["a = 2", b"\xff\x00", ""])
    def test_no_python_is_structural(self, content: str | bytes) -> None:
        found = trees({"data/mix.toml": "a = 1"}, {"data/mix.toml": content})
        assert (found.radius, found.surfaces) == (Radius.STRUCTURAL, ("data",))

    @pytest.mark.parametrize(
        "broken", ["def f(:\n", "x = " + "(" * 5_000, "\0", "é".encode("utf-16")]
    )
    def test_a_syntax_error_is_structural(self, broken: str | bytes) -> None:
        found = trees({"train.py": SOURCE}, {"train.py": broken})
        assert found.radius is Radius.STRUCTURAL
        assert set(found.surfaces) == {"architecture", "optimizer", "schedule"}

    def test_mending_a_syntax_error_is_structural(self) -> None:
        assert size("def f(:\n", "lr = 1\n").radius is Radius.STRUCTURAL

    def test_code_nested_too_deep_is_structural(self) -> None:
        deep = "lr = " + "-" * 900 + "x\n"
        assert size("lr = 1\n", deep).radius is Radius.STRUCTURAL


# --------------------------------------------------------------------------- properties

numbers = st.one_of(st.integers(0, 10**6), st.floats(0, 1e6, allow_nan=False))


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_replacing_any_literals_is_literal(data: st.DataObject) -> None:
    module = ast.parse(SOURCE)
    for node in ast.walk(module):
        if isinstance(node, ast.Constant) and not isinstance(node.value, str):
            node.value = data.draw(numbers)
    assert size(SOURCE, ast.unparse(module)).radius is Radius.LITERAL


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(["forward", "step", "train"]), st.text("abcxyz", min_size=1, max_size=5))
def test_a_statement_in_a_function_is_at_least_local(function: str, name: str) -> None:
    module = ast.parse(SOURCE)
    for node in ast.walk(module):
        if isinstance(node, ast.FunctionDef) and node.name == function:
            node.body.insert(0, ast.parse(f"_{name} = print()").body[0])
    assert size(SOURCE, ast.unparse(module)).radius is Radius.LOCAL


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.sampled_from("abc\n"), max_size=30), st.lists(st.sampled_from("abc\n"), max_size=30)
)
def test_line_counts_balance(old: list[str], new: list[str]) -> None:
    before, after = "".join(old), "".join(new)
    found = size(before, after, "data/x.toml")
    assert found.added - found.removed == len(after.splitlines()) - len(before.splitlines())
    back = size(after, before, "data/x.toml")
    assert (back.radius, back.files) == (found.radius, found.files)


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=60))
def test_any_text_has_a_size(text: str) -> None:
    data = text.encode("utf-8", "surrogatepass")
    found = trees({"train.py": SOURCE}, {"train.py": data})
    assert found.files == ("train.py",)


def test_much_of_the_same_is_compared_quickly() -> None:
    old = "".join(f"{'ab'[i % 2]}\n" for i in range(30_000))
    found = size(old, old[2:] + "c\n", "data/x.toml")
    assert found.added - found.removed == 0
