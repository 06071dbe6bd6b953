from __future__ import annotations

import stat
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from autores.errors import UserError
from autores.tasks.parameter_golf import data, fineweb
from autores.tasks.parameter_golf.profiles import PROFILES, Profile
from autores.tasks.text.pieces import BOS, read_model, write_model
from autores.tasks.text.shards import read_shard, write_shard
from autores.tasks.text.tokenizer import Tokenizer, byte_tokenizer

TINY = replace(
    PROFILES["micro"],
    train_bytes=60_000,
    sizes={**PROFILES["micro"].sizes, "lanes": 8, "columns": 64},
)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> data.Prepared:
    return data.prepare(TINY, tmp_path_factory.mktemp("data"))


def test_prepare_makes_three_disjoint_parts(prepared: data.Prepared) -> None:
    tokenizer = Tokenizer(read_model((prepared.folder / data.TRAIN / data.MODEL).read_bytes()))
    paths = [
        prepared.folder / data.TRAIN / "fineweb_train_000000.bin",
        *(prepared.folder / data.HELD_OUT / f"{s}.bin" for s in ("evaluation", "certification")),
    ]
    parts = []
    for path in paths:
        tokens = read_shard(path)
        documents = np.split(tokens, np.flatnonzero(tokens == BOS)[1:])
        parts.append({tokenizer.decode(d.tolist()) for d in documents})
    assert all(len(part) > 15 for part in parts)  # of about 39, more or fewer as worlds go
    assert len(parts[1] & parts[0]) + len(parts[2] & parts[1]) <= 2  # a short list may come twice


def test_what_is_predicted_has_the_shape_of_the_profile(prepared: data.Prepared) -> None:
    stream, other = prepared.held_out("evaluation", TINY)
    assert stream.targets.shape == (8, 64)
    assert stream.vocabulary == TINY.sizes["vocabulary"]
    assert 1.2 * stream.targets.size < stream.bytes < 4 * stream.targets.size
    assert len(other) > 8 * TINY.sizes["chunk"]


def test_prepare_is_idempotent_and_worlds_differ(prepared: data.Prepared, tmp_path: Path) -> None:
    assert data.prepare(TINY, prepared.folder.parents[1]) == prepared
    assert data.prepare(TINY, tmp_path).world != prepared.world


def test_the_key_and_the_answers_are_private(prepared: data.Prepared) -> None:
    folder = prepared.folder / data.HELD_OUT
    assert {stat.S_IMODE(p.stat().st_mode) for p in folder.iterdir()} == {0o600}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    key = (folder / "key").read_bytes()
    assert len(key) == 16
    assert key.hex() not in (prepared.folder / "manifest.json").read_text()


def test_a_changed_file_is_noticed(tmp_path: Path) -> None:
    prepared = data.prepare(TINY, tmp_path)
    path = prepared.folder / data.HELD_OUT / "evaluation.bin"
    write_shard(path, np.ones(10_000, np.int64))
    with pytest.raises(UserError, match="changed since"):
        data.prepare(TINY, tmp_path)


def test_data_for_other_sizes_is_refused(prepared: data.Prepared) -> None:
    with pytest.raises(UserError, match="other sizes"):
        data.open_prepared(PROFILES["micro"], prepared.folder.parents[1])


def test_data_that_was_not_prepared_names_the_command(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="autores prepare parameter_golf --profile micro"):
        data.open_prepared(TINY, tmp_path)


def test_an_interrupted_prepare_starts_over(tmp_path: Path) -> None:
    folder = data.folder_of(TINY, tmp_path)
    (folder / data.HELD_OUT).mkdir(parents=True)
    (folder / data.HELD_OUT / "key").write_bytes(b"half")
    assert data.prepare(TINY, tmp_path).source == "generated"


def test_staging_links_and_leaves_held_out_text_where_it_is(
    prepared: data.Prepared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError("another file system")

    for number, link in enumerate((True, False)):
        into = tmp_path / str(number)
        into.mkdir()
        if not link:
            monkeypatch.setattr("os.link", refuse)
        data.stage(prepared, into)
        names = sorted(p.name for p in into.iterdir())
        assert names == ["fineweb_train_000000.bin", data.MODEL]
        assert {stat.S_IMODE(p.stat().st_mode) for p in into.iterdir()} == {0o644}


@pytest.mark.slow
def test_the_cpu_profile_is_prepared_in_under_a_minute(tmp_path: Path) -> None:
    begun = time.process_time()
    data.prepare(PROFILES["cpu"], tmp_path)
    assert time.process_time() - begun < 60


# ------------------------------------------------------------------------------- FineWeb


def _publish(root: Path, vocabulary: int) -> None:
    folder = root / "datasets" / f"fineweb10B_sp{vocabulary}"
    folder.mkdir(parents=True)
    (root / "tokenizers").mkdir()
    model = root / "tokenizers" / f"fineweb_{vocabulary}_bpe.model"
    model.write_bytes(write_model(byte_tokenizer().pieces))
    texts = [f"document number {n}" for n in range(600)]
    tokens = byte_tokenizer().documents(texts)
    write_shard(folder / "fineweb_train_000000.bin", tokens)
    write_shard(folder / "fineweb_train_000001.bin", tokens[: len(tokens) // 2])
    write_shard(folder / "fineweb_val_000000.bin", tokens)


REAL = replace(
    PROFILES["paper"],
    sizes={**PROFILES["paper"].sizes, "vocabulary": 260, "lanes": 8, "columns": 64},
)


def test_paper_uses_the_published_files(tmp_path: Path) -> None:
    _publish(tmp_path / "data", 260)
    prepared = data.prepare(REAL, tmp_path)
    assert prepared.source == "fineweb"
    assert prepared.world.startswith("fineweb-")
    stream, _ = prepared.held_out("evaluation", REAL)
    other, _ = prepared.held_out("certification", REAL)
    assert (stream.inputs[:, 0] == BOS).all()
    assert not np.array_equal(stream.inputs, other.inputs)
    (tmp_path / "into").mkdir()
    data.stage(prepared, tmp_path / "into")
    assert len(list((tmp_path / "into").iterdir())) == 3


def test_half_a_published_file_is_refused(tmp_path: Path) -> None:
    _publish(tmp_path, 260)
    path = next(tmp_path.rglob("fineweb_train_000000.bin"))
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(UserError, match="fetch it again"):
        data.prepare(REAL, tmp_path)


def test_paper_says_where_to_put_what(tmp_path: Path) -> None:
    paper: Profile = PROFILES["paper"]
    with pytest.raises(UserError, match=r"fineweb10B_sp8192 and the tokenizer at .*--data"):
        data.prepare(paper, tmp_path)
    assert fineweb.find(tmp_path, 8_192) is None
