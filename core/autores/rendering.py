"""Facts as text for people and as JSON for programs, from one place."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from autores.codec import to_json


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a command found out."""

    text: str
    data: Any

    @property
    def json(self) -> str:
        """As JSON."""
        return json.dumps(to_json(self.data), indent=2, ensure_ascii=False)


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Columns as wide as they must be; the last one as long as it is."""
    lines = [tuple(header), *map(tuple, rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(header))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )
