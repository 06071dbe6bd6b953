from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from autores.errors import UserError
from autores.tasks.nanochat import bundle, data, shards
from autores.tasks.nanochat.bundle import PUBLISHED_CHANCE
from autores.tasks.nanochat.data import Prepared
from autores.tasks.nanochat.profiles import Generated, Profile, profile_named

for needed in ("tokenizers", "pyarrow", "yaml"):
    pytest.importorskip(needed)

SMALL = Generated(
    train_bytes=60_000,
    validation_bytes=20_000,
    items=6,
    documents_per_group=16,
    tokenizer_bytes=30_000,
)


def _small(name: str) -> Profile:
    return replace(profile_named(name), generated=SMALL)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    return data.prepare(_small("micro"), tmp_path_factory.mktemp("data"))


def test_what_nobody_may_see_is_closed(prepared: Prepared) -> None:
    held_out = prepared.folder / "held_out"
    assert held_out.stat().st_mode & 0o777 == 0o700
    assert (held_out / "key").stat().st_mode & 0o777 == 0o600
    assert (prepared.source, len(prepared.world)) == ("generated", 12)


def test_preparing_again_keeps_the_world(prepared: Prepared) -> None:
    again = data.prepare(_small("micro"), prepared.folder.parents[1])
    assert again == prepared


def test_splits_share_neither_text_nor_items(prepared: Prepared) -> None:
    (train,) = (prepared.folder / "train" / shards.FOLDER).iterdir()
    texts = [set(prepared.validation(split)) for split in data.SPLITS] + [set(shards.read(train))]
    assert all(texts)
    assert not texts[0] & texts[1] and not texts[0] & texts[2]
    one, other = (prepared.items(prepared.tasks(s)[0], s) for s in data.SPLITS)
    assert len(one) == len(other) == 6
    assert one != other


def test_tokenizer_and_documents_are_all_that_appears(prepared: Prepared, tmp_path: Path) -> None:
    data.stage(prepared, tmp_path)
    found = {str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*") if p.is_file()}
    assert found == {"tokenizer/tokenizer.json", "base_data_climbmix/shard_00000.parquet"}


def test_the_recipe_reads_what_appears(prepared: Prepared, tmp_path: Path, recipe: object) -> None:
    import torch

    data.stage(prepared, tmp_path)
    sizes = prepared.profile.sizes
    stream = recipe.data.batches(tmp_path, sizes, torch.device("cpu"), 0, 1)  # type: ignore[attr-defined]
    inputs, targets = next(stream)
    assert inputs.shape == targets.shape == (sizes["device_batch"], sizes["sequence"])
    assert (inputs[:, 0] == prepared.vocabulary.bos).all()
    assert torch.equal(inputs[:, 1:], targets[:, :-1])


def test_ranks_read_different_groups(prepared: Prepared, tmp_path: Path, recipe: object) -> None:
    data.stage(prepared, tmp_path)
    texts = recipe.data.texts  # type: ignore[attr-defined]
    groups = [next(texts(tmp_path, rank, 2)) for rank in (0, 1)]
    assert [len(group) for group in groups] == [16, 16]
    assert groups[0] != groups[1]


def test_a_file_that_changed_is_named(tmp_path: Path) -> None:
    folder = data.prepare(_small("micro"), tmp_path).folder
    (folder / "train" / "tokenizer" / "tokenizer.json").write_text("{}")
    with pytest.raises(UserError, match=r"tokenizer\.json changed"):
        data.prepare(_small("micro"), tmp_path)


def test_other_sizes_want_another_preparation(prepared: Prepared) -> None:
    other = replace(_small("micro"), generated=replace(SMALL, items=7))
    with pytest.raises(UserError, match="other sizes"):
        data.open_prepared(other, prepared.folder.parents[1])


def test_what_was_not_prepared_says_how(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="autores prepare nanochat --profile cpu"):
        data.open_prepared(_small("cpu"), tmp_path)


# ---------------------------------------------------------------------- the published files


def _lay_out_published(folder: Path) -> None:
    """Files in the published layout, with little in them."""
    for number in range(3):
        texts = [f"document {number} {n} " * 9 for n in range(400)]
        shards.write(folder / "made", texts, per_group=64)
        target = folder / shards.FOLDER / shards.name(number)
        target.parent.mkdir(exist_ok=True)
        (folder / "made" / shards.name(0)).rename(target)
    place = folder / bundle.FOLDER / "eval_data" / "x"
    place.mkdir(parents=True)
    items = [{"query": f"q{n}", "choices": ["a", "b"], "gold": n % 2} for n in range(30)]
    (place / "t.jsonl").write_text("".join(json.dumps(item) + "\n" for item in items))
    listed = [
        f"- {{label: {label}, dataset_uri: x/t.jsonl, num_fewshot: [0], "
        "icl_task_type: multiple_choice}\n"
        for label in PUBLISHED_CHANCE
    ]
    (place.parents[1] / "core.yaml").write_text("icl_tasks:\n" + "".join(listed))
    rows = [f"{label},{chance}\n" for label, chance in PUBLISHED_CHANCE.items()]
    (place.parents[1] / "eval_meta_data.csv").write_text(
        "Eval Task,Random baseline\n" + "".join(rows)
    )


def test_published_files_are_used_where_they_are(tmp_path: Path) -> None:
    _lay_out_published(tmp_path)
    profile = replace(_small("paper"), items=10)
    prepared = data.prepare(profile, tmp_path)
    assert (prepared.source, prepared.world) == ("climbmix", "climbmix")
    train = sorted(p.name for p in (prepared.folder / "train" / shards.FOLDER).iterdir())
    assert train == ["shard_00000.parquet", "shard_00001.parquet"]
    data.stage(prepared, staged := tmp_path / "staged")
    assert len(list(shards.read(staged / shards.FOLDER / train[0]))) == 400
    assert {text.split()[1] for text in prepared.validation("evaluation")} == {"2"}
    assert len(prepared.tasks("evaluation")) == 22
    task = prepared.tasks("evaluation")[0]
    asked = [{i["query"] for i in prepared.items(task, split)} for split in data.SPLITS]
    assert [len(part) for part in asked] == [10, 10]
    assert not asked[0] & asked[1]


def test_the_paper_profile_takes_nothing_else(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="climbmix-400b-shuffle"):
        data.prepare(_small("paper"), tmp_path)


def test_an_item_that_cannot_be_asked_is_found_before_training(tmp_path: Path) -> None:
    _lay_out_published(tmp_path)
    path = tmp_path / bundle.FOLDER / "eval_data" / "x" / "t.jsonl"
    path.write_text('{"query": "q", "choices": ["a"]}\n')
    with pytest.raises(UserError, match="cannot be asked"):
        data.prepare(_small("paper"), tmp_path)
