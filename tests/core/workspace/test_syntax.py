from __future__ import annotations

import ast

import pytest

from autores.workspace import syntax


def units(source: str) -> tuple[syntax.Unit, ...]:
    module = syntax.parse(source.encode())
    assert module is not None
    return syntax.units(module)


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("a = b = 1", ["a b"]),
        ("(a, *b), c[0], d.e = f", ["a b c d"]),
        ("a: int = 1\na += 1", ["a", "a"]),
        ("'doc'\n1\n", []),
        ("import a\nfrom b import c", ["", ""]),
        ("print(1)", [""]),
        ("if x:\n    a = 1\nelse:\n    def b(): ...", ["a b"]),
        ("try:\n    a = 1\nexcept E:\n    b = 2\nfinally:\n    c = 3", ["a c b"]),
        ("for i, j in x:\n    with y as z:\n        k = 1", ["i j z k"]),
        ("match x:\n    case 1:\n        a = 1", ["a"]),
        ("while x:\n    pass", [""]),
        ("async def f():\n    a = 1", ["f"]),
        (
            "@d\nclass A(B):\n    'doc'\n    x = 1\n    def f(self): ...\n"
            + "    class C:\n        y = 2\n    print(1)\n",
            ["A", "A.x", "A.f", "A.C", "A.C.y", "A"],
        ),
    ],
)
def test_units_and_what_they_bind(source: str, names: list[str]) -> None:
    assert [" ".join(unit.names) for unit in units(source)] == names


def test_lines_of_a_unit() -> None:
    decorated, header, method = units(
        "@d\ndef f():\n    pass\n\n@e\nclass A(\n    B\n):\n    def g(): ...\n"
    )
    assert (decorated.first, decorated.last) == (1, 3)
    assert (header.first, header.last) == (5, 7)
    assert (method.first, method.last) == (9, 9)


@pytest.mark.parametrize(
    ("source", "private"),
    [
        ("_a = 1", True),
        ("_a = b = 1", False),
        ("class A:\n    def _f(self): ...", True),
        ("class A:\n    def __init__(self): ...", False),
        ("print(1)", False),
    ],
)
def test_private(source: str, private: bool) -> None:
    assert units(source)[-1].is_private is private


@pytest.mark.parametrize(
    ("text", "literal"),
    [
        ("1", True),
        ("-1 / 9 + 2j", True),
        ("('a', [1, {2}], {3: None})", True),
        ("not True", True),
        ("x", False),
        ("f'{x}'", False),
        ("{**x}", False),
        ("[1, x]", False),
        ("f(1)", False),
    ],
)
def test_literals(text: str, literal: bool) -> None:
    node = ast.parse(text, mode="eval").body
    assert (node in syntax.literals_in(node)) is literal


def test_equal_values_of_other_types_differ() -> None:
    one, true, real = (syntax.forms(units(f"a = {text}")[0]) for text in ("1", "True", "1.0"))
    assert len({one, true, real}) == 3


def test_layout_comments_and_docstrings_do_not_count() -> None:
    (first,), (second,) = (
        units("def f(a,b): 'x'; return (a)"),
        units("def f(a, b):\n  # y\n  return a"),
    )
    assert syntax.forms(first) == syntax.forms(second)


@pytest.mark.parametrize(
    "data",
    [
        b"def",
        b"\0",
        b"\xff",
        b"x = 1" + b"0" * 5_000,
        b"#" * (2 << 20),
        b"def f():\n" + b" pass\n" * syntax.MOST_NODES,
        b"pass\n" * (syntax.MOST_UNITS + 1),
        b"class C:\n" + b" pass\n" * syntax.MOST_UNITS,
        b"x = f'" + b"{a}" * 40_000 + b"'",
    ],
)
def test_what_is_not_read(data: bytes) -> None:
    assert syntax.parse(data) is None
    assert syntax.fault(data) is not None


def test_a_fault_has_its_line() -> None:
    assert syntax.fault(b"a = 1\nb = = 2\n") == ("invalid syntax", 2)
    assert syntax.fault(b"a = 1\n") is None


def test_the_deepest_nesting_that_is_read_can_be_worked_with() -> None:
    depth = max(n for n in range(300) if syntax.parse(b"a = " + b"-" * n + b"x"))
    assert depth > 50
    deep = units("a = " + "-" * depth + "x")[0]
    literals = syntax.literals_in(*deep.parts)
    assert syntax.forms(deep, hide=literals.__contains__)
    assert syntax.parse(b"a = " + b"-" * (depth + 1) + b"x") is None


def test_warnings_of_the_parser_are_not_ours() -> None:
    assert syntax.parse(b"a = '\\d'\n") is not None
