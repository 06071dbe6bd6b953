from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from autores.errors import UserError
from autores.tasks.nanochat import bundle
from autores.tasks.nanochat.bundle import PUBLISHED_CHANCE, CoreTask, Kind
from autores.tasks.text.dice import TEST_KEY

pytest.importorskip("yaml")


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bundle")
    bundle.write_generated(folder, TEST_KEY, "evaluation", 40)
    return folder


def test_a_generated_bundle_has_all_three_kinds(written: Path) -> None:
    tasks = bundle.read(written)
    assert {task.kind for task in tasks} == set(Kind)
    assert all(len(task.items) == 40 for task in tasks)
    assert {task.shots for task in tasks} == {0, 1, 2, 3}
    assert {task.chance for task in tasks if task.kind is Kind.CHOICE} == {25}


def test_the_same_key_gives_the_same_bundle_and_splits_differ(
    written: Path, tmp_path: Path
) -> None:
    again, other = tmp_path / "again", tmp_path / "other"
    bundle.write_generated(again, TEST_KEY, "evaluation", 40)
    bundle.write_generated(other, TEST_KEY, "certification", 40)
    assert bundle.read(again) == bundle.read(written) != bundle.read(other)


def test_liking_a_word_whatever_is_asked_earns_nothing(written: Path) -> None:
    for task in bundle.read(written):
        if task.kind is Kind.CHOICE:
            shown = Counter(choice for item in task.items for choice in item["choices"])
            right = Counter(item["choices"][item["gold"]] for item in task.items)
            assert all(4 * right[word] <= shown[word] + 3 for word in right), task.label


def test_the_published_layout_is_read(tmp_path: Path) -> None:
    place = tmp_path / "eval_data" / "world_knowledge"
    place.mkdir(parents=True)
    item = {"query": "q", "choices": ["a", "b"], "gold": 1}
    (place / "arc.jsonl").write_text(json.dumps(item) + "\n\n")
    (tmp_path / "core.yaml").write_text(
        "icl_tasks:\n"
        "- label: arc\n  dataset_uri: world_knowledge/arc.jsonl\n  num_fewshot: [10]\n"
        "  icl_task_type: multiple_choice\n  has_categories: false\n"
        '  continuation_delimiter: "\\nAnswer: "\n'
    )
    header = "Eval Task,Task Category,Random baseline\n"
    (tmp_path / "eval_meta_data.csv").write_text(header + "arc,world,25\n")
    (task,) = bundle.read(tmp_path)
    assert task == CoreTask(
        label="arc", kind=Kind.CHOICE, shots=10, chance=25, items=(item,), delimiter="\nAnswer: "
    )


@pytest.mark.parametrize("name", ["core.yaml", "eval_meta_data.csv"])
def test_a_bundle_that_is_not_whole_says_so(tmp_path: Path, name: str) -> None:
    bundle.write_generated(tmp_path, TEST_KEY, "evaluation", 2)
    (tmp_path / name).unlink()
    with pytest.raises(UserError, match=f"{name} is missing"):
        bundle.read(tmp_path)


def test_a_task_without_a_baseline_is_refused(tmp_path: Path) -> None:
    bundle.write_generated(tmp_path, TEST_KEY, "evaluation", 2)
    (tmp_path / "eval_meta_data.csv").write_text("Eval Task,Random baseline\n")
    with pytest.raises(UserError, match="cannot be read"):
        bundle.read(tmp_path)


def _published() -> list[CoreTask]:
    return [
        CoreTask(label=label, kind=Kind.CHOICE, shots=0, chance=chance, items=())
        for label, chance in PUBLISHED_CHANCE.items()
    ]


def test_the_published_baselines_are_recognised() -> None:
    assert len(PUBLISHED_CHANCE) == 22
    bundle.check_published(_published())


def test_the_second_version_of_core_is_refused() -> None:
    tasks = [replace(t, chance=40.3) if t.label == "commonsense_qa" else t for t in _published()]
    with pytest.raises(UserError, match=r"commonsense_qa is 40.3, not 20"):
        bundle.check_published(tasks)
    with pytest.raises(UserError, match="23 tasks"):
        bundle.check_published([*_published(), replace(tasks[0], label="more")])
