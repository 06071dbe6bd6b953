"""What `prepare` fixes: training shards, a tokenizer, and two held-out parts.

FOLDER/manifest.json                    source, world id, counts, hashes
FOLDER/train/fineweb_train_000000.bin   and more; a candidate finds them in its data folder
FOLDER/train/tokenizer.model
FOLDER/held_out/                        0700; bound into no candidate, tool or agent sandbox
    key                                 0600; the world follows from it
    evaluation.bin  certification.bin   tokens of whole documents; more than is predicted
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autores import prepared as preparing
from autores.errors import UserError
from autores.prepared import HELD_OUT, Manifest
from autores.tasks.parameter_golf import fineweb
from autores.tasks.parameter_golf.profiles import Profile
from autores.tasks.text.chronicles import long_documents
from autores.tasks.text.dice import world_id
from autores.tasks.text.pieces import ByteTable, read_model, write_model
from autores.tasks.text.shards import read_shard, write_shard
from autores.tasks.text.streams import Stream, lay_out
from autores.tasks.text.tokenizer import Tokenizer, train

SHARD_TOKENS = 100_000_000
TRAIN = "train"
MODEL = "tokenizer.model"
TOKENIZER_BYTES = 4_000_000
"""Of training text, from which the vocabulary is learned."""
SPARE = 1.6
"""So many times the text that is predicted is held out: the rest is other text for audits."""
CUT_TOKENS = 300
"""Of its last document, for which a lane has no room."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A prepared folder."""

    folder: Path
    source: str
    """`generated` or `fineweb`."""
    world: str
    """Scores compare only within one world."""

    @property
    def table(self) -> ByteTable:
        """How many bytes each token stands for."""
        return ByteTable.of(read_model((self.folder / TRAIN / MODEL).read_bytes()))

    def held_out(self, split: str, profile: Profile) -> tuple[Stream, NDArray[np.int64]]:
        """What is predicted of a split, and other text."""
        sizes = profile.sizes
        table = ByteTable.of(
            read_model((self.folder / TRAIN / MODEL).read_bytes()), sizes["vocabulary"]
        )
        tokens = read_shard(self.folder / HELD_OUT / f"{split}.bin")
        return lay_out(tokens, lanes=sizes["lanes"], columns=sizes["columns"], table=table)


def folder_of(profile: Profile, data_dir: Path) -> Path:
    """Where a profile's data lies."""
    return data_dir / "parameter_golf" / profile.name


def prepare(profile: Profile, data_dir: Path) -> Prepared:
    """Make the parts, from FineWeb where it is found (gpu, paper), else from a new world.

    Idempotent: what is there is checked against its manifest and kept.

    Raises:
        UserError: The profile wants FineWeb and there is none, or the folder is damaged.
    """
    folder = folder_of(profile, data_dir)
    if preparing.is_sealed(folder):
        preparing.check(folder)
        return open_prepared(profile, data_dir)
    found = fineweb.find(data_dir, profile.sizes["vocabulary"]) if profile.gpus else None
    if found is None and profile.real_only:
        raise UserError(fineweb.missing(data_dir, profile.sizes["vocabulary"]))
    preparing.begin(folder)
    (folder / TRAIN).mkdir()
    world = _from_fineweb(profile, found, folder) if found else _generate(profile, folder)
    source = "fineweb" if found else "generated"
    preparing.seal(folder, Manifest(source=source, world=world, made_for=_made_for(profile)))
    return open_prepared(profile, data_dir)


def open_prepared(profile: Profile, data_dir: Path) -> Prepared:
    """What `prepare` left.

    Raises:
        UserError: It was not prepared, or for other sizes.
    """
    folder = folder_of(profile, data_dir)
    command = f"autores prepare parameter_golf --profile {profile.name}"
    manifest = preparing.read(folder, _made_for(profile), command)
    return Prepared(folder=folder, source=manifest.source, world=manifest.world)


def stage(prepared: Prepared, into: Path) -> None:
    """Make the training data appear."""
    for source in sorted((prepared.folder / TRAIN).iterdir()):
        preparing.place(source, into / source.name)


# ------------------------------------------------------------------------------- the parts


def _generate(profile: Profile, folder: Path) -> str:
    key = preparing.new_key(folder / HELD_OUT)
    texts = list(long_documents(key, TRAIN, profile.train_bytes))
    tokenizer = train(_first(texts, TOKENIZER_BYTES), profile.sizes["vocabulary"])
    (folder / TRAIN / MODEL).write_bytes(write_model(tokenizer.pieces))
    tokens = tokenizer.documents(texts)
    for number, start in enumerate(range(0, len(tokens), SHARD_TOKENS)):
        path = folder / TRAIN / f"fineweb_train_{number:06d}.bin"
        write_shard(path, tokens[start : start + SHARD_TOKENS])
    per_token = sum(len(text.encode()) for text in texts) / len(tokens)
    spent = profile.eval_tokens + profile.sizes["lanes"] * CUT_TOKENS
    least = int(SPARE * spent * per_token) + 20_000
    for split in ("evaluation", "certification"):
        _hold_out(folder, split, tokenizer, list(long_documents(key, split, least)))
    return world_id(key)


def _hold_out(folder: Path, split: str, tokenizer: Tokenizer, texts: list[str]) -> None:
    """Write a split, after its bytes were counted in two ways and its text has come back."""
    tokens = tokenizer.documents(texts)
    counted = ByteTable.of(tokenizer.pieces).count(tokens)
    raw = sum(len(text.encode()) for text in texts)
    if counted != raw or any(tokenizer.decode(tokenizer.encode(t)) != t for t in texts):
        raise RuntimeError(f"{counted:,} bytes in tokens, {raw:,} in text")
    write_shard(folder / HELD_OUT / f"{split}.bin", tokens)


def _from_fineweb(profile: Profile, found: fineweb.Found, folder: Path) -> str:
    (folder / TRAIN / MODEL).write_bytes(found.model.read_bytes())
    for path in found.train:
        read_shard(path)  # every check, before anything relies on it
        (folder / TRAIN / path.name).symlink_to(path.resolve())
    each = int(SPARE * profile.eval_tokens) + 200_000
    for split, tokens in zip(("evaluation", "certification"), found.splits(each), strict=True):
        write_shard(folder / HELD_OUT / f"{split}.bin", tokens)
    text = (folder / HELD_OUT / "evaluation.bin").read_bytes()
    return f"fineweb-{hashlib.sha256(text).hexdigest()[:12]}"


def _first(texts: list[str], most: int) -> list[str]:
    found, have = [], 0
    for text in texts:
        found.append(text)
        have += len(text)
        if have > most:
            break
    return found


def _made_for(profile: Profile) -> Mapping[str, Any]:
    names = ("vocabulary", "lanes", "columns")
    return {**{n: profile.sizes[n] for n in names}, "train_bytes": profile.train_bytes}
