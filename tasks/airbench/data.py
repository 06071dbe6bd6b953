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

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autores import prepared as preparing
from autores.errors import UserError
from autores.prepared import HELD_OUT, Manifest
from autores.tasks.airbench import cifar
from autores.tasks.airbench.profiles import Profile
from autores.tasks.airbench.world import CLASSES, Images, generate, stream, world_id

GENERATED = "generated"
CIFAR = "cifar10"
NEWER = "newer"


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
    if preparing.is_sealed(folder):
        preparing.check(folder)
    else:
        source = cifar.find((data_dir,)) if profile.gpus else None
        if source is None and profile.real_only:
            raise UserError(missing(profile, data_dir))
        _make(profile, source, folder)
    prepared = open_prepared(profile, data_dir)
    _take_newer(prepared, profile, data_dir)
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
    command = f"autores prepare airbench --profile {profile.name}"
    manifest = preparing.read(folder, _made_for(profile), command)
    return Prepared(folder=folder, source=manifest.source, world=manifest.world)


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
    preparing.place(prepared.folder / "train_images.npy", into / "train_images.npy")
    labels = into / "train_labels.npy"
    np.save(labels, classes[np.load(prepared.folder / "train_labels.npy")])
    labels.chmod(0o644)  # the candidate is another user


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


def _make(profile: Profile, source: Path | None, folder: Path) -> None:
    key = preparing.new_key(preparing.begin(folder))
    for name, part in (
        _real_parts(profile, source, key) if source else _generated_parts(profile, key)
    ):
        _write_part(folder, name, part)
    preparing.seal(
        folder,
        Manifest(
            source=CIFAR if source else GENERATED,
            world=CIFAR if profile.real_only else world_id(key),  # the key draws CIFAR-10's halves
            made_for=_made_for(profile),
        ),
    )


def _take_newer(prepared: Prepared, profile: Profile, data_dir: Path) -> None:
    """Take CIFAR-10.1 over once it is supplied; what a trial is scored on does not change."""
    if prepared.source != CIFAR or prepared.newer() is not None:
        return
    found = cifar.find_newer(data_dir)
    if found is None:
        return
    _write_part(prepared.folder, f"{HELD_OUT}/{NEWER}", found)
    manifest = Manifest(source=prepared.source, world=prepared.world, made_for=_made_for(profile))
    preparing.seal(prepared.folder, manifest)


def _write_part(folder: Path, name: str, part: Images) -> None:
    """Write pictures and labels."""
    for kind, values in (("images", part.images), ("labels", part.labels)):
        np.save(folder / f"{name}_{kind}.npy", values)


def _load(stem: Path) -> Images:
    images, labels = (np.load(f"{stem}_{kind}.npy", mmap_mode="r") for kind in ("images", "labels"))
    return Images(images=images, labels=labels)
