"""Cells to rows: what each column means, normalised, with a note on whatever was not plain."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from autores.archive.grid import Cells, cells_of
from autores.archive.layout import Layout
from autores.archive.notes import Notes
from autores.archive.texts import cited_in, delta_of, parents_of, tidy, unleaked
from autores.status import Status

_SAY = 1000
"""Lines between two words on how far it is."""
_SCORED = (Status.BASELINE, Status.KEEP, Status.LEAD, Status.DISCARD)
_ABSENT = ("", "-", "n/a", "na", "none", "nan", "null", "inf", "-inf")
_KNOWN = {str(status.value): status for status in Status}
_NO_NUMBERS = frozenset(
    {
        *("exp_id", "timestamp", "status", "commit", "specialist", "parent_exp", "baseline_exp"),
        *("domain", "job_name", "snapshot_path", "hypothesis", "notes", "description"),
        "expected_delta",
    }
)
_NOT_A_WORD = re.compile(r"[\s-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One trial as somebody else recorded it."""

    line: int
    id: int
    at: float
    specialist: str
    parents: tuple[int, ...]
    hypothesis: str
    status: Status
    score: float | None
    expected: float | None = None
    cites: tuple[int, ...] = ()
    numbers: Mapping[str, float] = field(default_factory=dict)
    """All other columns of numbers, and the score of what must not rank."""
    job: str = ""
    notes: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A file that was read."""

    layout: Layout
    score: str
    """The column that ranks."""
    rows: tuple[Row, ...]
    notes: Notes


def read_table(
    text: str, metric: str = "", told: Callable[[float], None] = lambda more: None
) -> Table:
    """Read a table of trials, in the published shape or in karpathy's.

    Args:
        text: Of the file.
        metric: The column that ranks; empty for the one that the layout suggests.
        told: Hears how many characters more have been read.

    Raises:
        UserError: It is no such table.
    """
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    layout, notes = Layout.of(text.partition("\n")[0]), Notes()
    reader = _Reader(metric or layout.score, notes)
    found = _telling(cells_of(text, layout, notes), text.count("\n") + 1, len(text), told)
    rows = reader.numbered(found) if layout.is_numbered else reader.counted(found)
    settled = tuple(reader.settled(sorted(rows, key=lambda row: row.id)))
    return Table(layout=layout, score=reader.score, rows=settled, notes=notes)


def _telling(
    found: Iterable[Cells], lines: int, characters: int, told: Callable[[float], None]
) -> Iterator[Cells]:
    """Say now and then how much of the text has gone by."""
    said = 0
    for cells in found:
        if cells.line - said >= _SAY:
            told(characters * (cells.line - said) / lines)
            said = cells.line
        yield cells


class _Reader:
    """Reads cells, one row after the other."""

    def __init__(self, score: str, notes: Notes) -> None:
        self.score = score
        self._notes = notes
        self._level: float | None = None
        """Score of the first row that has one: percentages are of this."""
        self._last_at = 0.0

    def numbered(self, found: Iterable[Cells]) -> Iterator[Row]:
        """Rows of a table with ids; of two with one id the later gets a new one, at the end."""
        taken: dict[int, Mapping[str, str]] = {}
        twice: list[tuple[Cells, Row]] = []
        for cells in found:
            row = self._row(cells, self._id(cells))
            if row is None:
                continue
            if row.id not in taken:
                taken[row.id] = cells.by_name
                yield row
            elif taken[row.id] == cells.by_name:
                self._notes.mend(cells.line, f"repeats trial {row.id} and was left out")
            else:
                twice.append((cells, row))
        for number, (cells, row) in enumerate(twice, start=max(taken, default=-1) + 1):
            self._notes.list(cells.line, f"another row is trial {row.id} too; is now {number}")
            yield replace(row, id=number)

    def counted(self, found: Iterable[Cells]) -> Iterator[Row]:
        """Rows of a table without ids: each was made from the last one that was kept."""
        kept, number = None, 0
        for cells in found:
            row = self._row(cells, number, () if kept is None else (kept,))
            if row is None:
                continue
            if kept is None and row.status is Status.KEEP:
                row = replace(row, status=Status.BASELINE)
            if row.status in (Status.KEEP, Status.BASELINE):
                kept = number
            yield row
            number += 1

    def settled(self, rows: Iterable[Row]) -> Iterator[Row]:
        """Rows in order, none of which names a parent or a source that there was not yet."""
        known: set[int] = set()
        for row in rows:
            missing = [p for p in row.parents if p not in known]
            if missing:
                self._notes.list(row.line, "names a parent that was not there", text=str(missing))
            elif not row.parents and known:
                self._notes.list(row.line, "names no parent")
            known_parents = tuple(p for p in row.parents if p in known)
            known_cites = tuple(c for c in row.cites if c in known)
            known.add(row.id)
            if (known_parents, known_cites) == (row.parents, row.cites):
                yield row
            else:
                yield replace(row, parents=known_parents, cites=known_cites)

    # --------------------------------------------------------------------------- one row

    def _id(self, cells: Cells) -> int | None:
        found = parents_of(cells.by_name["exp_id"])
        if found is None or len(found[0]) != 1:
            self._notes.list(cells.line, "has no id", text=cells.by_name["exp_id"])
            return None
        if not found[1]:
            self._notes.mend(cells.line, "id", column="exp_id", text=cells.by_name["exp_id"])
        return found[0][0]

    def _row(self, cells: Cells, id_: int | None, parents: tuple[int, ...] = ()) -> Row | None:
        by_name, line = dict(cells.by_name), cells.line
        self._part_from_markup(by_name, line)
        status = self._status(by_name["status"], line)
        if status is None or id_ is None:
            return None
        numbers = dict(self._numbers(by_name, line))
        score = numbers.get(self.score)
        if status in _SCORED and not self._is_score(score, by_name, line, status):
            return None
        if status in _SCORED:
            numbers.pop(self.score, None)
            self._level = score if self._level is None else self._level
        hypothesis, notes = by_name.get("hypothesis", ""), by_name.get("notes", "")
        hypothesis = tidy(hypothesis or by_name.get("description", ""))
        return Row(
            line=line,
            id=id_,
            at=self._at(by_name.get("timestamp", ""), line),
            specialist=by_name.get("specialist", "") or "agent",
            parents=parents or self._parents(by_name, line, id_),
            hypothesis=hypothesis,
            status=status,
            score=score if status in _SCORED else None,
            expected=self._expected(by_name.get("expected_delta", ""), line),
            cites=tuple(c for c in cited_in(hypothesis, notes) if c != id_),
            numbers=numbers,
            job=by_name.get("job_name", "") or by_name.get("commit", ""),
            notes=tidy(notes),
        )

    def _part_from_markup(self, by_name: dict[str, str], line: int) -> None:
        """What belongs into another column that is empty goes there; the rest stays as notes."""
        for column in ("hypothesis", "notes", "expected_delta"):
            leaked = unleaked(by_name.get(column, ""))
            if leaked.text == by_name.get(column, ""):
                continue
            self._notes.mend(line, "leaked markup", column=column, text=by_name[column])
            by_name[column] = leaked.text
            for name, value in leaked.arguments.items():
                if name in by_name and not by_name[name].strip():
                    by_name[name] = value
                elif value and value not in by_name.values():
                    by_name["notes"] = f"{by_name.get('notes', '')} {value}".strip()

    def _status(self, text: str, line: int) -> Status | None:
        bare = _NOT_A_WORD.sub("_", text.strip().strip('"').lower())
        status = _KNOWN.get(bare)
        if status is None:
            self._notes.list(line, "has no known status", column="status", text=text)
        elif bare != text:
            self._notes.mend(line, "status", column="status", text=text)
        return status

    def _numbers(self, by_name: Mapping[str, str], line: int) -> Iterator[tuple[str, float]]:
        for name in by_name.keys() - _NO_NUMBERS:
            text = by_name[name]
            if not text:
                continue
            try:
                value = float(text)
            except ValueError:
                value = math.nan
            if math.isfinite(value):
                yield name, value
            elif text.strip().lower() in _ABSENT:
                self._notes.mend(line, "no number", column=name, text=text)
            else:
                self._notes.list(line, "is not a number", column=name, text=text)

    def _is_score(
        self, score: float | None, by_name: Mapping[str, str], line: int, status: Status
    ) -> bool:
        if score is not None:
            return True
        text = by_name.get(self.score, "")
        self._notes.list(line, f"{status.value} without a score", column=self.score, text=text)
        return status is Status.BASELINE  # all that follows descends from it

    def _parents(self, by_name: Mapping[str, str], line: int, id_: int) -> tuple[int, ...]:
        text = by_name.get("parent_exp", "")
        found = parents_of(text)
        if found is None:
            self._notes.list(line, "parent is not clear", column="parent_exp", text=text)
            return ()
        if not found[1]:
            self._notes.mend(line, "parent", column="parent_exp", text=text)
        return tuple(parent for parent in found[0] if parent != id_)

    def _expected(self, text: str, line: int) -> float | None:
        found = delta_of(text, self._level)
        if found is None:
            self._notes.list(line, "no number", column="expected_delta", text=text)
            return None
        if not found[1]:
            self._notes.mend(line, "number", column="expected_delta", text=text)
        return found[0]

    def _at(self, text: str, line: int) -> float:
        """UNIX time; that of the row before where there is none."""
        try:
            moment = datetime.fromisoformat(text)
            moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
            self._last_at = moment.timestamp()
        except ValueError:
            if text:
                self._notes.list(line, "is no time", column="timestamp", text=text)
        return self._last_at
