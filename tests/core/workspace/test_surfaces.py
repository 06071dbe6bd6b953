from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autores.evaluator.trees import FileTree
from autores.records import Direction, Metric, Recipe, Specialist, Task
from autores.workspace import syntax
from autores.workspace.surfaces import FileSurfaces, Place, outside, owned_surfaces, unowned

SURFACES = {
    "optimizer": ("train.py::lr", "train.py::Muon"),
    "schedule": ("train.py::train", "train.py::lr_*"),
    "architecture": ("train.py::Net", "net.py"),
    "kernels": ("train.py::Net.forward",),
    "data": ("data/*.toml", "**/load*.py"),
}
TASK = Task(
    name="one",
    title="One",
    metric=Metric(name="loss", direction=Direction.MINIMIZE),
    recipe=Recipe(path="/nowhere", editable=("**/*",), may_add_files=True, surfaces=SURFACES),
)
OPTIM = Specialist(key="optim", title="Optimizer", surfaces=("optimizer", "loss"))
ARCH = Specialist(key="arch", title="Net", surfaces=("architecture",), aliases=("net",))
META = Specialist(key="meta", title="All", surfaces=("*",))
SOURCE = '''\
"""A recipe."""
import os

lr = 0.1
lr_floor = 0.0


class Muon(Base):
    def step(self, rate):
        return _inner(rate)


def _inner(rate):
    return _innermost(rate)


def _innermost(rate):
    return rate


class Net(Base):
    def __init__(self):
        self.width = 1

    def forward(self, x):
        return x


def train(net):
    opt = Muon(net)
    for x in range(3):
        net(x)
        opt.step(1)


def stranger():
    return 1


if __name__ == "__main__":
    train(Net())
os.environ["A"] = "1"
'''


def tree(files: Mapping[str, str]) -> FileTree:
    return FileTree({path: text.encode() for path, text in files.items()})


def objections(old: str, new: str, who: Specialist = OPTIM, task: Task = TASK) -> tuple[Place, ...]:
    assert SOURCE.count(old) == 1
    after = SOURCE.replace(old, new)
    return outside(task, who, tree({"train.py": SOURCE}), tree({"train.py": after}))


class TestOwners:
    @pytest.fixture
    def owners(self) -> dict[str, frozenset[str]]:
        module = syntax.parse(SOURCE.encode())
        assert module is not None
        units = syntax.units(module)
        surfaces = FileSurfaces(TASK.recipe, "train.py", units)
        return {unit.name: surfaces.of(unit) for unit in units if not unit.is_import}

    @pytest.mark.parametrize(
        ("symbol", "surface"),
        [
            ("lr", "optimizer"),
            ("lr_floor", "schedule"),
            ("Muon", "optimizer"),
            ("Muon.step", "optimizer"),
            ("Net.__init__", "architecture"),
            ("Net.forward", "kernels"),
            ("_inner", "optimizer"),
            ("_innermost", "optimizer"),
        ],
    )
    def test_the_most_specific_name_wins(
        self, owners: dict[str, frozenset[str]], symbol: str, surface: str
    ) -> None:
        assert owners[symbol] == {surface}

    def test_a_public_definition_without_a_name_in_the_table_is_nobody_s(
        self, owners: dict[str, frozenset[str]]
    ) -> None:
        assert owners["stranger"] == frozenset()

    def test_code_that_runs_belongs_to_what_it_uses(self) -> None:
        source = "import os\nif os:\n    train(Net())\n"
        module = syntax.parse(f"{source}def train(n): ...\nclass Net: ...\n".encode())
        assert module is not None
        _, condition, *rest = units = syntax.units(module)
        found = FileSurfaces(TASK.recipe, "train.py", units).of(condition)
        assert (found, len(rest)) == ({"schedule", "architecture"}, 2)

    @pytest.mark.parametrize(
        ("path", "surfaces"),
        [
            ("net.py", {"architecture"}),
            ("data/mix.toml", {"data"}),
            ("deep/down/load_it.py", {"data"}),
            ("train.py", {"optimizer", "schedule", "architecture", "kernels"}),
            ("other.py", set()),
        ],
    )
    def test_whole_files(self, path: str, surfaces: set[str]) -> None:
        assert FileSurfaces(TASK.recipe, path).whole == surfaces

    def test_a_task_overrides_specialists_by_key_or_alias(self) -> None:
        task = replace(TASK, owners={"optimizer": "net", "schedule": "optim"})
        assert owned_surfaces(task, OPTIM) == {"schedule"}
        assert owned_surfaces(task, ARCH) == {"architecture", "optimizer"}
        assert owned_surfaces(task, META) == SURFACES.keys()


class TestOutside:
    @pytest.mark.parametrize(
        ("old", "new"),
        [
            ("lr = 0.1", "lr = 0.2 * 3"),
            ("import os", "import os, sys"),
            ("        net(x)", "        import sys\n        net(x)"),
            ('"""A recipe."""', '"""My recipe."""'),
            ("        net(x)", "        # think\n        net(x)"),
            ("    return rate", "    return 2 * rate"),
            ("def train", "def _mine(x):\n    return x\n\n\ndef train"),
            ("class Net(Base):", "class Net(Base):\n    def _mine(self): ...\n"),
            ("opt = Muon(net)", "opt = Muon(net, 2 * lr)"),
            ("opt.step(1)", "opt.step(lr)"),
            (
                "        return _inner(rate)",
                "        return new(rate)\n\n\ndef new(x):\n    return x",
            ),
            ("opt.step(1)", ""),
            ("opt.step(1)", "opt.step(1)\n        muon = Muon(x)"),
            ('os.environ["A"] = "1"', 'os.environ["A"] = "1"\nmuon = Muon(1)'),
        ],
    )
    def test_own_and_free_edits_pass(self, old: str, new: str) -> None:
        assert objections(old, new) == ()

    @pytest.mark.parametrize(
        ("old", "new", "symbol", "line", "surfaces"),
        [
            ("self.width = 1", "self.width = 2", "Net.__init__", 23, ("architecture",)),
            ("return x\n", "return -x\n", "Net.forward", 26, ("kernels",)),
            ("range(3)", "range(4)", "train", 31, ("schedule",)),
            ("opt.step(1)", "opt.step(1)\n        x += 1", "train", 34, ("schedule",)),
            ("def stranger():\n    return 1\n", "", "stranger", 0, ()),
            ("def train", "def mine():\n    pass\n\n\ndef train", "mine", 29, ()),
            ("class Net(Base)", "class Net(Other)", "Net", 21, ("architecture",)),
            ("lr_floor = 0.0", "lr_floor = 1.0", "lr_floor", 5, ("schedule",)),
            ('os.environ["A"] = "1"', 'os.environ["A"] = "2"', "os", 42, ()),
        ],
    )
    def test_foreign_edits_are_named(
        self, old: str, new: str, symbol: str, line: int, surfaces: tuple[str, ...]
    ) -> None:
        assert objections(old, new) == (
            Place(path="train.py", line=line, symbol=symbol, surfaces=surfaces),
        )

    def test_the_owner_may(self) -> None:
        assert objections("self.width = 1", "self.width = 2", ARCH) == ()

    def test_a_generalist_may_everything(self) -> None:
        assert outside(TASK, META, tree({"train.py": SOURCE}), tree({"x.bin": "y"})) == ()

    def test_moving_what_is_foreign_is_an_edit(self) -> None:
        moved = SOURCE.replace("lr_floor = 0.0\n", "") + "lr_floor = 0.0\n"
        found = outside(TASK, OPTIM, tree({"train.py": SOURCE}), tree({"train.py": moved}))
        assert [place.symbol for place in found] == ["lr_floor"]

    def test_other_files(self) -> None:
        before = {"data/mix.toml": "a = 1\n", "net.py": "a = 1\n", "train.py": SOURCE}
        after = {**before, "data/mix.toml": "a = 2\n", "net.py": "a = 2\n", "new.py": "_a = 1\n"}
        found = outside(TASK, OPTIM, tree(before), tree(after))
        assert [str(place) for place in found] == ["data/mix.toml:1", "net.py:1 a"]

    def test_a_renamed_file_is_gone_and_come(self) -> None:
        found = outside(TASK, ARCH, tree({"data/mix.toml": "a"}), tree({"net.toml": "a"}))
        assert [place.path for place in found] == ["data/mix.toml", "net.toml"]

    def test_a_file_that_does_not_parse_is_left_to_the_gate_of_syntax(self) -> None:
        assert outside(TASK, OPTIM, tree({"train.py": SOURCE}), tree({"train.py": "def"})) == ()

    @given(st.sampled_from(SOURCE.splitlines()[3:]), st.sampled_from(SOURCE.splitlines()[3:]))
    def test_nobody_objects_to_what_did_not_change(self, one: str, other: str) -> None:
        swapped = SOURCE.replace(one, other, 1)
        here, there = tree({"train.py": SOURCE}), tree({"train.py": swapped})
        assert outside(TASK, OPTIM, there, there) == ()
        assert outside(TASK, META, here, there) == ()


class TestMerged:
    """What a tree that was merged has just so is its author's."""

    def objections(
        self, after: str, *merged: str, path: str = "train.py", before: str = SOURCE
    ) -> list[str]:
        trees = (tree({path: text} if text else {}) for text in (before, after))
        others = [tree({path: text} if text else {}) for text in merged]
        return [str(place) for place in outside(TASK, OPTIM, *trees, merged=others)]

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            ("self.width = 1", "self.width = 2"),
            ("lr_floor = 0.0", "lr_floor = 1.0"),
            ("def stranger():\n    return 1\n", ""),
            ("def train", "def mine():\n    pass\n\n\ndef train"),
            ("class Net(Base)", "class Net(Other)"),
        ],
    )
    def test_is_free_beside_own_edits(self, old: str, new: str) -> None:
        theirs = SOURCE.replace(old, new)
        mine = theirs.replace("lr = 0.1", "lr = 0.2")
        assert len(self.objections(mine)) == 1
        assert self.objections(mine, SOURCE, theirs) == []

    def test_is_free_among_what_else_they_did(self) -> None:
        wide = SOURCE.replace("self.width = 1", "self.width = 2")
        theirs = wide.replace("return x\n", "return -x\n")
        assert self.objections(wide, theirs) == []

    @pytest.mark.parametrize(
        ("theirs", "mine"),
        [
            ("self.width = 2", "self.width = 3"),
            ("self.width = 2\n        self.depth = 1", "self.width = 2"),
        ],
    )
    def test_almost_so_is_not_so(self, theirs: str, mine: str) -> None:
        after, merged = (SOURCE.replace("self.width = 1", new) for new in (mine, theirs))
        assert self.objections(after, merged) == ["train.py:23 Net.__init__"]

    def test_what_they_have_once_is_not_free_twice(self) -> None:
        once = SOURCE + "print(1)\n"
        assert self.objections(once, once) == []
        assert self.objections(once + "print(1)\n", once) == ["train.py:43", "train.py:44"]

    def test_what_they_changed_is_not_free_to_go(self) -> None:
        theirs = SOURCE.replace("return 1", "return 2")
        gone = SOURCE.replace("def stranger():\n    return 1\n", "")
        assert self.objections(gone, theirs) == ["train.py:0 stranger"]

    def test_no_merge_moves_what_is_foreign(self) -> None:
        moved = SOURCE.replace("lr_floor = 0.0\n", "") + "lr_floor = 0.0\n"
        assert self.objections(moved, SOURCE) == ["train.py:42 lr_floor"]

    def test_whole_files(self) -> None:
        path = "data/mix.toml"
        assert self.objections("a = 2\n", "a = 2\n", before="a = 1\n", path=path) == []
        assert self.objections("", "", before="a = 1\n", path=path) == []
        assert self.objections("a = 2\n", "a = 3\n", "", before="a = 1\n", path=path)
        assert self.objections("", "a = 1\n", before="a = 1\n", path=path)


class TestUnowned:
    @pytest.fixture
    def task(self, tmp_path: Path) -> Task:
        (tmp_path / "train.py").write_text(SOURCE)
        (tmp_path / "fixed.py").write_text("x = 1\n")
        recipe = replace(TASK.recipe, path=str(tmp_path), protected=("fixed.py",))
        return replace(TASK, recipe=recipe)

    def test_names_every_editable_place_without_an_owner(self, task: Task) -> None:
        found = {place.symbol for place in unowned(task, [OPTIM, ARCH])}
        assert found == {"lr_floor", "Net.forward", "train", "stranger", "os"}

    def test_owners_of_the_task_count(self, task: Task) -> None:
        given = replace(task, owners={"schedule": "arch", "kernels": "arch"})
        assert {p.symbol for p in unowned(given, [OPTIM, ARCH])} == {"stranger", "os"}

    def test_generalists_own_all(self, task: Task) -> None:
        assert unowned(task, [OPTIM, META]) == ()
