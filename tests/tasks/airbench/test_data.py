from __future__ import annotations

import dataclasses
import stat
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autores.errors import UserError
from autores.tasks.airbench import cifar, data
from autores.tasks.airbench.profiles import PROFILES
from autores.tasks.airbench.world import Images

TINY = dataclasses.replace(
    PROFILES["micro"], sizes={**PROFILES["micro"].sizes, "train_images": 120, "test_images": 60}
)


def test_prepare_makes_three_disjoint_parts(tmp_path: Path) -> None:
    prepared = data.prepare(TINY, tmp_path)
    parts = [
        prepared.train(),
        prepared.held_out("evaluation"),
        prepared.held_out("certification"),
    ]
    assert [len(p) for p in parts] == [120, 60, 60]
    assert len({image.tobytes() for p in parts for image in p.images}) == 240


def test_prepare_is_idempotent_and_worlds_differ(tmp_path: Path) -> None:
    first = data.prepare(TINY, tmp_path / "a")
    assert data.prepare(TINY, tmp_path / "a") == first
    assert data.prepare(TINY, tmp_path / "b").world != first.world


def test_the_key_and_the_answers_are_private(tmp_path: Path) -> None:
    folder = data.prepare(TINY, tmp_path).folder
    modes = {p.name: stat.S_IMODE(p.stat().st_mode) for p in (folder / data.HELD_OUT).iterdir()}
    assert len(modes) == 5
    assert set(modes.values()) == {0o600}
    assert stat.S_IMODE((folder / data.HELD_OUT).stat().st_mode) == 0o700
    key = (folder / data.HELD_OUT / "key").read_bytes()
    assert len(key) == 16
    assert key.hex() not in (folder / "manifest.json").read_text()


def test_an_interrupted_prepare_starts_over(tmp_path: Path) -> None:
    folder = data.folder_of(TINY, tmp_path)
    (folder / data.HELD_OUT).mkdir(parents=True)
    (folder / data.HELD_OUT / "key").write_bytes(b"half")
    assert len(data.prepare(TINY, tmp_path).train()) == 120


def test_a_changed_file_is_noticed(tmp_path: Path) -> None:
    prepared = data.prepare(TINY, tmp_path)
    path = prepared.folder / data.HELD_OUT / "evaluation_labels.npy"
    np.save(path, np.zeros(60, np.uint8))
    with pytest.raises(UserError, match="changed since"):
        data.prepare(TINY, tmp_path)


def test_data_for_other_sizes_is_refused(tmp_path: Path) -> None:
    data.prepare(TINY, tmp_path)
    with pytest.raises(UserError, match="other sizes"):
        data.open_prepared(PROFILES["micro"], tmp_path)


def test_data_that_was_not_prepared_names_the_command(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="autores prepare airbench --profile micro"):
        data.open_prepared(TINY, tmp_path)


def test_paper_wants_cifar_and_says_where_to_put_it(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"cifar-10-binary\.tar\.gz .* unpack it in"):
        data.prepare(PROFILES["paper"], tmp_path)


def _fake_cifar(monkeypatch: pytest.MonkeyPatch, root: Path) -> None:
    rng = np.random.default_rng(0)
    parts = [
        Images(
            images=rng.integers(0, 256, (n, 3, 32, 32), dtype=np.uint8),
            labels=rng.integers(0, 10, n, dtype=np.uint8),
        )
        for n in (50, 20)
    ]
    monkeypatch.setattr(cifar, "find", lambda roots: root)
    monkeypatch.setattr(cifar, "read", lambda folder: tuple(parts))


def test_paper_evaluates_on_all_test_images(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _fake_cifar(monkeypatch, tmp_path)
    prepared = data.prepare(PROFILES["paper"], tmp_path)
    assert (prepared.source, prepared.world) == (data.CIFAR, data.CIFAR)
    assert [len(prepared.held_out(s)) for s in ("evaluation", "certification")] == [20, 20]


def test_gpu_splits_the_test_images_in_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _fake_cifar(monkeypatch, tmp_path)
    prepared = data.prepare(PROFILES["gpu"], tmp_path)
    halves = [prepared.held_out(s) for s in ("evaluation", "certification")]
    assert [len(h) for h in halves] == [10, 10]
    assert len({i.tobytes() for h in halves for i in h.images}) == 20
    assert prepared.world != data.CIFAR


def test_generated_pictures_that_were_held_back_are_named(tmp_path: Path) -> None:
    data.prepare(TINY, tmp_path)
    assert data.certification(TINY, tmp_path) == (
        "60 pictures that the generator drew apart from all others"
    )


@pytest.mark.parametrize(
    ("name", "without"),
    [("paper", None), ("gpu", "the 10 test pictures of CIFAR-10 that no trial was asked")],
)
def test_newer_pictures_are_taken_once_they_are_supplied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, without: str | None
) -> None:
    _fake_cifar(monkeypatch, tmp_path)
    before = data.prepare(PROFILES[name], tmp_path)
    assert before.newer() is None
    assert data.certification(PROFILES[name], tmp_path) == without
    np.save(tmp_path / "cifar10.1_v6_data.npy", np.full((3, 32, 32, 3), 9, np.uint8))
    np.save(tmp_path / "cifar10.1_v6_labels.npy", np.array([1, 2, 3], np.uint8))
    after = data.prepare(PROFILES[name], tmp_path)
    assert after == before
    newer = after.newer()
    assert newer is not None and newer.labels.tolist() == [1, 2, 3]
    assert stat.S_IMODE((after.folder / "held_out/newer_labels.npy").stat().st_mode) == 0o600
    said = data.certification(PROFILES[name], tmp_path) or ""
    assert said.startswith("the 3 pictures of CIFAR-10.1")
    assert without is None or said.endswith(f" and {without}")
    np.save(after.folder / "held_out/newer_labels.npy", np.array([1, 2, 4], np.uint8))
    with pytest.raises(UserError, match="changed since"):
        data.prepare(PROFILES[name], tmp_path)


@given(st.binary(min_size=1, max_size=32))
def test_a_permutation_renames_every_class_once(secret: bytes) -> None:
    assert sorted(data.permutation(secret).tolist()) == list(range(10))


def test_permutations_differ_by_secret() -> None:
    assert len({data.permutation(bytes([i])).tobytes() for i in range(20)}) > 15


@given(st.integers(0, 3000), st.integers(1, 700))
def test_batches_cover_everything_once(count: int, size: int) -> None:
    slices = list(data.batches(count, size))
    assert [i for s in slices for i in range(count)[s]] == list(range(count))
    assert all(s.stop - s.start <= size for s in slices)


def test_staging_links_the_images_and_renames_the_labels(tmp_path: Path) -> None:
    prepared = data.prepare(TINY, tmp_path)
    into, classes = tmp_path / "stage", data.permutation(b"seed")
    into.mkdir()
    data.stage(prepared, into, classes)
    assert (into / "train_images.npy").stat().st_nlink == 2
    assert np.array_equal(np.load(into / "train_labels.npy"), classes[prepared.train().labels])
    assert sorted(p.name for p in into.iterdir()) == ["train_images.npy", "train_labels.npy"]
    assert {stat.S_IMODE(p.stat().st_mode) for p in into.iterdir()} == {0o644}


def test_staging_copies_where_it_cannot_link(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError("another file system")

    prepared = data.prepare(TINY, tmp_path)
    monkeypatch.setattr("os.link", refuse)
    (tmp_path / "stage").mkdir()
    data.stage(prepared, tmp_path / "stage", data.permutation(b"seed"))
    assert np.array_equal(np.load(tmp_path / "stage/train_images.npy"), prepared.train().images)
