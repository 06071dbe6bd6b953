from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from autores.records import Severity, Violation
from autores.status import Cause
from autores.tasks.airbench.legality import (
    ALL_LITERALS,
    ENTRY,
    LONGEST_FILE,
    LONGEST_LITERAL,
    check_effect,
    check_source,
    check_tree,
)
from autores.tasks.airbench.profiles import PROFILES

SEED = (Path(__file__).parents[3] / "tasks" / "airbench" / "recipe" / ENTRY).read_bytes()


class Files(dict[str, bytes]):
    def __iter__(self) -> Iterator[str]:
        return iter(sorted(super().__iter__()))

    parent: Files | None = None

    def read(self, path: str) -> bytes:
        return self[path]


def refused(source: bytes) -> set[str]:
    return {v.rule for v in check_source(ENTRY, source) if v.severity is Severity.REFUSE}


def test_the_seed_recipe_is_clean() -> None:
    assert list(check_tree(Files({ENTRY: SEED}))) == []


def test_a_tree_without_its_entry_is_refused() -> None:
    (violation,) = check_tree(Files({"other.py": b"x = 1"}))
    assert (violation.rule, violation.cause) == ("entry", Cause.LAUNCH)


def test_other_files_are_looked_at_too() -> None:
    big = b"x = '" + b"a" * 500 + b"'"
    found = list(check_tree(Files({ENTRY: SEED, "extra.py": big, "note.txt": big})))
    assert [(v.rule, v.path) for v in found] == [("literal-size", "extra.py")]


HOLDERS = {
    "string": lambda n: f"x = {'a' * n!r}",
    "bytes": lambda n: f"x = {b'a' * n!r}",
    "unicode": lambda n: f"x = {'é' * (n // 2) + 'a' * (n % 2)!r}",
    "tuple of digits": lambda n: f"x = ({'7,' * n})",
    "list of floats": lambda n: f"x = [{'0.5,' * (n // 8)} {'7,' * (n % 8)}]",
    "dict": lambda n: f"x = {{{''.join(f'{i % 128}: y,' for i in range(n))}}}",
    "integer": lambda n: f"x = {hex(256 ** (n - 1))}",
    "argument": lambda n: f"f(g={'a' * n!r})",
    "expression": lambda n: f"x = 1\n{'a' * n!r}",
    "f-string": lambda n: f"x = f'{{y}}{'a' * n}'",
    "default": lambda n: f"def f(x={'a' * n!r}):\n    pass",
    "annotation": lambda n: f"x: {'a' * n!r} = 1",
}


@settings(deadline=None)
@given(kind=st.sampled_from(sorted(HOLDERS)), size=st.integers(1, 3 * LONGEST_LITERAL))
@example(kind="string", size=LONGEST_LITERAL)
@example(kind="string", size=LONGEST_LITERAL + 1)
def test_a_literal_is_refused_exactly_above_its_limit(kind: str, size: int) -> None:
    source = SEED + b"\n\n" + HOLDERS[kind](size).encode()
    assert ("literal-size" in refused(source)) == (size > LONGEST_LITERAL)


@settings(deadline=None)
@given(st.integers(0, 60))
def test_many_small_literals_are_refused_together(count: int) -> None:
    source = "".join(f"x{i} = {'a' * 200!r}\n" for i in range(count)).encode()
    assert ("literals-size" in refused(source)) == (200 * count > ALL_LITERALS)


@settings(deadline=None)
@given(st.integers(0, 20_000))
def test_docstrings_are_free(size: int) -> None:
    text = "word " * (size // 5)
    assert refused(f'def f():\n    """A. {text}"""\n'.encode()) == set()


@settings(deadline=None)
@given(st.binary(max_size=400))
@example(b"\x00")
@example(b"\xff\xfe")
@example(b"(" * 5_000)
@example(b"-" * 50_000 + b"1")
@example(b"x = " + b"9" * 5_000)
@example(b"# coding: nonsense\n")
@example("ｈarness = '\ud800'".encode("utf-8", "surrogatepass"))
def test_the_gate_never_crashes(data: bytes) -> None:
    for violation in check_source(ENTRY, data):
        assert isinstance(violation, Violation)
        assert violation.fix


@settings(deadline=None)
@given(
    st.sampled_from(["def f(:", "x = (", "return 1 +", "\tx\n  y", "if True:\nx"]), st.booleans()
)
def test_what_python_cannot_read_is_syntax(damage: str, before: bool) -> None:
    parts = [damage.encode() + b"\n", SEED]
    (violation,) = check_source(ENTRY, b"".join(parts if before else parts[::-1]))
    assert (violation.rule, violation.cause) == ("syntax", Cause.SYNTAX)


@pytest.mark.parametrize(
    ("name", "rule"),
    [("harness.done(", "done"), ("harness.serve(", "serve"), (".ready()", "ready")],
)
def test_a_recipe_that_forgets_a_call_is_warned(name: str, rule: str) -> None:
    source = SEED.replace(name.encode(), name.replace(rule, "forgotten").encode())
    assert source != SEED
    (violation,) = check_source(ENTRY, source)
    assert violation.severity is Severity.WARN
    assert rule in violation.message


TIMED = """
import sys, time
from autores.tasks.airbench.legality import check_source
source = sys.stdin.buffer.read()
begin = time.process_time()
list(check_source("train.py", source))
print(time.process_time() - begin)
"""


@pytest.mark.parametrize(
    "filler",
    [b"x = y + z\n", b"f(a, b, c, d)\n", b"y\n", b"(((((a)))))\n", b"x = 1\n", b"def f(): pass\n"],
)
def test_a_recipe_of_200_kb_takes_less_than_a_second(filler: bytes) -> None:
    source = SEED + b"\n" + filler * ((LONGEST_FILE - len(SEED) - 1) // len(filler))
    worker = [sys.executable, "-c", TIMED]  # gates run in a process of their own
    done = subprocess.run(worker, input=source, capture_output=True, check=True)
    assert float(done.stdout) < 1.0


def test_a_file_above_200_kb_is_refused_unread() -> None:
    assert refused(b"(" * (LONGEST_FILE + 1)) == {"file-size"}


@pytest.mark.parametrize(
    ("edits", "profile", "idle"),
    [
        ({"keep = 0.5": "keep = 0.4"}, "micro", True),
        ({"keep = 0.5": "keep = 0.4", "proxy_every = 4": "proxy_every = 2"}, "cpu", True),
        ({"keep = 0.5": "keep = 0.4", "lr = 9.0": "lr = 8.0"}, "micro", False),
        ({"keep = 0.5": "keep = 0.4"}, "paper", False),
        ({"keep = 0.5": "keep = (("}, "micro", False),
        ({"keep = 0.5": "keep = lr"}, "micro", False),
        ({}, "micro", False),
    ],
)
def test_what_lies_idle_in_a_profile_is_not_measured(
    edits: dict[str, str], profile: str, idle: bool
) -> None:
    text = SEED.decode()
    for old, new in edits.items():
        assert old in text
        text = text.replace(old, new)
    tree = Files({ENTRY: text.encode()})
    tree.parent = Files({ENTRY: SEED})
    found = [v.rule for v in check_effect(tree, PROFILES[profile].sizes)]
    assert found == (["no-effect"] if idle else [])


def test_the_seed_itself_was_not_edited() -> None:
    assert not list(check_effect(Files({ENTRY: SEED}), PROFILES["micro"].sizes))
