"""What a user can say about the gates: the table `[gates]`."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum


class Scope(Enum):
    """What happens where a specialist edits what it does not own."""

    ENFORCE = "enforce"
    WARN = "warn"
    OFF = "off"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The limits of the built-in gates."""

    scope: Scope = field(
        default=Scope.ENFORCE,
        metadata={"help": "edits outside the specialist's surfaces: enforce, warn or off"},
    )
    files: int = field(default=300, metadata={"help": "most files of a recipe"})
    file_bytes: int = field(default=512 << 10, metadata={"help": "largest file of a recipe"})
    tree_bytes: int = field(default=4 << 20, metadata={"help": "all files of a recipe together"})
    literal_bytes: int = field(
        default=1_000, metadata={"help": "most compressed bytes of one new literal"}
    )
    literals_bytes: int = field(
        default=16_000, metadata={"help": "most compressed bytes of a file's literals together"}
    )
    noise_bytes: int = field(
        default=2_000, metadata={"help": "most bytes of a file's words that look like data"}
    )
    forbidden: tuple[str, ...] = field(
        default=(), metadata={"help": "further dotted names that recipes may not use, with `*`"}
    )
    allowed: tuple[str, ...] = field(
        default=(), metadata={"help": "dotted names that are allowed after all, with `*`"}
    )
