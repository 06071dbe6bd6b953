from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest

from autores.tasks.parameter_golf.packing import ENTRY, minified, packed

RECIPE = Path(__file__).parents[3] / "tasks" / "parameter_golf" / "recipe" / ENTRY
SAMPLE = b'''"""A docstring
over two lines."""

import math  # why


class Empty:
    """Nothing but this."""


def area(radius):
    """Say it."""
    # a remark
    text = """kept
        as it is"""
    if radius > 0:
        "a bare string"
        return (math.pi
                * radius ** 2)
    return len(text)
'''


def _run(source: bytes) -> dict[str, Any]:
    scope: dict[str, Any] = {"__name__": "packed"}
    exec(compile(source, ENTRY, "exec"), scope)  # noqa: S102
    return scope


def test_what_is_minified_does_the_same() -> None:
    short = minified(SAMPLE)
    assert len(short) < 0.8 * len(SAMPLE)
    assert b"remark" not in short
    assert b"why" not in short
    assert b"Say it" not in short
    assert b"bare" not in short
    before, after = _run(SAMPLE), _run(short)
    assert before["area"](2) == after["area"](2)
    assert before["area"](0) == after["area"](0) == 21


def test_lines_stay_where_they_were() -> None:
    for source in (SAMPLE, RECIPE.read_bytes()):
        old, new = (
            [n.lineno for n in ast.walk(ast.parse(s)) if isinstance(n, ast.FunctionDef)]
            for s in (source, minified(source))
        )
        assert old == new


def test_names_stay() -> None:
    assert {n.id for n in ast.walk(ast.parse(minified(SAMPLE))) if isinstance(n, ast.Name)} == {
        n.id for n in ast.walk(ast.parse(SAMPLE)) if isinstance(n, ast.Name)
    }


def test_what_is_packed_runs_and_names_its_file() -> None:
    source = SAMPLE + b"\n" + b"\n".join(b"x%d = area(%d) + 1" % (i, i) for i in range(300))
    program = packed(source)
    assert len(program) < len(source) / 2
    assert program.count(b"\n") == 2
    scope = _run(program)
    assert scope["x7"] == _run(source)["x7"]
    assert scope["area"].__code__.co_filename == ENTRY


def test_a_trace_names_the_line_that_was_edited() -> None:
    source = SAMPLE + b"# a remark\n" * 200 + b"\n" + b"y = 1\n" * 200 + b"raise ValueError\n"
    program = packed(source)
    assert program != source
    with pytest.raises(ValueError) as caught:
        _run(program)
    assert caught.traceback[-1].lineno + 1 == source.count(b"\n")


def test_the_shorter_form_counts() -> None:
    assert packed(b"x = 1\n") == b"x = 1\n"
    recipe = RECIPE.read_bytes()
    assert len(packed(recipe)) < len(recipe) / 2.5


@pytest.mark.parametrize("source", [b"def f(:\n", b"\xff\xfe", b"", b"if 1:\n\tx = 1\n"])
def test_what_cannot_be_shortened_stays(source: bytes) -> None:
    assert len(minified(source)) <= len(source)
    assert len(packed(source)) <= len(source)
