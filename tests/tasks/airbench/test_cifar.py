from __future__ import annotations

import pickle
import tarfile
from pathlib import Path

import numpy as np
import pytest

from autores.errors import UserError
from autores.tasks.airbench import cifar

NAMES = [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cifar, "PER_FILE", 20)


def _pixels(name: str) -> np.ndarray:
    rng = np.random.default_rng(NAMES.index(name))
    return rng.integers(0, 256, (20, 3072), dtype=np.uint8)


LABELS = [i % 10 for i in range(20)]


def _write_py(folder: Path, protocol: int = 2) -> Path:
    folder.mkdir(parents=True)
    for name in NAMES:
        batch = {b"data": _pixels(name), b"labels": LABELS, b"batch_label": b"x"}
        (folder / name).write_bytes(pickle.dumps(batch, protocol=protocol))
    return folder


def _write_bin(folder: Path) -> Path:
    folder.mkdir(parents=True)
    for name in NAMES:
        rows = np.concatenate([np.array(LABELS, np.uint8)[:, None], _pixels(name)], axis=1)
        (folder / f"{name}.bin").write_bytes(rows.tobytes())
    return folder


@pytest.mark.usefixtures("small")
def test_both_formats_give_the_same_images(tmp_path: Path) -> None:
    py = cifar.read(_write_py(tmp_path / "py"), verify=False)
    binary = cifar.read(_write_bin(tmp_path / "bin"))
    for a, b in zip(py, binary, strict=True):
        assert np.array_equal(a.images, b.images)
        assert np.array_equal(a.labels, b.labels)
    assert py[0].images.shape == (100, 3, 32, 32)
    assert np.array_equal(py[1].images[0, 1].ravel(), _pixels("test_batch")[0, 1024:2048])


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_pickles_of_any_protocol_are_read(tmp_path: Path, protocol: int) -> None:
    train, test = cifar.read(_write_py(tmp_path / "py", protocol), verify=False)
    assert (len(train), len(test)) == (100, 20)


class _Attack:
    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[object, tuple[str, str]]:
        return open, (str(self.marker), "w")


@pytest.mark.usefixtures("small")
def test_a_pickle_that_calls_something_is_refused(tmp_path: Path) -> None:
    folder, marker = _write_py(tmp_path / "py"), tmp_path / "marker"
    (folder / "data_batch_2").write_bytes(pickle.dumps({b"data": _Attack(marker)}))
    with pytest.raises(UserError, match="not allowed"):
        cifar.read(folder, verify=False)
    assert not marker.exists()


@pytest.mark.usefixtures("small")
def test_a_changed_byte_is_noticed_by_hash(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="MD5"):
        cifar.read(_write_py(tmp_path / "py"))


@pytest.mark.usefixtures("small")
def test_published_hashes_are_accepted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import hashlib

    folder = _write_py(tmp_path / "py")
    hashes = {n: hashlib.md5((folder / n).read_bytes()).hexdigest() for n in NAMES}
    monkeypatch.setattr(cifar, "PY_MD5", hashes)
    assert len(cifar.read(folder)[0]) == 100


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda data: data[:-1], "multiple of 3073"),
        (lambda data: data[:-3073], "19 images"),
        (lambda data: b"\x0b" + data[1:], "label 11"),
        (lambda data: b"\x01" + data[1:], "equal size"),
    ],
)
def test_a_damaged_bin_file_is_refused(tmp_path: Path, damage: object, message: str) -> None:
    folder = _write_bin(tmp_path / "bin")
    path = folder / "test_batch.bin"
    path.write_bytes(damage(path.read_bytes()))  # type: ignore[operator]
    with pytest.raises(UserError, match=message):
        cifar.read(folder)


def test_find_looks_at_and_below_the_roots(tmp_path: Path) -> None:
    assert cifar.find([tmp_path]) is None
    folder = _write_bin(tmp_path / cifar.BIN_FOLDER)
    assert cifar.find([tmp_path / "none", tmp_path]) == folder
    assert cifar.find([folder]) == folder


def test_another_folder_is_refused_with_the_fix(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="fetch cifar-10"):
        cifar.read(tmp_path)


def test_fetch_refuses_what_was_not_published(tmp_path: Path) -> None:
    archive = tmp_path / "src" / "cifar-10-binary.tar.gz"
    archive.parent.mkdir()
    archive.write_bytes(b"something else")
    with pytest.raises(UserError, match="not the published one"):
        cifar.fetch(tmp_path / "into", url=archive.as_uri())
    assert not list((tmp_path / "into").iterdir())


def test_fetch_unpacks_what_was_published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import hashlib

    folder = _write_bin(tmp_path / "src" / cifar.BIN_FOLDER)
    archive = tmp_path / "src" / "cifar-10-binary.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(folder, cifar.BIN_FOLDER)
    digest = hashlib.md5(archive.read_bytes()).hexdigest()
    monkeypatch.setattr(cifar, "ARCHIVES", {archive.name: f"md5 {digest}"})
    into = cifar.fetch(tmp_path / "into", url=archive.as_uri())
    assert cifar.find([into]) == into / cifar.BIN_FOLDER


def test_fetch_says_what_to_do_without_a_network(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="by hand"):
        cifar.fetch(tmp_path, url=(tmp_path / "none.tar.gz").as_uri())


def _newer(folder: Path, pixels: np.ndarray, labels: np.ndarray, version: str = "v6") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / f"cifar10.1_{version}_data.npy", pixels)
    np.save(folder / f"cifar10.1_{version}_labels.npy", labels)


@pytest.mark.parametrize("place", ["", "datasets", "CIFAR-10.1/datasets"])
def test_newer_pictures_are_found_and_turned(tmp_path: Path, place: str) -> None:
    rng = np.random.default_rng(1)
    pixels = rng.integers(0, 256, (6, 32, 32, 3), dtype=np.uint8)
    _newer(tmp_path / place, pixels, np.arange(6, dtype=np.int32))
    found = cifar.find_newer(tmp_path)
    assert found is not None
    assert found.images.shape == (6, 3, 32, 32)
    assert found.images[4, 2, 7, 9] == pixels[4, 7, 9, 2]
    assert found.labels.tolist() == [0, 1, 2, 3, 4, 5]


def test_there_need_be_no_newer_pictures(tmp_path: Path) -> None:
    assert cifar.find_newer(tmp_path) is None


@pytest.mark.parametrize(
    ("pixels", "labels", "why"),
    [
        (np.zeros((3, 32, 32, 3), np.float32), np.zeros(3, np.uint8), "float32"),
        (np.zeros((3, 3, 32, 32), np.uint8), np.zeros(3, np.uint8), "of shape"),
        (np.zeros((3, 32, 32, 3), np.uint8), np.zeros(2, np.uint8), "labels"),
        (np.zeros((3, 32, 32, 3), np.uint8), np.full(3, 10), "labels"),
        (np.zeros(3, object), np.zeros(3, np.uint8), "pickle"),
    ],
)
def test_other_files_of_that_name_are_refused(
    tmp_path: Path, pixels: np.ndarray, labels: np.ndarray, why: str
) -> None:
    _newer(tmp_path, pixels, labels)
    with pytest.raises(UserError, match=f"(?s){why}.*take it from"):
        cifar.find_newer(tmp_path)
