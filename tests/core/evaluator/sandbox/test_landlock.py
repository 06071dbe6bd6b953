from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from autores.evaluator.sandbox import kernel, landlock
from autores.evaluator.sandbox.landlock import Access, Rules, without


def test_what_a_kernel_does_not_know_is_not_asked_of_it() -> None:
    assert landlock.handled(1) == Access((1 << 13) - 1)
    assert Access.REFER in landlock.handled(2)
    assert Access.TRUNCATE not in landlock.handled(2)
    assert Access.IOCTL_DEV not in landlock.handled(4)
    assert landlock.handled(6) == Access.EVERYTHING


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in ("lib/site/secret", "lib/json", "bin"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "lib" / "link").symlink_to("/")
    return tmp_path


def test_a_tree_without_a_hidden_folder(tree: Path) -> None:
    cover = dict(without(tree, [tree / "lib" / "site"]))
    assert cover == {
        tree: False,
        tree / "bin": True,
        tree / "lib": False,
        tree / "lib" / "json": True,
    }
    assert dict(without(tree / "bin", [tree / "lib"])) == {tree / "bin": True}
    assert not dict(without(tree / "lib", [tree / "lib"]))


def test_rules_hold_in_a_process_and_not_outside(tree: Path) -> None:
    if sys.platform != "linux" or not kernel.landlock_abi():
        pytest.skip("no Landlock")
    (tree / "bin" / "text").write_text("read")
    (tree / "lib" / "json" / "text").write_text("hidden")
    rules = Rules(
        read=[tree / "bin", tree / "missing"], write=[tree / "lib" / "site"], listed=[tree]
    )
    child = os.fork()
    if child == 0:
        code = 1
        try:
            landlock.restrict(rules.ruleset(kernel.landlock_abi()))
            code = _count_wrong(tree)
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert (tree / "lib" / "site" / "new").read_text() == "x"
    assert not (tree / "bin" / "new").exists()


def _count_wrong(tree: Path) -> int:
    (tree / "lib" / "site" / "new").write_text("x")
    wrong = int((tree / "bin" / "text").read_text() != "read")
    wrong += int("json" not in os.listdir(tree / "lib"))
    for forbidden in (
        (tree / "lib" / "json" / "text").read_text,
        (tree / "bin" / "new").touch,
        lambda: os.listdir("/"),
    ):
        try:
            forbidden()
        except PermissionError:
            continue
        wrong += 1
    return wrong
