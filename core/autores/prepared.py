"""A task's prepared data: a folder with a manifest, and a part that no candidate ever sees.

FOLDER/manifest.json    source, world id, what it was made for, hashes
FOLDER/…                what candidates may see
FOLDER/held_out/        0700, its files 0600; bound into no sandbox
key                 where a world is generated: it follows from this

if not is_sealed(folder):
key = new_key(begin(folder))
…                   write the parts
seal(folder, Manifest(source="generated", world=world_id(key), made_for=sizes))
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from autores.errors import UserError
from autores.evaluator.request import EvaluationRequest

HELD_OUT = "held_out"
MANIFEST = "manifest.json"
KEY_BYTES = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What stands beside the data."""

    source: str
    """Such as `generated`."""
    world: str
    """Scores compare only within one world."""
    made_for: Mapping[str, Any]
    """Sizes that the data depends on; other sizes need other data."""
    sha256: Mapping[str, str] = field(default_factory=dict)
    """Of each file, by its path in the folder."""


def begin(folder: Path) -> Path:
    """An empty folder in the place of whatever an interrupted prepare has left; its secret part."""
    shutil.rmtree(folder, ignore_errors=True)
    held_out = folder / HELD_OUT
    held_out.mkdir(parents=True)
    held_out.chmod(0o700)
    return held_out


def new_key(held_out: Path) -> bytes:
    """A fresh secret, which the data follow from."""
    key = secrets.token_bytes(KEY_BYTES)
    descriptor = os.open(held_out / "key", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as out:
        out.write(key)
    return key


def seal(folder: Path, manifest: Manifest) -> None:
    """Write the manifest with the hashes of all files but links, which have their own owner."""
    for path in (folder / HELD_OUT).rglob("*"):
        path.chmod(0o700 if path.is_dir() else 0o600)
    files = [p for p in sorted(folder.rglob("*")) if p.is_file() and not p.is_symlink()]
    hashes = {str(p.relative_to(folder)): _hash(p) for p in files if p.name != MANIFEST}
    draft = folder / f"{MANIFEST}.draft"
    draft.write_text(json.dumps({**asdict(manifest), "sha256": hashes}, indent=1))
    draft.rename(folder / MANIFEST)  # last, so that a folder with a manifest is whole


def is_sealed(folder: Path) -> bool:
    """Whether everything is there."""
    return (folder / MANIFEST).exists()


def read(folder: Path, made_for: Mapping[str, Any], command: str) -> Manifest:
    """The manifest of a folder.

    Args:
        folder: That `seal` has finished.
        made_for: The sizes that are wanted.
        command: That prepares it.

    Raises:
        UserError: It was not prepared, or for other sizes.
    """
    try:
        manifest = Manifest(**json.loads((folder / MANIFEST).read_text()))
    except FileNotFoundError:
        raise UserError(f"{folder} is not prepared; run: {command}") from None
    if manifest.made_for != made_for:
        raise UserError(f"{folder} was prepared for other sizes; remove it and run: {command}")
    return manifest


def check(folder: Path) -> None:
    """Compare every file with its hash.

    Raises:
        UserError: One differs.
    """
    for name, expected in json.loads((folder / MANIFEST).read_text())["sha256"].items():
        path = folder / name
        if not path.is_file() or _hash(path) != expected:
            raise UserError(f"{path} changed since it was prepared; remove {folder}, prepare again")


def place(source: Path, target: Path) -> None:
    """Let a file appear for a candidate, who is another user: linked, else copied."""
    try:
        os.link(source.resolve(), target)
    except OSError:
        shutil.copyfile(source, target)
    if not target.stat().st_mode & 0o004:
        target.chmod(0o644)


def require_world(request: EvaluationRequest, world: str) -> None:
    """See that the data here are those that an evaluation is about.

    Raises:
        UserError: They are of another world.
    """
    wanted = request.evaluation.world
    if wanted not in ("", world):
        raise UserError(f"the data here is of world {world}, not {wanted}")


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
