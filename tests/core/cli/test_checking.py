from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Command = Callable[..., Any]
FIT = "degree = {degree}\nridge = 0.02\nrate = {rate}\nsteps = 60\n"


@pytest.fixture
def folder(place: Path) -> Path:
    folder = place / "edit"
    folder.mkdir()
    (folder / "fit.py").write_text(FIT.format(degree=5, rate=0.05))
    return folder


def test_an_edit_that_nobody_objects_to(command: Command, folder: Path) -> None:
    said = command("check", "edit", "--task", "toy")
    assert (said.code, said.out) == (0, "no objection\n")
    assert command("check", "edit", "--task", "toy", "--as", "arch", "--json").json == []


def test_surfaces_are_those_of_who_edits(command: Command, folder: Path) -> None:
    said = command("check", "edit", "--task", "toy", "--as", "optim")
    assert said.code == 1
    assert said.out.startswith("refuse: fit.py:1: scope: ")
    assert "Fix: " in said.out
    off = ("-o", "gates.scope=off")
    assert command("check", "edit", "--task", "toy", "--as", "optim", *off).code == 0


@pytest.mark.parametrize(
    ("path", "text", "rule"),
    [
        ("fit.py", "degree = (", "syntax"),
        ("other.py", "x = 1\n", "not-editable"),
        ("a b.py", "x = 1\n", "name-characters"),
    ],
)
def test_objections_say_rule_and_fix(
    command: Command, folder: Path, path: str, text: str, rule: str
) -> None:
    (folder / path).write_text(text)
    said = command("check", "edit", "--task", "toy", "--json")
    assert said.code == 1
    (first, *_) = said.json
    assert first["rule"] == rule
    assert first["fix"] and first["message"]


def test_links_are_refused(command: Command, folder: Path) -> None:
    (folder / "link.py").symlink_to("fit.py")
    assert command("check", "edit", "--task", "toy").code == 1


def test_nothing_is_left_behind(command: Command, folder: Path) -> None:
    before = {p: p.read_bytes() for p in folder.rglob("*")}
    command("check", "edit", "--task", "toy")
    assert {p: p.read_bytes() for p in folder.rglob("*")} == before
    assert not Path("runs").exists()


def test_who_or_what_is_not_known(command: Command, folder: Path) -> None:
    said = command("check", "edit", "--task", "toy", "--as", "optimm")
    assert (said.code, said.err) == (2, "autores: unknown specialist 'optimm'; known: optim\n")
    said = command("check", "nothing", "--task", "toy")
    assert (said.code, said.err.count("\n")) == (2, 1)


def test_data_are_prepared_once(command: Command, place: Path) -> None:
    first = command("prepare", "--task", "toy")
    assert first.code == 0
    assert first.out.startswith(
        f"toy is prepared in {place / 'cache' / 'autores' / 'data'}, world "
    )
    assert command("prepare", "--task", "toy").out == first.out
    assert command("prepare").code == 2
