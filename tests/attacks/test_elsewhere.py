"""Attacks that meet no sandbox: on trees, gates, bundles, results and the lineage."""

from __future__ import annotations

import base64
import os
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import attack_task
import pytest
from attack_table import Table

from autores.codec import canonical, from_json, strict_loads, to_json
from autores.config import SettingsBook, Value
from autores.evaluator.bundle import BadBundle, read_bundle, write_bundle
from autores.evaluator.request import EvaluationRequest
from autores.evaluator.signing import BadSignature, sign, verify
from autores.evaluator.trees import BadTree, FileTree
from autores.events import Head, Steered
from autores.lineage.chain import flaws, seal
from autores.plugins import gates
from autores.records import (
    Evaluation,
    Outcome,
    Purpose,
    Recipe,
    Specialist,
    Submission,
    Violation,
)
from autores.status import Cause
from autores.text import clean
from autores.workspace.folder import Folder
from autores.workspace.names import check_paths

SEED = "rate = 0.1\n\n\ndef train(data):\n    return data * rate\n"
KEY = bytes(32)
Stop = Callable[[str, str, str, bool], None]


@pytest.fixture
def stopped(table: Table) -> Stop:
    """Note an attack and require that it was stopped."""

    def stopped(layer: str, name: str, by: str, held: bool) -> None:
        table.add_other(layer, name, f"stopped: {by}" if held else "GOT THROUGH")
        assert held, f"{layer}/{name} got through"

    return stopped


# -------------------------------------------------------------------------------- trees

NAMES = {
    "homoglyph": "tr\u0430in.py",
    "second spelling": "e\u0301.py",
    "division slash": "a\u2215b.py",
    "parent": "../train.py",
    "absolute": "/etc/x.py",
    "option": "-rf.py",
    "line feed": "a\nb.py",
    "escape": "a\x1b[2Jb.py",
    "git settings": ".git/config",
    "git settings in capitals": "x/.GIT/config",
    "git attributes": ".gitattributes",
    "git modules": ".gitmodules",
    "git short name": "GIT~1/config",
    "device": "aux.py",
    "backslash": "a\\b.py",
    "pattern": "*.py",
}


@pytest.mark.parametrize("name", NAMES)
def test_strange_names_are_refused_by_gates_and_evaluator(name: str, stopped: Stop) -> None:
    refused = bool(list(check_paths(["train.py", NAMES[name]])))
    if name not in ("git short name", "device"):  # harmless where evaluators run
        with pytest.raises(BadTree):
            FileTree({"train.py": b"", NAMES[name]: b""})
    stopped("tree", f"name: {name}", "names", refused)


def test_names_that_differ_by_case_are_refused(stopped: Stop) -> None:
    stopped("tree", "name: capitals", "names", bool(list(check_paths(["Train.py", "train.py"]))))


def test_ten_thousand_names_are_refused(stopped: Stop) -> None:
    found = list(check_paths(f"{n:010}.py" for n in range(10_000)))
    stopped("tree", "bytes in names", "number of files", bool(found))


@pytest.mark.parametrize("kind", ["link", "second name", "pipe", "folder link"])
def test_what_is_no_plain_file_is_refused(kind: str, tmp_path: Path, stopped: Stop) -> None:
    outside = tmp_path / "secret"
    outside.write_text("held out")
    folder = tmp_path / "tree"
    folder.mkdir()
    (folder / "train.py").write_text(SEED)
    make = {
        "link": lambda: (folder / "x.py").symlink_to(outside),
        "second name": lambda: os.link(outside, folder / "x.py"),
        "pipe": lambda: os.mkfifo(folder / "x.py"),
        "folder link": lambda: (folder / "x").symlink_to(tmp_path),
    }
    make[kind]()
    with pytest.raises(BadTree):
        FileTree.load(folder)
    contents = Folder(folder).scan()
    held = bool(contents.violations) and b"held out" not in contents.files.values()
    stopped("tree", f"kind: {kind}", "kinds of files", held)


def test_settings_of_git_in_a_workspace_are_never_obeyed(tmp_path: Path, stopped: Stop) -> None:
    touched = tmp_path / "touched"
    (tmp_path / "w").mkdir()
    subprocess.run(["git", "init", "-q", tmp_path / "w"], check=True)
    config = f'[core]\n\tfsmonitor = "touch {touched}"\n\thooksPath = .\n'
    (tmp_path / "w/.git/config").write_text(config)
    (tmp_path / "w/.gitattributes").write_text("* filter=x diff=x\n")
    (tmp_path / "w/train.py").write_text(SEED)
    contents = Folder(tmp_path / "w").scan()
    refused = {violation.path for violation in contents.violations}
    held = not touched.exists() and refused >= {".git", ".gitattributes"}
    stopped("tree", "git settings in the workspace", "names; git reads our own folder only", held)


def _request(tree: FileTree) -> EvaluationRequest:
    task = attack_task.autores_task("")
    return EvaluationRequest(
        evaluation=Evaluation(
            trial=1, ordinal=0, purpose=Purpose.FIRST, commit="c" * 40, seeds=(7,)
        ),
        tree=tree.id,
        task=task,
        plugin="attack_task",
        limits=attack_task.autores_budget(task),
        data_dir="/nowhere",
        secret="00" * 16,
    )


@pytest.mark.parametrize("change", ["other content", "one file more", "a link instead"])
def test_a_tree_that_changes_after_the_gates_is_not_run(
    change: str, tmp_path: Path, stopped: Stop
) -> None:
    tree = FileTree({"train.py": SEED.encode()})
    request = _request(tree)
    write_bundle(tmp_path / "bundle", [request], {"c" * 40: tree})
    file = tmp_path / "bundle/trees" / ("c" * 40) / "train.py"
    if change == "other content":
        file.write_text("forged = 1\n")
    elif change == "one file more":
        (file.parent / "weights.py").write_text("w = 1\n")
    else:
        file.unlink()
        file.symlink_to(tmp_path / "bundle/bundle.json")
    with pytest.raises(BadBundle):
        read_bundle(tmp_path / "bundle").tree(request)
    stopped("tree", f"after the gates: {change}", "hash of the tree", True)


# ------------------------------------------------------------------------------- results

OUTCOME = Outcome(cause=Cause.VALID, score=0.5)


@pytest.mark.parametrize("what", ["score", "evaluation", "attempt", "tree", "key", "no code"])
def test_forged_results_are_not_believed(what: str, stopped: Stop) -> None:
    tree = FileTree({"train.py": SEED.encode()})
    evaluation = _request(tree).evaluation
    other = {
        "evaluation": (replace(evaluation, trial=2), tree.id, KEY),
        "attempt": (replace(evaluation, attempt=2), tree.id, KEY),
        "tree": (evaluation, "0" * 40, KEY),
        "key": (evaluation, tree.id, bytes([1]) * 32),
    }
    signed_for, signed_tree, key = other.get(what, (evaluation, tree.id, KEY))
    text = sign(key, signed_for, signed_tree, OUTCOME)
    if what == "score":
        text = text.replace(b"0.5", b"1.5")
    elif what == "no code":
        text = canonical({"content": strict_loads(text)["content"]})
    with pytest.raises(BadSignature):
        verify(text, KEY, evaluation, tree.id)
    stopped("record", f"forged: {what}", "signature", True)


RECORDS = {
    "not a number": '{"score": NaN}',
    "infinity": '{"score": Infinity}',
    "minus infinity by overflow": '{"score": -1e999}',
    "underscores": '{"score": 1_0.5}',
    "other digits": '{"score": \u0661}',
    "twice": '{"score": 1.0, "score": 0.5}',
    "rows that follow": '{"score": 1.0}{"score": 0.5}',
    "byte order mark": '\ufeff{"score": 1.0}',
    "text": '{"score": "0.5"}',
    "true": '{"score": true}',
}


@pytest.mark.parametrize("name", RECORDS)
def test_records_have_one_reading(name: str, stopped: Stop) -> None:
    text = RECORDS[name].replace('{"score"', '{"cause": "valid", "score"', 1)
    with pytest.raises((ValueError, TypeError)):
        from_json(Outcome, strict_loads(text))
    stopped("record", f"score: {name}", "strict reader", True)


def test_a_changed_lineage_is_noticed(stopped: Stop) -> None:
    links, head = [], Head()
    for number in range(3):
        body = Steered(action="note", text=f"note {number}")
        link, _ = seal(body, head=head, at=1.0)
        links.append(link)
        head = Head(seq=link.seq, hash=link.hash)
    assert not list(flaws(links))
    changed = replace(links[1], body=links[1].body.replace("note 1", "keep 1"))
    for name, forged in {
        "a row was changed": [links[0], changed, links[2]],
        "a row is missing": [links[0], links[2]],
        "rows changed places": [links[1], links[0], links[2]],
    }.items():
        stopped("record", name, "hash chain", bool(list(flaws(forged))))


def test_free_text_cannot_become_a_row(stopped: Stop) -> None:
    text = clean("x\n008\tidea\tkeep\t0.5\x1b[2J\u202e", one_line=True)
    held = not set(text) & set("\n\t\x1b\u202e")
    stopped("record", "a hypothesis with line feeds", "cleaned on writing", held)


# --------------------------------------------------------------------------------- gates


class Child(FileTree):
    """A tree with the one that it was made from."""

    parent: FileTree | None = None


def judged(after: dict[str, str], **settings: object) -> tuple[Violation, ...]:
    """What the built-in gates say of an edit."""
    task = attack_task.autores_task("")
    recipe = Recipe(path="/nowhere", editable=("train.py",), protected=("fixed.py",))
    before = {"train.py": SEED, "fixed.py": "x = 1\n"}
    tree = Child({path: text.encode() for path, text in {**before, **after}.items()})
    tree.parent = FileTree({path: text.encode() for path, text in before.items()})
    book = SettingsBook(
        {f"gates.{k}": Value(value=v, source="test") for k, v in settings.items()},
        {gates.Settings: "gates"},
    )
    meta = Specialist(key="meta", title="All", surfaces=("*",))
    submission = Submission(
        commit="c", parents=(0,), hypothesis="", specialist="meta", session="s", call="1"
    )
    return tuple(gates.autores_legality(replace(task, recipe=recipe), submission, tree, meta, book))


NOISE = base64.b85encode(os.urandom(30_000)).decode().replace("\\", "x").replace("'", "x")
EDITS = {
    "weights as a literal": f"W = '''{NOISE}'''\n",
    "weights as numbers": f"W = {list(os.urandom(20_000))}\n",
    "weights in a docstring": f'"""{NOISE}"""\n',
    "weights in comments": "".join(f"# {NOISE[n : n + 90]}\n" for n in range(0, 9_000, 90)),
    "weights in many literals": "".join(
        f"w{n} = {NOISE[n * 100 : n * 100 + 100]!r}\n" for n in range(280)
    ),
    "code from text": "exec('print(1)')\n",
    "import by another name": "import importlib as i\ni.import_module('os')\n",
    "the network": "import socket\n",
    "other processes": "import os\nos.fork()\n",
    "held-out paths": "open('/data/../held_out/y.npy')\n",
    "builtins by attribute": "().__class__.__base__.__subclasses__()\n",
}


@pytest.mark.parametrize("name", EDITS)
def test_gates_refuse_what_no_recipe_needs(name: str, stopped: Stop) -> None:
    stopped("gates", name, "gates", bool(judged({"train.py": EDITS[name] + SEED})))


def test_gates_refuse_protected_and_new_files(stopped: Stop) -> None:
    stopped("gates", "edit a protected file", "gates", bool(judged({"fixed.py": "x = 2\n"})))
    stopped("gates", "add a file", "gates", bool(judged({"weights.py": "w = 1\n"})))


def test_an_honest_edit_passes_the_gates() -> None:
    assert not judged({"train.py": SEED.replace("0.1", "0.2")})


def test_outcomes_read_back_the_same() -> None:
    assert from_json(Outcome, to_json(OUTCOME)) == OUTCOME
