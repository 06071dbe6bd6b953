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


def duration(seconds: float) -> str:
    """A length of time in its two largest units: `2 h 05 min`, `7 min 30 s`, `0.4 s`."""
    if seconds < 10:
        return f"{max(0.0, seconds):.1f} s"
    whole = round(seconds)
    days, hours, minutes = whole // 86400, whole // 3600 % 24, whole // 60 % 60
    if days:
        return f"{days} d {hours:02d} h"
    if hours:
        return f"{hours} h {minutes:02d} min"
    return f"{minutes} min {whole % 60:02d} s" if minutes else f"{whole} s"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Columns as wide as they must be; the last one as long as it is."""
    lines = [tuple(header), *map(tuple, rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(header))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )
