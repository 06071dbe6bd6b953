"""Which columns a table of trials has, and what may stand in each."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from autores.errors import UserError
from autores.status import Status

NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
STATUSES = "|".join(str(status.value) for status in Status)
_WORDS = {
    "exp_id": r"(?:exp_)?\d+",
    "timestamp": r"\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[-+]\d\d:\d\d)?",
    "status": STATUSES,
    "commit": r"[0-9a-zA-Z]*",
}
_WORD = r"[^ \t]*"
_PLAIN = ("specialist", "parent_exp", "baseline_exp", "domain", "job_name", "snapshot_path")
_TEXTS = ("hypothesis", "notes", "description")
_TAIL = ("job_name", "snapshot_path", "notes", "description")
"""Columns that a row may lack at its end without anything being in doubt."""
_RANKING = ("val_bpb", "core_metric", "train_s", "accuracy", "val_loss")


@dataclass(frozen=True)
class Layout:
    """The header of a table."""

    header: tuple[str, ...]

    @classmethod
    def of(cls, line: str) -> Layout:
        """Read a header.

        Raises:
            UserError: It is not that of a table of trials.
        """
        header = tuple(name.strip().strip('"').lower() for name in line.split("\t"))
        if "status" not in header or not {"exp_id", "commit"} & set(header):
            raise UserError(
                "the first line names no columns of trials; there must be status, and exp_id or "
                "commit, between tabs"
            )
        return cls(header)

    @property
    def is_numbered(self) -> bool:
        """Whether rows have ids; else they are counted."""
        return "exp_id" in self.header

    @property
    def numbers(self) -> Iterator[str]:
        """The columns that hold nothing but numbers."""
        for name in self.header:
            if name not in (*_WORDS, *_PLAIN, *_TEXTS, "expected_delta"):
                yield name

    @cached_property
    def score(self) -> str:
        """The column that ranks: the first number after the status, where that is known.

        Raises:
            UserError: There is none.
        """
        numbers = list(self.numbers)
        after = self.header[self.header.index("status") + 1 :]
        first = next((name for name in after if name in numbers), "")
        for name in (first, *_RANKING):
            if name in numbers and name != "delta_vs_best":
                return name
        raise UserError(f"no column of {', '.join(self.header)} is a score; name it with --metric")

    def lacks_nothing(self, cells: Sequence[str]) -> bool:
        """Whether a row that is too short misses only what may be missing."""
        return all(name in _TAIL for name in self.header[len(cells) :])

    def fits(self, cells: Sequence[str]) -> bool:
        """Whether each cell is what its column holds."""
        patterns = self._patterns
        return all(patterns[n].fullmatch(c) for n, c in zip(self.header, cells, strict=False))

    def aligned(self, text: str) -> tuple[str, ...] | None:
        """The cells of a row whose tabs were lost or multiplied, if only one reading fits."""
        readings = {found.groups() for p in self._readings if (found := p.fullmatch(text))}
        return readings.pop() if len(readings) == 1 else None

    @cached_property
    def _patterns(self) -> dict[str, re.Pattern[str]]:
        return {name: re.compile(_pattern(name, ".*", "[^\t]*"), re.DOTALL) for name in self.header}

    @cached_property
    def _readings(self) -> tuple[re.Pattern[str], ...]:
        """With texts as short as they can be, and as long: where these agree it is certain."""
        found = []
        for text in (".*?", ".*"):
            columns = (f"({_pattern(name, text, _WORD)})" for name in self.header)
            found.append(re.compile("[\t ]".join(columns), re.DOTALL))
        return tuple(found)


def _pattern(name: str, text: str, plain: str) -> str:
    if name in _WORDS:
        return _WORDS[name]
    if name in _TEXTS:
        return text
    if name in _PLAIN or name == "expected_delta":
        return plain
    return f"(?:{NUMBER})?"
