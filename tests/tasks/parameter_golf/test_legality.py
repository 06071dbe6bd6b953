from __future__ import annotations

import random
import string
from pathlib import Path

import pytest

from autores.evaluator.trees import FileTree
from autores.status import Cause
from autores.tasks.parameter_golf import plugin
from autores.tasks.parameter_golf.legality import check_source, check_tree
from autores.tasks.parameter_golf.packing import ENTRY

RECIPE = Path(__file__).parents[3] / "tasks" / "parameter_golf" / "recipe" / ENTRY
NOISE = "".join(random.Random(1).choices(string.ascii_letters + string.digits, k=700))


def test_the_seed_recipe_is_legal() -> None:
    assert list(check_tree(FileTree({ENTRY: RECIPE.read_bytes()}))) == []


def _rules(source: str) -> set[str]:
    return {violation.rule for violation in check_source(source.encode())}


@pytest.mark.parametrize(
    "source",
    [
        "import socket",
        "import urllib.request as u",
        "from http import client",
        "import torch.hub",
        "from torch import hub",
        "import torch\ntorch.hub.load('x')",
    ],
)
def test_the_network_is_refused(source: str) -> None:
    assert _rules(source) == {"network"}


def test_other_imports_are_free() -> None:
    assert _rules("import torch\nfrom torch import nn\nimport lzma, math") == set()


@pytest.mark.parametrize("text", ["fineweb_val_000000.bin", "/x/held_out/key", "evaluation.bin"])
def test_held_out_paths_are_refused(text: str) -> None:
    assert _rules(f"open({text!r})") == {"held-out-path"}


def test_answers_as_literals_are_refused() -> None:
    assert _rules(f"x = {NOISE!r}") == {"literal-size"}
    assert _rules("x = '" + "ab" * 2_000 + "'") == set()
    many = "\n".join(f"x{i} = {NOISE[i * 3 : i * 3 + 90][::-1]!r}" for i in range(190))
    assert _rules(many) <= {"literals-size"}
    fresh = random.Random(2)
    words = ("".join(fresh.choices(string.printable[:62], k=60)) for _ in range(150))
    assert _rules("\n".join(f"x = {word!r}" for word in words)) == {"literals-size"}


def test_docstrings_are_not_packed_and_free() -> None:
    assert _rules(f'def f():\n    """{NOISE}"""') == set()


def test_there_is_one_file_and_its_name_is_fixed() -> None:
    (missing,) = check_tree(FileTree({"train.py": b"x = 1"}))
    assert (missing.rule, missing.cause) == ("entry", Cause.LAUNCH)
    rules = [v.rule for v in check_tree(FileTree({ENTRY: b"x = 1", "more.py": b"y = 2"}))]
    assert rules == ["single-file"]


def test_what_is_not_python_is_left_to_the_gate_of_syntax() -> None:
    assert _rules("def f(:") == set()


def test_other_tasks_are_left_alone() -> None:
    from autores.tasks.airbench import plugin as other

    tree = FileTree({"train.py": b"import socket"})
    task = other.autores_task("micro")
    assert plugin.autores_legality(task=task, submission=None, tree=tree) == ()  # type: ignore[arg-type]
