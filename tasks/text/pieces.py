"""Vocabularies in the format of SentencePiece, as data, and how many bytes a token stands for."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from autores.errors import UserError

SPACE = "\u2581"
"""Stands for a space."""
PAD, BOS, EOS, UNKNOWN = range(4)
FIRST_BYTE = 4
"""The tokens of single bytes follow from here."""
Tokens = NDArray[np.int64]


class Kind(IntEnum):
    """Kinds of pieces, numbered as in the published format."""

    NORMAL = 1
    UNKNOWN = 2
    CONTROL = 3
    USER_DEFINED = 4
    UNUSED = 5
    BYTE = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """One token of a vocabulary."""

    text: str
    score: float = 0.0
    kind: Kind = Kind.NORMAL


SPECIAL = (
    Piece(text="<pad>", kind=Kind.CONTROL),
    Piece(text="<s>", kind=Kind.CONTROL),
    Piece(text="</s>", kind=Kind.CONTROL),
    Piece(text="<unk>", kind=Kind.UNKNOWN),
    *(Piece(text=f"<0x{byte:02X}>", kind=Kind.BYTE) for byte in range(256)),
)
"""What every vocabulary here begins with."""


# ------------------------------------------------------------------------- bytes of tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class ByteTable:
    """How many bytes of text each token stands for, given the one before it."""

    base: Tokens
    leading: NDArray[np.bool_]
    """Begins with a space."""
    boundary: NDArray[np.bool_]
    """After this one, a leading space is no text."""

    @classmethod
    def of(cls, pieces: Sequence[Piece], vocabulary: int | None = None) -> ByteTable:
        """The table of a vocabulary; what a model has beyond it stands for nothing."""
        size = max(len(pieces), vocabulary or 0)
        base, leading = np.zeros(size, np.int64), np.zeros(size, np.bool_)
        boundary = np.ones(size, np.bool_)
        for number, piece in enumerate(pieces):
            if piece.kind is Kind.BYTE:
                base[number], boundary[number] = 1, False
            elif piece.kind in (Kind.NORMAL, Kind.USER_DEFINED):
                leading[number] = piece.text.startswith(SPACE)
                base[number] = len(piece.text.removeprefix(SPACE).encode())
                boundary[number] = False
        return cls(base=base, leading=leading, boundary=boundary)

    def bytes_of(self, before: NDArray[np.integer], tokens: NDArray[np.integer]) -> Tokens:
        """Bytes of each token after the one before it."""
        spaces = self.leading[tokens] & ~self.boundary[before]
        return np.asarray(self.base[tokens] + spaces)

    def count(self, tokens: NDArray[np.integer]) -> int:
        """Bytes of all tokens but the first, which is only context."""
        return int(self.bytes_of(tokens[:-1], tokens[1:]).sum())


# ------------------------------------------------------------------------------ model files

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_PIECES, _TRAINER, _NORMALIZER = 1, 2, 3
_BPE = 2


def read_model(data: bytes) -> tuple[Piece, ...]:
    """The pieces of a SentencePiece model file.

    Raises:
        UserError: It is not one.
    """
    try:
        found = tuple(_piece(value) for field, value in _fields(data) if field == _PIECES)
    except (IndexError, ValueError, TypeError, struct.error) as error:
        raise UserError(f"not a SentencePiece model: {error}") from None
    if not found:
        raise UserError("not a SentencePiece model: it has no pieces")
    return found


def write_model(pieces: Sequence[Piece]) -> bytes:
    """A SentencePiece model file: BPE, nothing normalised, spaces as they are."""
    trainer = _number(3, _BPE) + _number(4, len(pieces)) + _number(35, 1)
    trainer += b"".join(_number(40 + i, n) for i, n in enumerate((UNKNOWN, BOS, EOS, PAD)))
    normalizer = _text(1, b"identity") + _number(3, 0) + _number(4, 0) + _number(5, 1)
    rows = (
        _text(1, p.text.encode())
        + _tag(2, _FIXED32)
        + struct.pack("<f", p.score)
        + _number(3, p.kind)
        for p in pieces
    )
    whole = b"".join(_text(_PIECES, row) for row in rows)
    return whole + _text(_TRAINER, trainer) + _text(_NORMALIZER, normalizer)


def _piece(value: bytes | int) -> Piece:
    if isinstance(value, int):
        raise TypeError("a piece that is a number")
    found = dict(_fields(value))
    text, score, kind = found.get(1, b""), found.get(2, b"\0\0\0\0"), found.get(3, Kind.NORMAL)
    if not (isinstance(text, bytes) and isinstance(score, bytes) and isinstance(kind, int)):
        raise TypeError("a piece without text")
    return Piece(text=text.decode(), score=struct.unpack("<f", score)[0], kind=Kind(kind))


def _fields(data: bytes) -> Iterator[tuple[int, bytes | int]]:
    """Field numbers and values of one protocol buffer."""
    place = 0
    while place < len(data):
        tag, place = _varint(data, place)
        wire = tag & 7
        if wire == _VARINT:
            value, place = _varint(data, place)
            yield tag >> 3, value
            continue
        if wire == _BYTES:
            size, place = _varint(data, place)
        elif wire in (_FIXED32, _FIXED64):
            size = 4 if wire == _FIXED32 else 8
        else:
            raise ValueError(f"wire type {wire}")
        if place + size > len(data):
            raise ValueError("it ends too early")
        yield tag >> 3, data[place : place + size]
        place += size


def _varint(data: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[place]
        value |= (byte & 127) << shift
        place, shift = place + 1, shift + 7
        if byte < 128:
            return value, place


def _tag(field: int, wire: int) -> bytes:
    return _coded(field << 3 | wire)


def _coded(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def _number(field: int, value: int) -> bytes:
    return _tag(field, _VARINT) + _coded(value)


def _text(field: int, value: bytes) -> bytes:
    return _tag(field, _BYTES) + _coded(len(value)) + value
