from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autores.globs import is_editable, matches, matches_any
from autores.records import Recipe


@pytest.mark.parametrize(
    ("path", "glob"),
    [
        ("train.py", "train.py"),
        ("train.py", "*.py"),
        ("train.py", "**/*.py"),
        ("a/b/train.py", "**/*.py"),
        ("a/b/c", "a/**"),
        ("data1.txt", "data[0-9].txt"),
        ("dataX.txt", "data[!0-9].txt"),
        ("a.b", "?.b"),
        ("a[b", "a[b"),
    ],
)
def test_what_a_glob_means(path: str, glob: str) -> None:
    assert matches(path, glob)


@pytest.mark.parametrize(
    ("path", "glob"),
    [
        ("a/train.py", "*.py"),
        ("train_py", "train.py"),
        ("train.py.bak", "*.py"),
        ("xtrain.py", "train.py"),
        ("a/b", "a?b"),
        ("a/b", "a[!x]b"),
        ("a", "a/**"),
    ],
)
def test_what_it_does_not_mean(path: str, glob: str) -> None:
    assert not matches(path, glob)


@given(st.text(max_size=20))
def test_any_text_is_some_glob_and_double_stars_mean_everything(text: str) -> None:
    matches("train.py", text)
    assert matches(text, "**")


def test_protected_wins_over_editable() -> None:
    recipe = Recipe(path="/r", editable=("**/*.py",), protected=("evaluate.py", "lib/**"))
    assert is_editable(recipe, "train.py")
    assert not is_editable(recipe, "evaluate.py")
    assert not is_editable(recipe, "lib/deep/x.py")
    assert not is_editable(recipe, "notes.md")
    assert not matches_any("train.py", ())
