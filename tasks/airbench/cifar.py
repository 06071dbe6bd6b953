"""CIFAR-10 as it is published: the `py` and the `bin` folder, read without running anything."""

from __future__ import annotations

import hashlib
import io
import pickle
import shutil
import tarfile
import urllib.request
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import numpy as np

from autores.errors import UserError
from autores.tasks.airbench.world import CLASSES, SIDE, Images

PAGE = "https://www.cs.toronto.edu/~kriz/cifar.html"
ARCHIVES = {
    "cifar-10-python.tar.gz": "md5 c58f30108f718f92721af3b95e74349a",
    "cifar-10-binary.tar.gz": "md5 c32a1d4ab5d03f1284b67883e8d87530",
}
PY_FOLDER = "cifar-10-batches-py"
BIN_FOLDER = "cifar-10-batches-bin"
PER_FILE = 10_000
NEWER_PAGE = "https://github.com/modestyachts/CIFAR-10.1"
NEWER = ("cifar10.1_v6", "cifar10.1_v4")
"""CIFAR-10.1: pictures that were collected years later, as their files begin; v6 is preferred."""
_PIXELS = 3 * SIDE * SIDE
_ROW = 1 + _PIXELS
_TRAIN = tuple(f"data_batch_{i}" for i in range(1, 6))
_TEST = "test_batch"

PY_MD5: Mapping[str, str] = {
    "data_batch_1": "c99cafc152244af753f735de768cd75f",
    "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
    "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
    "data_batch_4": "634d18415352ddfa80567beed471001a",
    "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
    "test_batch": "40351d587109b95175f43aff81a1287e",
}
"""As published for the `py` folder. For the files of `bin` no hashes are published, only for
their archive; there sizes and class counts are checked."""

_ALLOWED = {
    ("numpy", "dtype"),
    ("numpy", "ndarray"),
    ("numpy.core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "_reconstruct"),
    ("_codecs", "encode"),
}


class _ArraysOnly(pickle.Unpickler):
    """Builds arrays, and refuses every other name that a pickle may ask for."""

    def find_class(self, module: str, name: str) -> object:
        if (module, name) not in _ALLOWED:
            raise pickle.UnpicklingError(f"{module}.{name} is not allowed here")
        return super().find_class(module.replace("numpy.core", "numpy._core"), name)


def find(roots: Iterable[Path]) -> Path | None:
    """The first folder of either format at or below one of the roots."""
    for root in roots:
        for folder in (root, root / PY_FOLDER, root / BIN_FOLDER):
            if _reader(folder):
                return folder
    return None


def read(folder: Path, *, verify: bool = True) -> tuple[Images, Images]:
    """All training and all test images.

    Args:
        folder: A folder of either format.
        verify: Check hashes (`py`) or class counts (`bin`), besides sizes.

    Raises:
        UserError: The folder is neither format, or a file is not what was published.
    """
    reader = _reader(folder)
    if reader is None:
        raise UserError(
            f"{folder} holds no CIFAR-10; fetch {' or '.join(ARCHIVES)} from {PAGE} and unpack it"
        )
    parts = [reader(folder, name, verify) for name in (*_TRAIN, _TEST)]
    train = Images(
        images=np.concatenate([p.images for p in parts[:-1]]),
        labels=np.concatenate([p.labels for p in parts[:-1]]),
    )
    if verify:
        _check_balance(folder, train, parts[-1])
    return train, parts[-1]


def find_newer(root: Path) -> Images | None:
    """CIFAR-10.1, where its files lie in a folder or its folder `datasets`; else None.

    Raises:
        UserError: They are there and not what was published.
    """
    for folder in (root, root / "CIFAR-10.1" / "datasets", root / "datasets"):
        for name in NEWER:
            files = tuple(folder / f"{name}_{kind}.npy" for kind in ("data", "labels"))
            if all(file.is_file() for file in files):
                return _read_newer(*files)
    return None


def _read_newer(data: Path, names: Path) -> Images:
    try:
        pixels, labels = (np.load(path, allow_pickle=False) for path in (data, names))
    except (OSError, ValueError) as error:
        raise _not_newer(data, str(error)) from error
    if pixels.shape[1:] != (SIDE, SIDE, 3) or pixels.dtype != np.uint8:
        raise _not_newer(data, f"it holds {pixels.dtype} of shape {pixels.shape}")
    if labels.shape != pixels.shape[:1] or not np.isin(labels, range(CLASSES)).all():
        raise _not_newer(names, "its labels do not belong to these pictures")
    return Images(
        images=np.ascontiguousarray(pixels.transpose(0, 3, 1, 2)), labels=labels.astype(np.uint8)
    )


def _not_newer(path: Path, why: str) -> UserError:
    return UserError(f"{path} is not CIFAR-10.1 as published: {why}; take it from {NEWER_PAGE}")


Reader = Callable[[Path, str, bool], Images]


def _reader(folder: Path) -> Reader | None:
    if (folder / _TEST).is_file():
        return _read_py
    return _read_bin if (folder / f"{_TEST}.bin").is_file() else None


def _read_py(folder: Path, name: str, verify: bool) -> Images:
    path = folder / name
    data = _bytes(path)
    if verify and hashlib.md5(data, usedforsecurity=False).hexdigest() != PY_MD5[name]:
        raise _damaged(path, "its MD5 is not the published one")
    try:
        batch = _ArraysOnly(io.BytesIO(data), encoding="bytes").load()
        pixels = np.asarray(batch[b"data"], dtype=np.uint8)
        labels = np.asarray(batch[b"labels"], dtype=np.uint8)
    except (pickle.UnpicklingError, KeyError, TypeError, ValueError, EOFError) as error:
        raise _damaged(path, str(error)) from error
    return _images(path, pixels, labels)


def _read_bin(folder: Path, name: str, verify: bool) -> Images:
    path = folder / f"{name}.bin"
    data = np.frombuffer(_bytes(path), dtype=np.uint8)
    if len(data) % _ROW:
        raise _damaged(path, f"its size is no multiple of {_ROW} bytes")
    rows = data.reshape(-1, _ROW)
    return _images(path, rows[:, 1:], rows[:, 0])


def _images(path: Path, pixels: np.ndarray, labels: np.ndarray) -> Images:
    if pixels.shape != (PER_FILE, _PIXELS) or labels.shape != (PER_FILE,):
        raise _damaged(path, f"it has {len(labels)} images instead of {PER_FILE}")
    if labels.max(initial=0) >= CLASSES:
        raise _damaged(path, f"label {labels.max()} is not one of {CLASSES} classes")
    return Images(images=pixels.reshape(-1, 3, SIDE, SIDE).copy(), labels=labels.copy())


def _check_balance(folder: Path, train: Images, test: Images) -> None:
    for part in (train, test):
        counts = np.bincount(part.labels, minlength=CLASSES)
        if len(set(counts.tolist())) != 1:
            raise _damaged(folder, f"its classes are not of equal size: {counts.tolist()}")


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise _damaged(path, str(error)) from error


def _damaged(path: Path, why: str) -> UserError:
    return UserError(f"{path} is not CIFAR-10 as published: {why}; unpack it again from {PAGE}")


def fetch(
    into: Path, *, url: str = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"
) -> Path:
    """Download one archive, check its hash, unpack its plain files; never done unasked.

    Raises:
        UserError: The download failed, or what came is not what was published.
    """
    into.mkdir(parents=True, exist_ok=True)
    archive = into / url.rsplit("/", 1)[-1]
    try:
        with urllib.request.urlopen(url, timeout=60) as response, archive.open("wb") as out:
            shutil.copyfileobj(response, out)
    except OSError as error:
        raise UserError(f"cannot fetch {url}: {error}; put a copy into {into} by hand") from error
    unpack(archive, into)
    archive.unlink()
    return into


def unpack(archive: Path, into: Path) -> None:
    """Unpack a published archive, after checking that it is one.

    Raises:
        UserError: Its hash is not the published one.
    """
    digest = hashlib.md5(archive.read_bytes(), usedforsecurity=False).hexdigest()
    if ARCHIVES.get(archive.name) != f"md5 {digest}":
        archive.unlink()
        raise UserError(f"{archive.name} has MD5 {digest}, not the published one; fetch it again")
    with tarfile.open(archive) as tar:
        tar.extractall(into, filter="data")
