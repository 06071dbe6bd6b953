"""Token files in the published format: a header of 256 int32, then uint16, little-endian."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from autores.errors import UserError

MAGIC, VERSION = 20240520, 1
HEADER_BYTES = 1_024
_HEADER = np.dtype("<i4")
_BODY = np.dtype("<u2")
Shard = NDArray[np.uint16]


def size_of(count: int) -> int:
    """Bytes of a file of so many tokens."""
    return HEADER_BYTES + _BODY.itemsize * count


def write_shard(path: Path, tokens: NDArray[np.integer]) -> None:
    """Write a file.

    Raises:
        ValueError: A token does not fit into 16 bits.
    """
    if len(tokens) and not 0 <= int(tokens.min()) <= int(tokens.max()) < 1 << 16:
        raise ValueError("a token that does not fit into 16 bits")
    header = np.zeros(HEADER_BYTES // 4, _HEADER)
    header[:3] = MAGIC, VERSION, len(tokens)
    with path.open("wb") as file:
        file.write(header.tobytes())
        file.write(tokens.astype(_BODY).tobytes())


def read_shard(path: Path) -> Shard:
    """The tokens of a file, mapped, not read.

    Raises:
        UserError: It is not such a file, or not whole.
    """
    size = path.stat().st_size
    header = np.fromfile(path, _HEADER, HEADER_BYTES // 4)
    if len(header) < HEADER_BYTES // 4 or header[0] != MAGIC:
        raise UserError(f"{path} is no file of tokens; fetch it again")
    count = int(header[2])
    if header[1] != VERSION:
        raise UserError(f"{path} is of version {header[1]}, not {VERSION}")
    if count < 0 or size != size_of(count):
        raise UserError(f"{path} has {size:,} bytes instead of {size_of(count):,}; fetch it again")
    if not count:
        return np.zeros(0, np.uint16)
    return np.memmap(path, _BODY, "r", HEADER_BYTES, (count,))


def read_shards(paths: Sequence[Path], most: int | None = None) -> Shard:
    """The tokens of several files, in this order, at most so many."""
    parts, have = [], 0
    for path in paths:
        if most is not None and have >= most:
            break
        part = read_shard(path)
        parts.append(part if most is None else part[: most - have])
        have += len(parts[-1])
    return np.concatenate(parts) if parts else np.zeros(0, np.uint16)
