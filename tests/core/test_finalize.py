from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from autores.errors import UserError
from autores.events import Body
from autores.finalize import Finalized, Squash, finalize
from autores.lineage.store import create
from autores.plugins.stores.memory import MemoryStore
from autores.readmodel import Story, read
from autores.records import Direction, EditSize, Metric, Radius, Recipe, Task, Trial
from autores.status import Verdict
from autores.testing.stores import CREATED, life

TASK = Task(
    name="toy",
    title="Toy",
    metric=Metric(name="loss", direction=Direction.MINIMIZE),
    recipe=Recipe(path="/nowhere"),
)
SPACE = "\n#\n#\n#\n#\n"
SURFACES = ("optimizer", "schedule", "optimizer", "data")


def recipe(rate: int, steps: int, *, data: str = "") -> dict[str, bytes]:
    files = {"train.py": f"rate = {rate}{SPACE}steps = {steps}\n".encode(), "keep.py": b"same\n"}
    return files | ({"data.py": data.encode()} if data else {})


TREES = {
    0: recipe(1, 1),
    1: recipe(2, 1),
    2: recipe(2, 5),
    3: recipe(3, 5),
    4: recipe(3, 5, data="new\n"),
}


@pytest.fixture
def story() -> Story:
    store = MemoryStore()
    create(store, CREATED)
    bodies: list[Body] = life(0, 1.0, specialist="seed")
    for number, surface in enumerate(SURFACES, start=1):
        verdict = Verdict.KEEP if number in (2, 4) else Verdict.LEAD
        edit = EditSize(radius=Radius.LITERAL, surfaces=(surface,))
        bodies += life(number, 1.0 - number / 10, verdict, parents=[number - 1], edit=edit)
    store.append(lambda head: bodies)
    return read(store, TASK)


def git(folder: Path, *words: str) -> str:
    command = ["git", "-C", str(folder), *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def repository(folder: Path, files: Mapping[str, bytes], prefix: str = "") -> Path:
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    git(folder, "config", "user.name", "A Person")
    git(folder, "config", "user.email", "person@example.org")
    for path, data in files.items():
        target = folder / prefix / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    (folder / "README").write_text("mine\n")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "Mine")
    return folder


def branch_of(
    story: Story, target: Path, squash: Squash = Squash.NONE, folder: str = ""
) -> Finalized:
    def files(trial: Trial) -> Mapping[str, bytes]:
        return TREES[trial.id]

    return finalize(story, files, target, run="r1", branch="better", folder=folder, squash=squash)


def shown(target: Path, path: str, revision: str = "better") -> str:
    return git(target, "show", f"{revision}:{path}")


def test_each_step_becomes_a_commit(story: Story, tmp_path: Path) -> None:
    target = repository(tmp_path / "mine", TREES[0])
    done = branch_of(story, target)
    assert git(target, "log", "--format=%s", "main..better").split("\n")[:-1] == [
        f"Try number {number}" for number in (4, 3, 2, 1)
    ]
    assert shown(target, "train.py", "better~1").startswith("rate = 3")
    assert shown(target, "data.py") == "new\n"
    assert shown(target, "README") == "mine\n"
    assert git(target, "rev-parse", "better").strip() == done.tip
    message = git(target, "log", "-1", "--format=%an %B", "better")
    assert message.startswith("A Person Try number 4")
    assert "Autores-Run: r1" in message
    assert "loss 1.0000 → 0.6000" in message


def test_nothing_but_the_branch_changes(story: Story, tmp_path: Path) -> None:
    target = repository(tmp_path / "mine", TREES[0])
    (target / "draft").write_text("not committed\n")
    branch_of(story, target)
    assert git(target, "status", "--porcelain") == "?? draft\n"
    assert git(target, "branch", "--show-current") == "main\n"
    assert git(target, "fsck", "--strict", "--no-dangling") == ""


@pytest.mark.parametrize(
    ("squash", "subjects"),
    [
        (
            Squash.KEEP,
            ["Improve optimizer, schedule in 2 steps", "Improve data, optimizer in 2 steps"],
        ),
        (Squash.SURFACE, ["Improve optimizer in 2 steps", "Try number 2", "Try number 4"]),
        (Squash.ALL, ["Improve data, optimizer, schedule in 4 steps"]),
    ],
)
def test_steps_can_be_squashed(
    story: Story, tmp_path: Path, squash: Squash, subjects: list[str]
) -> None:
    target = repository(tmp_path / "mine", TREES[0])
    assert list(branch_of(story, target, squash).subjects) == subjects
    assert shown(target, "train.py").encode() == TREES[4]["train.py"]


def test_steps_that_do_not_come_apart_stay_in_their_order(
    story: Story, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in TREES:
        monkeypatch.setitem(TREES, number, {"train.py": f"rate = {number}\n".encode()})
    target = repository(tmp_path / "mine", TREES[0])
    done = branch_of(story, target, Squash.SURFACE)
    assert done.subjects == tuple(f"Try number {number}" for number in (1, 2, 3, 4))


def test_the_recipe_may_lie_in_a_folder_and_have_moved_on(story: Story, tmp_path: Path) -> None:
    newer = {
        "train.py": TREES[0]["train.py"].replace(b"#\n#\n#", b"#\n#\nmine = 1\n#", 1),
        "keep.py": b"same\n",
    }
    target = repository(tmp_path / "mine", newer, "recipes/one")
    branch_of(story, target / "recipes", folder="recipes/one")
    text = shown(target, "recipes/one/train.py")
    assert text.startswith("rate = 3")
    assert "mine = 1\n" in text
    assert text.endswith("steps = 5\n")


def test_newer_work_is_never_overwritten(story: Story, tmp_path: Path) -> None:
    target = repository(tmp_path / "mine", recipe(7, 1))
    with pytest.raises(UserError, match=r"train\.py differs"):
        branch_of(story, target)
    assert git(target, "branch", "--format=%(refname:short)") == "main\n"


def test_a_recipe_that_is_not_there_is_missed(story: Story, tmp_path: Path) -> None:
    target = repository(tmp_path / "mine", {"other.py": b"x\n"})
    with pytest.raises(UserError, match="--folder"):
        branch_of(story, target)


def test_a_branch_is_not_written_twice(story: Story, tmp_path: Path) -> None:
    target = repository(tmp_path / "mine", TREES[0])
    branch_of(story, target)
    with pytest.raises(UserError, match="already"):
        branch_of(story, target)


def test_without_a_repository_or_a_keep_it_says_what_to_do(story: Story, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="--into"):
        branch_of(story, tmp_path)
    with pytest.raises(UserError, match="nothing was kept"):
        branch_of(read(MemoryStore(), TASK), tmp_path)
