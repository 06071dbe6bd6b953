"""Files of 200 kB that gates, parsers and compilers find hard, each for a reason of its own."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random

from autores.workspace.syntax import MOST_NODES, MOST_UNITS

SIZE = 200_000
_BLOCK = 40
"""Statements of a function."""


def lines(line: str, size: int = SIZE, most: int = SIZE) -> str:
    """As many lines as fit, which differ in their number `%`."""
    left, found = size, []
    for text in (line.replace("%", str(number)) + "\n" for number in range(most)):
        left -= len(text.encode())
        if left < 0:
            break
        found.append(text)
    return "".join(found)


def just_read(line: str, nodes: int, units: int = 1) -> str:
    """As many statements, of so many nodes each, as are still read, and comments after them.

    As many as may be units of their own are; the others stand in functions.
    """
    left = MOST_NODES - 1
    alone = lines(line, SIZE, min(left // nodes, MOST_UNITS * 9 // 10 // units))
    left -= nodes * alone.count("\n") // (line.count("\n") + 1)
    body = "\n".join(line.replace("%", f"%_{i}") for i in range(_BLOCK)).replace("\n", "\n ")
    block = f"def block_%():\n {body}"
    code = alone + lines(block, SIZE - len(alone.encode()), left // (nodes * _BLOCK + 2))
    return code + "#\n" * ((SIZE - len(code.encode())) // 2)


def one(before: str, part: str, after: str) -> str:
    """A single statement of as many parts as fit."""
    return before + lines(part, SIZE - len(before + after)).replace("\n", "") + after


def nested(line: str, depth: int, inner: str) -> str:
    """Blocks in blocks."""
    return "\n".join([*(" " * i + line for i in range(depth)), " " * depth + inner])


_FINALLY = "\n".join(f"{' ' * i}try: a\n{' ' * i}finally:" for i in range(18))
_TEXTS: Mapping[str, str | bytes] = {
    "small assignments": just_read("a% = 7", 3),
    "one assignment again and again": just_read("x = x + 1", 5),
    "nothing but pass": lines("pass"),
    "strings": just_read("'a%'", 2),
    "words that look like data": lines("# 0123456789abcdef%0123456789abcdef"),
    "such a word before much code": "# 0123456789abcdef0123456789\n" + just_read("x = a", 3),
    "numbers": just_read("%.5e%", 2),
    "one list": one("x = [", "%,", "]\n"),
    "one dictionary": one("x = {", "'%': %,", "}\n"),
    "one long string": one("x = '''", "a b c ", "'''\n"),
    "one long comment": one("# ", "a b c ", "\n"),
    "one f-string": one("x = f'", "{a}", "'\n"),
    "f-strings": just_read("f'{a}{b}%'", 7),
    "names with dots": just_read("a%." + ".".join("b" * 100), 103),
    "imported names with dots": "import a\n" + just_read("a.b%." + ".".join("b" * 99), 103),
    "forbidden names": just_read("x.a%.__globals__", 4),
    "imports": just_read("import a%", 2),
    "signs": just_read("y = " + 100 * "-" + "%", 103),
    "comparisons": just_read("a < b < c < d%", 6),
    "lists in lists": just_read("x = " + 90 * "[1, " + "a" + 90 * "]", 183),
    "one call": one("f(", "a%=1,", ")\n"),
    "calls": just_read("g%(a, b)", 5),
    "functions": just_read("def f%(a): return f%(a)", 8),
    "one function again and again": just_read("def f(): 0", 5),
    "functions in functions": just_read(nested("def f%(a):", 50, "f%(a)"), 156),
    "lambdas": just_read("lambda: 0", 4),
    "comprehensions": just_read("[a for a in b]", 6),
    "classes": just_read("class C%: a = 1", 4, 2),
    "locals beside lambdas": one("def f():\n ", "a%,", " = 1\n" + 1_000 * " lambda: 0\n"),
    "loops": just_read("for a in b: c%()", 6),
    "loops in loops": just_read(nested("for a in b:", 40, "backward(%)"), 126),
    "branches": just_read("if a: b%", 4),
    "finally in finally": f"{_FINALLY}\n{18 * ' '}b\n",
    "many ways out to finally": "def f():\n try:\n"
    + lines("  if a: return", SIZE // 2)
    + " finally:\n"
    + lines("  b()", SIZE // 2 - 100),
    "captures": one("match a:\n case [", "a%,", "]: b\n"),
    "decorators": lines("@a%", SIZE - 20) + "def f(): 0\n",
    "comments": lines("# %"),
    "empty lines": "\n" * SIZE,
    "an error in the end": lines("x = %", SIZE - 20) + "x = = 1\n",
    "an error after much of a call": one("x = f(", "a, ", "for\n"),
    "parentheses": "(" * SIZE,
    "zero bytes": bytes(SIZE),
    "any bytes": Random(3).randbytes(SIZE),
    "another encoding": lines("é = %").encode("utf-16"),
    "declared another encoding": b"# coding: latin-1\n"
    + lines("\xe9%=1", 150_000).encode("latin-1"),
    "names beyond ASCII": just_read("é% = 1", 3),
    "one long name": "a" * SIZE + "\n",
    "one long number": "x = 0x" + "f" * (SIZE - 7) + "\n",
}
SHAPES = {name: t.encode() if isinstance(t, str) else t for name, t in _TEXTS.items()}
