"""FineWeb as the challenge publishes it: found in a data folder, never fetched."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from autores.tasks.text.pieces import BOS
from autores.tasks.text.shards import read_shards

DATASET = "fineweb10B_sp{vocabulary}"
TOKENIZER = "fineweb_{vocabulary}_bpe.model"


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The published files."""

    train: tuple[Path, ...]
    validation: tuple[Path, ...]
    model: Path

    def splits(self, each: int) -> Iterator[NDArray[np.uint16]]:
        """Two disjoint parts of the validation tokens, each from the beginning of a document."""
        tokens = read_shards(self.validation, 2 * each + each // 8)
        starts = np.flatnonzero(tokens == BOS)
        middle = int(starts[np.searchsorted(starts, len(tokens) // 2)])
        yield tokens[:middle]
        yield tokens[middle:]


def find(data_dir: Path, vocabulary: int) -> Found | None:
    """The published layout below a folder, or below its folder `data`; None if it is not there."""
    for root in (data_dir, data_dir / "data"):
        folder = root / "datasets" / DATASET.format(vocabulary=vocabulary)
        model = root / "tokenizers" / TOKENIZER.format(vocabulary=vocabulary)
        train, validation = (
            tuple(sorted(folder.glob(f"fineweb_{part}_*.bin"))) for part in ("train", "val")
        )
        if train and validation and model.is_file():
            return Found(train=train, validation=validation, model=model)
    return None


def missing(data_dir: Path, vocabulary: int) -> str:
    """What to fetch, and where to put it."""
    folder = data_dir / "datasets" / DATASET.format(vocabulary=vocabulary)
    model = data_dir / "tokenizers" / TOKENIZER.format(vocabulary=vocabulary)
    return (
        f"this profile needs FineWeb in SP{vocabulary} tokens: put fineweb_train_*.bin and "
        f"fineweb_val_*.bin into {folder} and the tokenizer at {model}, "
        "or name the folder that has them with --data"
    )
