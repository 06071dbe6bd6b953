"""All families together, and each of the small ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autores.plugins import gates
from autores.plugins.gates.syntax import MOST_COMPILED
from autores.records import Radius, Severity, Specialist, Violation
from autores.status import Cause

Judge = Callable[..., tuple[Violation, ...]]
SOURCE = '''\
"""A recipe."""
import torch

lr = 0.1


class Net:
    width = 4


def step(loss):
    return loss * lr
'''
SEED = {"train.py": SOURCE, "fixed.py": "x = 1\n", "notes.txt": "n\n"}
OPTIM = Specialist(key="optim", title="O", surfaces=("optimizer",), radius=Radius.LOCAL)


def rules(violations: tuple[Violation, ...]) -> list[str]:
    return [violation.rule for violation in violations]


def with_(path: str, text: str | bytes) -> dict[str, str | bytes]:
    return {**SEED, path: text}


def test_nothing_is_said_of_the_seed_nor_of_no_edit(judge: Judge) -> None:
    assert judge(None, SEED) == ()
    assert judge(SEED, SEED, who=OPTIM) == ()


def test_every_setting_has_a_help() -> None:
    assert all(f.metadata.get("help") for f in fields(gates.Settings))


@pytest.mark.parametrize(
    ("path", "text", "rule"),
    [
        ("train.py", "def f(:\n", "syntax"),
        ("train.py", "return 1\n", "syntax"),
        ("train.py", "x = 1\0", "syntax"),
        ("train.py", "lr = " + "-" * 200 + "1\n", "syntax"),
        ("fixed.py", "x = 2\n", "protected-file"),
        ("notes.txt", "m\n", "not-editable"),
        ("new.py", "y = 1\n", "file-added"),
        ("train.py", SOURCE + "# abc\n" * 90_000, "file-size"),
        ("train.py", SOURCE + "import socket\n", "forbidden-name"),
    ],
)
def test_one_violation_with_rule_place_and_fix(
    judge: Judge, path: str, text: str, rule: str
) -> None:
    (found,) = judge(SEED, with_(path, text))
    assert (found.rule, found.path, found.severity) == (rule, path, Severity.REFUSE)
    assert found.fix.endswith(".")
    assert found.message.endswith(".")
    assert found.cause is (Cause.SYNTAX if rule == "syntax" else Cause.ILLEGAL)


@pytest.mark.parametrize(
    "text",
    [
        "def f():\n" + " pass\n" * MOST_COMPILED,
        "try: a\nfinally:\n try: b\n finally: c\n",
        "def f():\n try:\n" + "  if a: return\n" * 500 + " finally:\n" + "  b()\n" * 200,
    ],
    ids=["much code", "finally in finally", "ways out to finally"],
)
def test_what_compilers_may_take_long_for_is_parsed_alone(judge: Judge, text: str) -> None:
    """Only a compiler would refuse the last line."""
    assert "syntax" not in rules(judge(SEED, with_("train.py", f"{SOURCE}{text}return\n")))


def test_the_code_of_a_tree_that_is_too_large_is_not_read(judge: Judge) -> None:
    files = {f"f{number}.py": "def f(:\n" for number in range(400)}
    assert "syntax" not in rules(judge(SEED, {**SEED, **files}))


def test_the_line_of_a_syntax_error(judge: Judge) -> None:
    (found,) = judge(SEED, with_("train.py", SOURCE + "def f(:\n"))
    assert found.line == 13


def test_a_broken_file_elsewhere_is_not_this_edit_s_fault(judge: Judge) -> None:
    before = {**SEED, "other.py": "def f(:\n"}
    assert judge(before, {**before, "train.py": SOURCE + "\n"}) == ()


class TestFiles:
    def test_deleting_a_protected_file(self, judge: Judge) -> None:
        after = {path: text for path, text in SEED.items() if path != "fixed.py"}
        assert rules(judge(SEED, after)) == ["protected-file"]

    def test_new_files_where_the_task_allows_them(self, judge: Judge) -> None:
        assert judge(SEED, with_("new.py", "y = 1\n"), may_add_files=True) == ()

    def test_names_that_other_systems_read_differently(self, judge: Judge) -> None:
        found = judge(SEED, with_("aux.py", "y = 1\n"), may_add_files=True)
        assert rules(found) == ["name-device"]


class TestSize:
    def test_of_the_tree(self, judge: Judge) -> None:
        found = judge(SEED, SEED, tree_bytes=100)
        assert rules(found) == ["tree-size"]
        assert "at most 100" in found[0].message

    def test_of_the_number_of_files(self, judge: Judge) -> None:
        assert rules(judge(SEED, SEED, files=2)) == ["tree-files"]


class TestScope:
    EDIT = with_("train.py", SOURCE.replace("width = 4", "width = 5"))

    @pytest.mark.parametrize(
        ("scope", "severities"),
        [("enforce", [Severity.REFUSE]), ("warn", [Severity.WARN]), ("off", [])],
    )
    def test_outside_the_surfaces(
        self, judge: Judge, scope: str, severities: list[Severity]
    ) -> None:
        found = judge(SEED, self.EDIT, who=OPTIM, scope=scope)
        assert [violation.severity for violation in found] == severities

    def test_says_whose_it_is(self, judge: Judge) -> None:
        (found,) = judge(SEED, self.EDIT, who=OPTIM)
        assert str(found).startswith(
            "train.py:8: scope: Net.width belongs to model; optim owns optimizer."
        )

    def test_what_is_merged_is_neither_outside_nor_too_far(self, judge: Judge) -> None:
        theirs = self.EDIT["train.py"]
        wider = with_("train.py", str(theirs).replace("width = 4", "width = 4\n    depth = 2"))
        assert judge(SEED, wider, who=OPTIM, merged=wider) == ()
        assert rules(judge(SEED, wider, who=OPTIM, merged=SEED))[0] == "scope"

    def test_a_larger_radius_is_a_warning(self, judge: Judge) -> None:
        after = with_("train.py", SOURCE.replace("step(loss)", "step(loss, rate=1)"))
        (found,) = judge(SEED, after, who=OPTIM)
        assert (found.rule, found.severity) == ("radius", Severity.WARN)
        assert found.message == "a structural edit; optim makes local ones."

    def test_a_smaller_radius_is_welcome(self, judge: Judge) -> None:
        after = with_("train.py", SOURCE.replace("lr = 0.1", "lr = 0.2"))
        assert judge(SEED, after, who=OPTIM) == ()


@settings(
    max_examples=80,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(content=st.one_of(st.binary(max_size=80), st.text(max_size=80)))
def test_any_content_gets_an_answer(judge: Judge, content: bytes | str) -> None:
    data = content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass")
    found = judge(SEED, with_("train.py", data), who=OPTIM)
    assert all(v.rule and v.message and v.fix for v in found)
    try:
        compile(data, "train.py", "exec")
    except (SyntaxError, ValueError):
        assert "syntax" in rules(found)
    except SyntaxWarning:
        pass
