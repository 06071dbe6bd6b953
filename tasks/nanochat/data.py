"""What `prepare` fixes, and what appears at GO.

FOLDER/manifest.json                  source, world id, sizes, hashes
FOLDER/train/tokenizer/tokenizer.json
FOLDER/train/base_data_climbmix/      shard_00000.parquet … : all that a recipe sees
FOLDER/held_out/                      0700; bound into no candidate, tool or agent sandbox
    key                               0600; the world follows from it
    evaluation/   certification/      validation text, and the bundle where it is generated
    eval_bundle/                      the published one; both splits take different items

Where `base_data_climbmix` and `eval_bundle` lie in the data folder, `gpu` and `paper` use
them: the last file of documents is held out, all others are for training.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from autores import prepared as preparing
from autores.errors import UserError
from autores.prepared import HELD_OUT, Manifest
from autores.tasks.nanochat import bundle, shards
from autores.tasks.nanochat.bundle import CoreTask, Item
from autores.tasks.nanochat.core_metric import first_items, left_items, set_paper
from autores.tasks.nanochat.profiles import Profile
from autores.tasks.nanochat.vocabulary import Vocabulary, learn
from autores.tasks.text.dice import world_id
from autores.tasks.text.registers import documents

GENERATED = "generated"
CLIMBMIX = "climbmix"
SPLITS = ("evaluation", "certification")
LEARNED_CHARACTERS = 2_000_000_000
"""From which the published tokenizer was learned."""
_TOKENIZER = Path("train", "tokenizer", "tokenizer.json")
_VALIDATION = "validation.parquet"


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A prepared folder."""

    folder: Path
    source: str
    """`generated` or `climbmix`."""
    world: str
    """Scores compare only within one world."""
    profile: Profile

    @property
    def vocabulary(self) -> Vocabulary:
        """The tokenizer that recipes find, read from our own copy of it."""
        path = self.folder / HELD_OUT / "tokenizer.json"
        return Vocabulary.open(path, self.profile.sizes["vocabulary"])

    def tasks(self, split: str) -> tuple[CoreTask, ...]:
        """The tasks of a split."""
        held_out = self.folder / HELD_OUT
        shared = self.source == CLIMBMIX
        return bundle.read((held_out if shared else held_out / split) / bundle.FOLDER)

    def items(self, task: CoreTask, split: str) -> list[Item]:
        """What is asked: the published choice, or what that left over."""
        if self.source == CLIMBMIX and split == SPLITS[1]:
            return left_items(task.items, self.profile.items)
        return first_items(task.items, self.profile.items)

    def validation(self, split: str) -> Iterator[str]:
        """Held-out documents."""
        return shards.read(self.folder / HELD_OUT / split / _VALIDATION)


def folder_of(profile: Profile, data_dir: Path) -> Path:
    """Where a profile's data lies."""
    return data_dir / "nanochat" / profile.name


def prepare(profile: Profile, data_dir: Path) -> Prepared:
    """Make the parts, from the published files where they are found, else from a new world.

    Idempotent: what is there is checked against its manifest and kept.

    Raises:
        UserError: The profile wants the published files, or the folder is damaged.
    """
    folder = folder_of(profile, data_dir)
    if preparing.is_sealed(folder):
        preparing.check(folder)
        return open_prepared(profile, data_dir)
    published = _published(profile, data_dir)
    held_out = preparing.begin(folder)
    if published:
        source, world = CLIMBMIX, CLIMBMIX
        _take(profile, data_dir, published, folder)
    else:
        key = preparing.new_key(held_out)
        source, world = GENERATED, world_id(key)
        _generate(profile, key, folder)
    shutil.copyfile(folder / _TOKENIZER, held_out / "tokenizer.json")
    prepared = Prepared(folder=folder, source=source, world=world, profile=profile)
    _check_items(prepared)
    preparing.seal(folder, Manifest(source=source, world=world, made_for=_made_for(profile)))
    return prepared


def open_prepared(profile: Profile, data_dir: Path) -> Prepared:
    """What `prepare` left.

    Raises:
        UserError: It was not prepared, or for other sizes.
    """
    folder = folder_of(profile, data_dir)
    command = f"autores prepare nanochat --profile {profile.name}"
    manifest = preparing.read(folder, _made_for(profile), command)
    return Prepared(folder=folder, source=manifest.source, world=manifest.world, profile=profile)


def stage(prepared: Prepared, into: Path) -> None:
    """Make tokenizer and documents appear, linked where `into` is on their file system."""
    source = prepared.folder / "train"
    for path in source.rglob("*"):
        target = into / path.relative_to(source)
        if path.is_dir():
            target.mkdir(parents=True, exist_ok=True)
            target.chmod(0o755)
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        preparing.place(path, target)


def missing(profile: Profile, data_dir: Path) -> str:
    """What to fetch, and where to put it."""
    return (
        f"profile {profile.name!r} needs ClimbMix and CORE's bundle: put shard_*.parquet of "
        f"karpathy/climbmix-400b-shuffle in {data_dir / shards.FOLDER} (two files at least) and "
        f"unpack eval_bundle.zip of nanochat in {data_dir}, so that "
        f"{data_dir / bundle.FOLDER / 'core.yaml'} exists"
    )


# ------------------------------------------------------------------------------- the parts


def _published(profile: Profile, data_dir: Path) -> list[Path]:
    """The files of documents, if the bundle is there too and the profile is made for them."""
    found = shards.find(data_dir) if profile.gpus else []
    if len(found) > 1 and (data_dir / bundle.FOLDER / "core.yaml").is_file():
        return found
    if profile.real_only:
        raise UserError(missing(profile, data_dir))
    return []


def _take(profile: Profile, data_dir: Path, files: Sequence[Path], folder: Path) -> None:
    bundle.check_published(bundle.read(data_dir / bundle.FOLDER))
    shutil.copytree(data_dir / bundle.FOLDER, folder / HELD_OUT / bundle.FOLDER)
    train = folder / "train" / shards.FOLDER
    train.mkdir(parents=True)
    for path in files[:-1]:
        (train / path.name).symlink_to(path.resolve())
    held_out = list(shards.read(files[-1]))
    half = len(held_out) // 2
    for split, texts in zip(SPLITS, (held_out[:half], held_out[half:]), strict=True):
        _write_validation(folder, split, texts)
    seen = (text for path in files[:-1] for text in shards.read(path))
    learned = learn(_until(seen, LEARNED_CHARACTERS), profile.sizes["vocabulary"])
    learned.write(folder / _TOKENIZER)


def _generate(profile: Profile, key: bytes, folder: Path) -> None:
    wanted = profile.generated
    shards.write(
        folder / "train" / shards.FOLDER,
        documents(key, "train", wanted.train_bytes, wanted.extent),
        per_group=wanted.documents_per_group,
    )
    for split in SPLITS:
        held_out = documents(key, split, wanted.validation_bytes, wanted.extent)
        _write_validation(folder, split, held_out)
        target = folder / HELD_OUT / split / bundle.FOLDER
        bundle.write_generated(target, key, split, wanted.items, wanted.extent)
    texts = documents(key, "train", wanted.tokenizer_bytes, wanted.extent)
    learn(texts, profile.sizes["vocabulary"]).write(folder / _TOKENIZER)


def _write_validation(folder: Path, split: str, texts: Iterable[str]) -> None:
    place = folder / HELD_OUT / split
    (path,) = shards.write(place, islice(texts, shards.DOCUMENTS_PER_FILE), per_group=1_024)
    path.rename(place / _VALIDATION)


def _until(texts: Iterable[str], characters: int) -> Iterator[str]:
    for text in texts:
        if characters <= 0:
            return
        characters -= len(text)
        yield text


# -------------------------------------------------------------------- what must be as it was


def _made_for(profile: Profile) -> dict[str, Any]:
    return {"vocabulary": profile.sizes["vocabulary"], "generated": asdict(profile.generated)}


def _check_items(prepared: Prepared) -> None:
    """See that everything can be asked, before anybody waits for a training."""
    encode = prepared.vocabulary.encode
    for split in SPLITS:
        for task in prepared.tasks(split):
            try:
                set_paper(task, prepared.items(task, split), encode)
            except (ValueError, KeyError, IndexError) as error:
                raise UserError(f"the bundle cannot be asked: {error}; fetch it again") from None
