"""The three parts that `prepare` fixes, and how one seed's training data is staged.

FOLDER/manifest.json            source, world id, counts, hashes
FOLDER/train_{images,labels}.npy
FOLDER/held_out/                0700; bound into no candidate, tool or agent sandbox
    key                         0600; the world follows from it
    evaluation_{images,labels}.npy
    certification_{images,labels}.npy
    newer_{images,labels}.npy   CIFAR-10.1, where it was supplied beside CIFAR-10
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autores.errors import UserError
from autores.tasks.airbench import cifar
from autores.tasks.airbench.profiles import Profile
from autores.tasks.airbench.world import CLASSES, Images, generate, stream, world_id

GENERATED = "generated"
CIFAR = "cifar10"
HELD_OUT = "held_out"
NEWER = "newer"
_MANIFEST = "manifest.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A prepared folder."""

    folder: Path
    source: str
    """`generated` or `cifar10`."""
    world: str
    """Scores compare only within one world."""

    def train(self) -> Images:
        """What a candidate may see."""
        return _load(self.folder / "train")

    def held_out(self, split: str) -> Images:
        """Part `evaluation` or `certification`.

        In profile `paper` both are the ten thousand test images, since the published protocol
        leaves none over; there a certificate rests on fresh seeds, and on `newer`.
        """
        return _load(self.folder / HELD_OUT / split)

    def newer(self) -> Images | None:
        """CIFAR-10.1: asked by a certificate alone, and never part of a score or gate."""
        place = self.folder / HELD_OUT / NEWER
        return _load(place) if Path(f"{place}_labels.npy").exists() else None


def folder_of(profile: Profile, data_dir: Path) -> Path:
    """Where a profile's data lies."""
    return data_dir / "airbench" / profile.name


def prepare(profile: Profile, data_dir: Path) -> Prepared:
    """Make the parts, from CIFAR-10 where it is found (gpu, paper), else from a new world.

    Idempotent: what is there is checked against its manifest and kept.

    Raises:
        UserError: The profile wants CIFAR-10 and there is none, or the folder is damaged.
    """
    folder = folder_of(profile, data_dir)
    if (folder / _MANIFEST).exists():
        prepared = open_prepared(profile, data_dir)
        check(prepared)
        _take_newer(prepared, data_dir)
        return prepared
    shutil.rmtree(folder, ignore_errors=True)  # left by a prepare that was interrupted
    held_out = folder / HELD_OUT
    held_out.mkdir(parents=True)
    held_out.chmod(0o700)
    key = _new_key(held_out / "key")
    source = cifar.find((data_dir,)) if profile.gpus else None
    if source is None and profile.real_only:
        raise UserError(missing(profile, data_dir))
    parts = _real_parts(profile, source, key) if source else _generated_parts(profile, key)
    world = CIFAR if profile.real_only else world_id(key)  # a key draws the halves of CIFAR-10
    _write(folder, parts, source=CIFAR if source else GENERATED, world=world, profile=profile)
    prepared = open_prepared(profile, data_dir)
    _take_newer(prepared, data_dir)
    return prepared


def certification(profile: Profile, data_dir: Path) -> str | None:
    """What a certificate looks at besides fresh seeds, in words; None where there is nothing."""
    prepared = open_prepared(profile, data_dir)
    newer = prepared.newer()
    count = len(prepared.held_out("certification"))
    parts = [] if newer is None else [f"the {len(newer):,} pictures of CIFAR-10.1"]
    if prepared.source == GENERATED:
        parts.append(f"{count:,} pictures that the generator drew apart from all others")
    elif not profile.real_only:
        parts.append(f"the {count:,} test pictures of CIFAR-10 that no trial was asked")
    return " and ".join(parts) or None


def open_prepared(profile: Profile, data_dir: Path) -> Prepared:
    """What `prepare` left.

    Raises:
        UserError: It was not prepared, or for other sizes.
    """
    folder = folder_of(profile, data_dir)
    fix = f"run: autores prepare airbench --profile {profile.name}"
    try:
        manifest = json.loads((folder / _MANIFEST).read_text())
    except FileNotFoundError:
        raise UserError(f"{folder} is not prepared; {fix}") from None
    if manifest["made_for"] != _made_for(profile):
        raise UserError(f"{folder} was prepared for other sizes; remove it and {fix}")
    return Prepared(folder=folder, source=manifest["source"], world=manifest["world"])


def check(prepared: Prepared) -> None:
    """Compare every file with its hash.

    Raises:
        UserError: One differs.
    """
    hashes = json.loads((prepared.folder / _MANIFEST).read_text())["sha256"]
    for name, expected in hashes.items():
        if not (prepared.folder / name).is_file() or _hash(prepared.folder / name) != expected:
            raise UserError(
                f"{prepared.folder / name} changed since it was prepared; "
                f"remove {prepared.folder} and prepare again"
            )


def missing(profile: Profile, data_dir: Path) -> str:
    """What to fetch, and where to put it."""
    return (
        f"profile {profile.name!r} needs CIFAR-10: fetch cifar-10-binary.tar.gz (170 MB) or "
        f"cifar-10-python.tar.gz from {cifar.PAGE} and unpack it in {data_dir}, "
        f"so that {data_dir / cifar.BIN_FOLDER} or {data_dir / cifar.PY_FOLDER} exists"
    )


# ------------------------------------------------------------------------ one seed's data


def permutation(secret: bytes) -> NDArray[np.uint8]:
    """A secret renaming of the classes: `renamed = permutation[label]`."""
    return stream(secret, "classes").permutation(CLASSES).astype(np.uint8)


def order(secret: bytes, count: int) -> NDArray[np.int64]:
    """A secret order of the held-out images."""
    return stream(secret, "order").permutation(count)


def batches(count: int, size: int) -> Iterator[slice]:
    """Consecutive slices of at most `size`."""
    for start in range(0, count, size):
        yield slice(start, min(start + size, count))


def stage(prepared: Prepared, into: Path, classes: NDArray[np.uint8]) -> None:
    """Make the training data appear: the images linked, the labels renamed.

    `into` should lie on the data's file system, else the images are copied.
    """
    source, target = prepared.folder / "train_images.npy", into / "train_images.npy"
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
    labels = into / "train_labels.npy"
    np.save(labels, classes[np.load(prepared.folder / "train_labels.npy")])
    for path in (target, labels):
        path.chmod(0o644)  # the candidate is another user


# ------------------------------------------------------------------------------- the parts


def _generated_parts(profile: Profile, key: bytes) -> Iterable[tuple[str, Images]]:
    for name, count in _counts(profile):
        yield name, generate(key, name.rsplit("/", 1)[-1], count, profile.difficulty)


def _real_parts(profile: Profile, folder: Path, key: bytes) -> Iterable[tuple[str, Images]]:
    train, test = cifar.read(folder)
    yield "train", train
    if profile.real_only:
        halves = test, test
    else:
        rows = order(key, len(test))
        halves = test[rows[: len(test) // 2]], test[rows[len(test) // 2 :]]
    yield f"{HELD_OUT}/evaluation", halves[0]
    yield f"{HELD_OUT}/certification", halves[1]


def _counts(profile: Profile) -> Iterator[tuple[str, int]]:
    yield "train", profile.sizes["train_images"]
    yield f"{HELD_OUT}/evaluation", profile.sizes["test_images"]
    yield f"{HELD_OUT}/certification", profile.sizes["test_images"]


def _made_for(profile: Profile) -> dict[str, Any]:
    names = ("train_images", "test_images")
    return {**{n: profile.sizes[n] for n in names}, "difficulty": asdict(profile.difficulty)}


def _new_key(path: Path) -> bytes:
    key = secrets.token_bytes(16)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as out:
        out.write(key)
    return key


def _take_newer(prepared: Prepared, data_dir: Path) -> None:
    """Take CIFAR-10.1 over once it is supplied; what a trial is scored on does not change."""
    if prepared.source != CIFAR or prepared.newer() is not None:
        return
    found = cifar.find_newer(data_dir)
    if found is None:
        return
    manifest = json.loads((prepared.folder / _MANIFEST).read_text())
    manifest["sha256"] |= dict(_write_part(prepared.folder, f"{HELD_OUT}/{NEWER}", found))
    _write_manifest(prepared.folder, manifest)


def _write(
    folder: Path, parts: Iterable[tuple[str, Images]], *, source: str, world: str, profile: Profile
) -> None:
    hashes: dict[str, str] = {}
    for name, part in parts:
        hashes |= dict(_write_part(folder, name, part))
    manifest = {
        "source": source,
        "world": world,
        "made_for": _made_for(profile),
        "sha256": hashes,
    }
    _write_manifest(folder, manifest)


def _write_part(folder: Path, name: str, part: Images) -> Iterator[tuple[str, str]]:
    """Write pictures and labels; the names of their files, with hashes."""
    for kind, values in (("images", part.images), ("labels", part.labels)):
        path = folder / f"{name}_{kind}.npy"
        np.save(path, values)
        path.chmod(0o600 if name.startswith(HELD_OUT) else 0o644)
        yield f"{name}_{kind}.npy", _hash(path)


def _write_manifest(folder: Path, manifest: Mapping[str, Any]) -> None:
    draft = folder / f"{_MANIFEST}.draft"
    draft.write_text(json.dumps(manifest, indent=1))
    draft.rename(folder / _MANIFEST)  # last, so that a folder with a manifest is whole


def _load(stem: Path) -> Images:
    images, labels = (np.load(f"{stem}_{kind}.npy", mmap_mode="r") for kind in ("images", "labels"))
    return Images(images=images, labels=labels)


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
