"""All gates together on airbench: moves pass, and generated edits are judged as an oracle does."""

from __future__ import annotations

import ast
import importlib
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from types import FrameType

import pytest
from benchmarks.airbench_shapes import SHAPES
from hypothesis import given, settings
from hypothesis import strategies as st

from autores.config import SettingsBook
from autores.evaluator.trees import BadTree, FileTree
from autores.garbage import uncollected
from autores.moves import Move
from autores.plugins import gates
from autores.records import Severity, Specialist, Submission, Violation
from autores.status import Cause
from autores.tasks.airbench import plugin
from autores.tasks.airbench.legality import ENTRY, LONGEST_FILE, LONGEST_LITERAL, PROXY_KNOBS
from autores.tasks.airbench.moves import MOVES
from autores.workspace.surfaces import unowned

TASK = plugin.autores_task("micro")
SEED = Path(TASK.recipe.path, ENTRY).read_text()


def _load(key: str) -> Specialist:
    (found,) = importlib.import_module(f"autores.specialists.{key}").autores_specialists()
    assert isinstance(found, Specialist)
    return found


SPECIALISTS = {key: _load(key) for key in TASK.default_specialists}


class Edited(FileTree):
    """The seed recipe with some files replaced; None takes one away."""

    def __init__(self, files: Mapping[str, str | bytes | None]) -> None:
        seed: dict[str, str | bytes | None] = {ENTRY: SEED}
        both = {**seed, **files}
        super().__init__(
            {p: t.encode() if isinstance(t, str) else t for p, t in both.items() if t is not None}
        )
        self.parent = FileTree({ENTRY: SEED.encode()})


def refusals(who: Specialist, files: Mapping[str, str | bytes | None]) -> list[Violation]:
    submission = Submission(
        commit="c", parents=(0,), hypothesis="", specialist=who.key, session="s", call="1"
    )
    tree = Edited(files)
    book = SettingsBook({}, {gates.Settings: "gates"})
    said = [
        *gates.autores_legality(TASK, submission, tree, who, book),
        *plugin.autores_legality(TASK, submission, tree),
    ]
    assert all(v.fix and v.message for v in said)
    return [v for v in said if v.severity is Severity.REFUSE]


# --------------------------------------------------------------------------------- owners


def test_nothing_of_the_recipe_is_left_to_nobody() -> None:
    assert unowned(TASK, SPECIALISTS.values()) == ()


@pytest.mark.parametrize("move", MOVES, ids=lambda move: str(move.name))
def test_a_move_passes_all_gates_for_every_owner_of_its_surface(move: Move) -> None:
    edited = move.apply(SEED)
    owners = [s for s in SPECIALISTS.values() if move.surface in s.surfaces]
    assert edited is not None and owners
    for owner in owners:
        assert refusals(owner, {ENTRY: edited}) == []


# --------------------------------------------------------------------------------- oracle


def _places() -> Iterator[tuple[str, int, int]]:
    """Every knob (indent 0) and function of the recipe: its name, the line to edit, its indent."""
    module = ast.parse(SEED)
    for node in module.body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
            yield ast.unparse(node.targets[0]), node.lineno, 0
        for owner, part in [("", node), *((node, p) for p in getattr(node, "body", ()))]:
            if isinstance(part, ast.FunctionDef):
                name = f"{owner.name}.{part.name}" if isinstance(owner, ast.ClassDef) else part.name
                last = part.body[-1]
                yield name, last.lineno, last.col_offset


PLACES = tuple(_places())
KNOBS = tuple(place for place in PLACES if not place[2])


def surfaces_of(name: str) -> set[str]:
    """By the table alone: the exact name, else that of its class."""
    for symbol in (name, name.partition(".")[0]):
        found = {s for s, symbols in plugin.SURFACES.items() if f"{ENTRY}::{symbol}" in symbols}
        if found:
            return found
    return set()


@dataclass(frozen=True)
class Case:
    """An edit, and what must come of it: nothing, or a refusal with this rule."""

    files: Mapping[str, str | bytes | None] = field(repr=False)
    owners: frozenset[str] = frozenset(SPECIALISTS)
    rule: str = ""
    cause: Cause = Cause.ILLEGAL


def _edited_at(place: tuple[str, int, int], code: str) -> str:
    """A knob gets another value; a function a statement before its last."""
    name, line, indent = place
    lines = SEED.splitlines(keepends=True)
    if indent:
        lines.insert(line - 1, " " * indent + code + "\n")
    else:
        lines[line - 1] = f"{name} = {code.removeprefix('_x = ')}\n"
    return "".join(lines)


def _owners(name: str) -> frozenset[str]:
    touched = surfaces_of(name)
    return frozenset(k for k, s in SPECIALISTS.items() if touched & set(s.surfaces))


VALUES = st.one_of(
    st.integers(-(10**6), 10**6), st.floats(allow_nan=False, allow_infinity=False), st.booleans()
)


@st.composite
def _in_place(draw: st.DrawFn) -> Case:
    place = draw(st.sampled_from(PLACES))
    value = draw(VALUES.filter(lambda v: repr(v) not in SEED))
    rule = "no-effect" if place[0] in PROXY_KNOBS else ""
    return Case({ENTRY: _edited_at(place, f"_x = {value!r}")}, _owners(place[0]), rule)


@st.composite
def _literal(draw: st.DrawFn) -> Case:
    place = draw(st.sampled_from([p for p in PLACES if p[0] not in PROXY_KNOBS]))
    size = draw(st.integers(1, 3 * LONGEST_LITERAL))
    case = Case({ENTRY: _edited_at(place, f"_x = {'ab ' * (size // 3) + 'a' * (size % 3)!r}")})
    owners = _owners(place[0])
    return replace(case, owners=owners, rule="literal-size" if size > LONGEST_LITERAL else "")


@st.composite
def _syntax(draw: st.DrawFn) -> Case:
    lines = SEED.splitlines(keepends=True)
    at = draw(st.integers(0, len(lines)))
    damage = draw(st.sampled_from(["def f(:\n", "x = (((\n", "\x00\n", "return return\n", "'''\n"]))
    text = "".join([*lines[:at], damage, *lines[at:]])
    try:
        ast.parse(text)
    except (SyntaxError, ValueError):
        return Case({ENTRY: text}, rule="syntax", cause=Cause.SYNTAX)
    return Case({ENTRY: SEED})  # inside a docstring it does no harm, or is one


NAMES = ["harness.py", "Train.py", "train.pyc", "a/train.py", "train.py.bak", "sitecustomize.py"]
DISGUISED = [
    "tr\u0430in.py",
    ".git/hooks/run",
    "a\nb.py",
    "con.py\u202e",
]


@st.composite
def _other_file(draw: st.DrawFn) -> Case:
    name = draw(st.sampled_from(NAMES))
    return Case({name: draw(st.binary(max_size=50))}, rule="file")


FORBIDDEN = ["import socket", "import autores", "exec('1')", "import ctypes as c", "import os.path"]


@st.composite
def _means(draw: st.DrawFn) -> Case:
    line = draw(st.sampled_from(FORBIDDEN))
    place = draw(st.sampled_from([p for p in PLACES if p[2]]))
    fine = line == "import os.path"
    owners = frozenset(SPECIALISTS) if "import" in line else _owners(place[0])
    rule = "" if fine else "forbidden-name"
    return Case({ENTRY: _edited_at(place, line)}, owners, rule)


CASES = st.one_of(_in_place(), _literal(), _syntax(), _other_file(), _means())


@given(who=st.sampled_from(sorted(SPECIALISTS)), case=CASES)
@settings(max_examples=60, deadline=None)
def test_gates_judge_as_the_oracle_does(who: str, case: Case) -> None:
    found = {v.rule: v.cause for v in refusals(SPECIALISTS[who], case.files)}
    others = found.keys() - {"scope"}
    if case.rule == "file":
        assert others
        return
    assert ("scope" in found) == (who not in case.owners)
    if case.rule:
        assert found[case.rule] is case.cause
    else:
        assert others == set()


@pytest.mark.parametrize("name", DISGUISED)
def test_a_disguised_name_is_in_no_tree(name: str) -> None:
    with pytest.raises(BadTree):
        Edited({name: b""})


# ----------------------------------------------------------------------------------- time

HARD = (
    "small assignments",
    "one call",
    "one f-string",
    "imported names with dots",
    "functions",
    "lambdas",
    "classes",
    "loops",
    "finally in finally",
    "many ways out to finally",
    "captures",
)


def processor_time(work: Callable[[], object]) -> float:
    begun = time.process_time()
    with uncollected():
        work()
    return time.process_time() - begun


@pytest.mark.parametrize("name", HARD)
def test_200_kb_of_any_shape_are_read_in_a_few_times_what_python_parses_them_in(name: str) -> None:
    """Measured beside each other, so that neither the machine nor its load matters."""
    parsing = processor_time(lambda: ast.parse(SHAPES["one assignment again and again"]))
    reading = processor_time(lambda: refusals(SPECIALISTS["arch"], {ENTRY: SHAPES[name]}))
    assert reading < 20 * parsing


def test_ten_recipes_in_one_pass_all_gates_but_that_of_owners() -> None:
    body = SEED.partition("import time")[2].partition('if __name__ == "__main__":')[0]
    copies = "".join(
        body.replace("\ndef ", f"\ndef n{number}_").replace("\nclass ", f"\nclass N{number}")
        for number in range(LONGEST_FILE // len(body) - 2)
    )
    source = f"{SEED}\n\n{copies}"
    assert 0.7 * LONGEST_FILE < len(source) < LONGEST_FILE
    assert {v.rule for v in refusals(SPECIALISTS["arch"], {ENTRY: source})} == {"scope"}


def test_a_file_is_parsed_once_for_all_gates(monkeypatch: pytest.MonkeyPatch) -> None:
    parsed: list[bytes] = []
    parse = ast.parse
    monkeypatch.setattr(ast, "parse", lambda data: parsed.append(data) or parse(data))
    edited = f"{SEED}\n_once = 1\n"
    assert refusals(SPECIALISTS["arch"], {ENTRY: edited}) == []
    assert parsed.count(edited.encode()) == 1


def numbered(line: str, size: int) -> str:
    """A file of a size, of lines that differ in their number `#`."""
    lines, length = [], 0
    for number in count():
        lines.append(line.replace("#", str(number)))
        length += len(lines[-1]) + 1
        if length >= size:
            return "\n".join(lines) + "\n"


def calls_of(source: str) -> int:
    """Functions that are called while the gates read a file: the same wherever they are."""
    calls = 0

    def seen(frame: FrameType, event: str, what: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    sys.setprofile(seen)
    try:
        refusals(SPECIALISTS["arch"], {ENTRY: source})
    finally:
        sys.setprofile(None)
    return calls


ODD = {
    "a chain of functions": "def f#(x): return f#(x) + g#()",
    "one name": "x = x + 1",
    "one knob": "lr = #.0",
    "many names": "a# = 7",
    "calls": "g#(a, b)",
    "signs": "y# = " + 40 * "-" + "1",
    "classes": "class C#:\n    def m(self): return C#()",
    "loops": "for i# in r:\n    backward(#)",
    "strings": "k# = f'{a}{b}' 'c d #'",
    "words that look like data": "# 0123456789abcdef#0123456789abcdef",
    "nothing new": "# #",
}


@pytest.mark.parametrize("line", ODD.values(), ids=ODD)
def test_files_of_odd_shapes_take_work_in_proportion_to_their_size(line: str) -> None:
    refusals(SPECIALISTS["arch"], {ENTRY: SEED})  # what is remembered of the seed recipe
    once, twice = (calls_of(numbered(line, size)) for size in (8_000, 16_000))
    assert twice < 2.4 * once
    assert twice < 100 * 16_000  # the slowest of these takes about a second for 200 kB


def test_literals_in_literals_take_work_in_proportion_to_their_size() -> None:
    once, twice = (
        calls_of("x = " + 20 * depth * "[1, 2, 3, 4, " + "a" + 20 * depth * "]" + "\n")
        for depth in (2, 4)
    )
    assert twice < 2.4 * once
