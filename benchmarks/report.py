"""What every benchmark returns: figures, what they are compared with, and the machine."""

from __future__ import annotations

import json
import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One measured figure."""

    name: str
    value: float
    unit: str
    baseline: float | None = None
    """The figure that this one is compared with, in the same unit and the same run."""
    compared_with: str = ""
    """What the baseline is, or where a published figure stands."""
    limit: float | None = None
    """What the figure should not exceed; None where it only informs."""
    at_least: float | None = None
    """What it should reach."""
    samples: int = 1

    @property
    def ratio(self) -> float | None:
        """Value over baseline."""
        return self.value / self.baseline if self.baseline else None

    @property
    def passed(self) -> bool | None:
        """Whether the limits were met; None without a limit."""
        if self.limit is None and self.at_least is None:
            return None
        low = self.at_least is not None and self.value < self.at_least
        return not low and (self.limit is None or self.value <= self.limit)


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """Where it was measured."""

    system: str
    python: str
    processor: str
    cores: int
    memory_gib: float
    measured: str

    @classmethod
    def here(cls) -> Machine:
        """Describe this machine, without naming it."""
        pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        return cls(
            system=f"{platform.system()} {platform.release().split('-')[0]}",
            python=platform.python_version(),
            processor=_processor(),
            cores=os.cpu_count() or 1,
            memory_gib=round(pages / 2**30, 1),
            measured=datetime.now(UTC).strftime("%Y-%m-%d"),
        )

    def __str__(self) -> str:
        return (
            f"{self.processor}, {self.cores} cores, {self.memory_gib:g} GiB, {self.system}, "
            f"Python {self.python}, {self.measured}"
        )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    named = (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.machine())


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The figures of one benchmark."""

    title: str
    rows: Sequence[Row]
    notes: Sequence[str] = ()
    machine: Machine = field(default_factory=Machine.here)

    @property
    def passed(self) -> bool:
        """No figure exceeds its limit."""
        return all(row.passed is not False for row in self.rows)

    def render(self) -> str:
        """The table for people."""
        header = ("", "figure", "compared with", "ratio", "limit", "n")
        return "\n".join(
            [
                self.title,
                str(self.machine),
                "",
                *_columns([header, *map(_cells, self.rows)]),
                *(["", *self.notes] if self.notes else []),
            ]
        )

    def markdown(self) -> list[str]:
        """The table for a page."""
        header = ("what", "figure", "compared with", "ratio", "limit", "n")
        rows = [header, ("---",) * len(header), *map(_cells, self.rows)]
        lines = [f"| {' | '.join(cell or ' ' for cell in row)} |" for row in rows]
        notes = [line for note in self.notes for line in ("", note)]
        return [f"{self.title}. {self.machine}", "", *lines, *notes]

    @classmethod
    def of(cls, name: str) -> Self:
        """What was kept of a benchmark."""
        return cls.from_json(json.loads((RESULTS / f"{name}.json").read_text()))

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> Self:
        """A report that was kept."""
        return cls(
            title=kept["title"],
            rows=[Row(**row) for row in kept["rows"]],
            notes=kept["notes"],
            machine=Machine(**kept["machine"]),
        )

    def to_json(self) -> str:
        """The same facts for programs."""
        return json.dumps(asdict(self) | {"passed": self.passed}, indent=2, allow_nan=False)


def _cells(row: Row) -> tuple[str, ...]:
    baseline = "" if row.baseline is None else f"{_number(row.baseline)} {row.unit}"
    bounds = (("≤", row.limit, "EXCEEDED"), ("≥", row.at_least, "MISSED"))
    asked = [(sign, bound, bad) for sign, bound, bad in bounds if bound is not None]
    limit = ", ".join(f"{sign} {_number(bound)} {row.unit}".rstrip() for sign, bound, _ in asked)
    verdict = "" if row.passed is None else " ok" if row.passed else f" {asked[0][2]}"
    return (
        row.name,
        f"{_number(row.value)} {row.unit}".rstrip(),
        f"{baseline} {row.compared_with}".strip(),
        "" if row.ratio is None else f"{row.ratio:.3g}×",
        limit + verdict,
        str(row.samples),
    )


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def _columns(table: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in table
    ]


def median_seconds(work: Callable[[], object], times: int) -> float:
    """The median time of a few calls."""

    def once() -> float:
        start = time.perf_counter()
        work()
        return time.perf_counter() - start

    return statistics.median(once() for _ in range(times))
