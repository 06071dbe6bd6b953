from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autores.workspace import names

PLAIN = st.from_regex(r"[a-z_][a-z0-9_]{0,12}(\.py)?", fullmatch=True).filter(
    lambda name: names.check_path(name) is None
)


@pytest.mark.parametrize(
    ("path", "rule"),
    [
        ("/etc/passwd", "name-absolute"),
        ("C:/x", "name-absolute"),
        ("a\\b", "name-backslash"),
        ("", "name-empty"),
        ("a//b", "name-empty"),
        ("a/", "name-empty"),
        ("../a", "name-dots"),
        ("a/./b", "name-dots"),
        ("cafe\u0301.py", "name-normalised"),
        ("caf\u00e9.py", "name-ascii"),
        ("\udcff.py", "name-ascii"),
        (".git", "name-git"),
        (".GitModules", "name-git"),
        ("a/.gitattributes", "name-git"),
        ("GIT~1/config", "name-git"),
        ("aux", "name-device"),
        ("a/Com1.txt", "name-device"),
        ("nul .py", "name-device"),
        ("-rf", "name-characters"),
        ("a\nb", "name-characters"),
        ("a*.py", "name-characters"),
        ("a:b", "name-absolute"),
        ("aa:b", "name-characters"),
        ("trailing ", "name-characters"),
        ("trailing.", "name-characters"),
        ("a" * 101, "name-long"),
        ("/".join(["abcdefghijkl"] * 20), "name-long"),
        ("/".join("abcdefghijklm"), "name-deep"),
    ],
)
def test_a_name_is_refused_by_the_rule_that_says_why(path: str, rule: str) -> None:
    violation = names.check_path(path)
    assert violation is not None
    assert violation.rule == rule
    assert violation.message and violation.fix
    assert violation.path.isprintable() and violation.path.isascii()


@pytest.mark.parametrize("path", ["train.py", "a/b/c.py", ".config", "model-v1.2+x.py", "com.py"])
def test_usual_names_are_fine(path: str) -> None:
    assert names.check_path(path) is None


@given(st.text(max_size=30))
def test_what_passes_is_plain_ascii_below_the_root(path: str) -> None:
    if names.check_path(path) is None:
        assert path.isascii() and path.isprintable()
        assert not path.startswith("/") and "\\" not in path and "*" not in path
        assert not {"", ".", ".."} & set(path.split("/"))
        assert not any(part.lower().startswith(".git") for part in path.split("/"))


@given(st.lists(PLAIN, max_size=8, unique_by=str.lower))
def test_plain_names_side_by_side_are_fine(paths: list[str]) -> None:
    assert list(names.check_paths(paths)) == []


@given(PLAIN.filter(lambda name: name[0] in string.ascii_lowercase), PLAIN)
def test_two_names_for_one_file_are_refused(name: str, folder: str) -> None:
    twice = [f"{folder}/{name}", f"{folder}/{name[0].upper()}{name[1:]}"]
    assert [v.rule for v in names.check_paths(twice)] == ["name-twice"]


def test_a_file_cannot_be_a_folder_too() -> None:
    assert [v.rule for v in names.check_paths(["a", "a/b"])] == ["name-twice"]
    assert [v.rule for v in names.check_paths(["Lib/a", "lib/b"])] == ["name-twice"]
    assert list(names.check_paths(["lib/a", "lib/b", "liba"])) == []


def test_too_many_files_are_refused_once() -> None:
    paths = [f"f{i}.py" for i in range(names.MOST_FILES + 1)]
    assert [v.rule for v in names.check_paths(paths)] == ["files-many"]


def test_the_error_names_the_first_and_counts_the_rest() -> None:
    with pytest.raises(names.RefusedNames, match=r"name-dots.*and 1 more") as caught:
        names.require_plain(["../a", ".git/b"])
    assert len(caught.value.violations) == 2
