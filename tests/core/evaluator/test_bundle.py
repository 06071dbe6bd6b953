from __future__ import annotations

import json
from pathlib import Path

import pytest

from autores.evaluator.bundle import BadBundle, code_hash, read_bundle, write_bundle
from autores.evaluator.request import EvaluationRequest
from autores.evaluator.trees import FileTree
from autores.records import Direction, Evaluation, Limits, Metric, Purpose, Recipe, Task

FILES = {"train.py": b"pass\n", "lib/net.py": b"x = 1\n"}
PLUGIN = "autores.tasks.airbench.plugin"


def _request(trial: int, commit: str, tree: str) -> EvaluationRequest:
    return EvaluationRequest(
        evaluation=Evaluation(
            trial=trial, ordinal=0, purpose=Purpose.FIRST, commit=commit, seeds=(1,)
        ),
        tree=tree,
        task=Task(
            name="t",
            title="T",
            metric=Metric(name="loss", direction=Direction.MINIMIZE),
            recipe=Recipe(path="/r"),
        ),
        plugin=PLUGIN,
        limits=Limits(wall={}, artifact_bytes=1),
        data_dir="/d",
        secret="00",
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    tree = FileTree(FILES).id
    requests = [_request(n, commit, tree) for n, commit in enumerate(("aa", "bb", "aa"))]
    write_bundle(tmp_path / "job", requests, {"aa": FILES, "bb": FILES})
    return tmp_path / "job"


def test_a_job_is_read_as_it_was_written(folder: Path) -> None:
    bundle = read_bundle(folder)
    assert [r.evaluation.commit for r in bundle.requests] == ["aa", "bb", "aa"]
    for request in bundle.requests:
        assert dict(bundle.tree(request)) == FILES
        bundle.check_code(request)


def test_its_secrets_are_for_the_owner_alone(folder: Path) -> None:
    assert (folder / "bundle.json").stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700


def test_an_edited_tree_is_refused(folder: Path) -> None:
    (folder / "trees" / "bb" / "train.py").write_bytes(b"print('better')\n")
    bundle = read_bundle(folder)
    bundle.tree(bundle.requests[0])
    with pytest.raises(BadBundle, match="submitted"):
        bundle.tree(bundle.requests[1])


def test_a_file_too_many_is_refused(folder: Path) -> None:
    (folder / "trees" / "aa" / "conftest.py").write_bytes(b"")
    bundle = read_bundle(folder)
    with pytest.raises(BadBundle, match="submitted"):
        bundle.tree(bundle.requests[0])


def test_a_missing_tree_is_refused(folder: Path) -> None:
    bundle = read_bundle(folder)
    (folder / "trees" / "aa").rename(folder / "trees" / "cc")
    with pytest.raises(BadBundle):
        bundle.tree(bundle.requests[0])


@pytest.mark.parametrize("module", ["autores", PLUGIN])
def test_other_code_than_the_supervisors_is_refused(folder: Path, module: str) -> None:
    path = folder / "bundle.json"
    description = json.loads(path.read_text())
    description["code"][module] = "0" * 64
    path.write_text(json.dumps(description))
    bundle = read_bundle(folder)
    with pytest.raises(BadBundle, match=module):
        bundle.check_code(bundle.requests[0])


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"version": 99}', '{"version": 1, "code": {}}'])
def test_a_damaged_description_is_refused(folder: Path, text: str) -> None:
    (folder / "bundle.json").write_text(text)
    with pytest.raises(BadBundle):
        read_bundle(folder)


def test_the_hash_of_code_follows_the_code_and_not_the_recipe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "some_task_package"
    (package / "recipe").mkdir(parents=True)
    for name in ("__init__.py", "plugin.py", "recipe/train.py"):
        (package / name).touch()
    monkeypatch.syspath_prepend(tmp_path)
    before = code_hash("some_task_package.plugin")
    (package / "recipe" / "train.py").write_text("x = 1")
    assert code_hash("some_task_package.plugin") == before
    (package / "scoring.py").write_text("x = 1")
    assert code_hash("some_task_package.plugin") != before


def test_a_plugin_that_is_not_installed_is_our_failure() -> None:
    with pytest.raises(BadBundle, match="not installed"):
        code_hash("no_such_plugin_anywhere")
