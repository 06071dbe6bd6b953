"""Files of documents in the published layout: parquet, one column `text`, groups of 1,024."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from autores.errors import UserError

FOLDER = "base_data_climbmix"
DOCUMENTS_PER_FILE = 51_200


def name(number: int) -> str:
    """A file's name by its place."""
    return f"shard_{number:05d}.parquet"


def find(folder: Path) -> list[Path]:
    """The files there are, in order."""
    return sorted((folder / FOLDER).glob("shard_*.parquet"))


def write(folder: Path, texts: Iterable[str], *, per_group: int) -> list[Path]:
    """Write documents to as many files as they need."""
    folder.mkdir(parents=True, exist_ok=True)
    found: list[Path] = []
    left = iter(texts)
    while part := list(islice(left, DOCUMENTS_PER_FILE)):
        found.append(folder / name(len(found)))
        table = _arrow().table({"text": part})
        _parquet().write_table(table, found[-1], row_group_size=per_group, compression="zstd")
    return found


def read(path: Path) -> Iterator[str]:
    """The documents of a file, in order.

    Raises:
        UserError: It is not such a file.
    """
    try:
        file = _parquet().ParquetFile(path)
        for group in range(file.num_row_groups):
            yield from file.read_row_group(group, columns=["text"]).column("text").to_pylist()
    except (OSError, KeyError, _arrow().ArrowInvalid) as error:
        raise UserError(f"{path} is no file of documents: {error}; fetch it again") from None


def _parquet() -> Any:
    _arrow()
    import pyarrow.parquet

    return pyarrow.parquet


def _arrow() -> Any:
    try:
        import pyarrow
    except ImportError:
        raise UserError(
            "task nanochat needs tokenizers and pyarrow; run: pip install 'autores[nanochat]'"
        ) from None
    return pyarrow
