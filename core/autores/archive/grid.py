"""Lines of a table to cells: quotes undone, broken lines joined, lost tabs found again."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from autores.archive.layout import Layout
from autores.archive.notes import Notes

_NUMBERED = re.compile(r'"?(?:exp_)?\d+"?(?:\t| +\d{4}-\d\d-\d\dT)')
"""How a row begins; one that has lost its tabs is known by its time."""
_QUOTED = re.compile(r'"((?:[^"]|"")*)"(?=\t|\Z)', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Record:
    """A row as it stands in the file, which may be several lines."""

    line: int
    text: str


@dataclass(frozen=True, slots=True)
class Cells:
    """A row whose columns are known."""

    line: int
    by_name: dict[str, str]


def cells_of(text: str, layout: Layout, notes: Notes) -> Iterator[Cells]:
    """The rows below the header; what cannot be read is listed."""
    for record in _records(text, layout, notes):
        cells = _read(record, layout, notes)
        if cells is not None:
            yield Cells(record.line, dict(zip(layout.header, cells, strict=True)))


def _records(text: str, layout: Layout, notes: Notes) -> Iterator[Record]:
    """Lines that begin like a row, each with those that complete it."""
    open_: Record | None = None
    header, *lines = text.split("\n")
    for number, line in enumerate(lines, start=2):
        if line == header:
            notes.mend(number, "a repeated header was left out")
        elif not layout.is_numbered or _NUMBERED.match(line):
            if open_ is not None:
                yield open_
            open_ = Record(number, line) if line.strip() else None
        elif open_ is not None and not _is_complete(open_.text, layout):
            open_ = Record(open_.line, f"{open_.text}\n{line}")
        elif line.strip():
            notes.list(number, "belongs to no row", text=line)
    if open_ is not None:
        yield open_


def _is_complete(text: str, layout: Layout) -> bool:
    cells = split(text)
    if len(cells) == len(layout.header):
        return not cells[-1].startswith('"')
    return layout.aligned(text) is not None


def _read(record: Record, layout: Layout, notes: Notes) -> list[str] | None:
    cells, wanted = split(record.text), len(layout.header)
    if len(cells) == wanted:
        if "\n" in record.text and '"' not in record.text:
            notes.mend(record.line, "a row that was broken into several lines was joined")
        return cells
    if len(cells) < wanted and layout.lacks_nothing(cells) and layout.fits(cells):
        notes.mend(record.line, "empty columns were missing at the end")
        return [*cells, *[""] * (wanted - len(cells))]
    aligned = layout.aligned(record.text.replace("\n", " "))
    if aligned is None:
        what = f"has {len(cells)} columns, not {wanted}, and can be read in no one way"
        notes.list(record.line, what, text=record.text)
        return None
    notes.mend(record.line, f"had {len(cells)} columns, not {wanted}: tabs were found again")
    return [unquoted(cell) for cell in aligned]


def split(text: str) -> list[str]:
    """The cells between tabs; in quotes a tab is none, and a doubled quote is one."""
    if '"' not in text:
        return text.split("\t")
    cells, at = [], 0
    while at <= len(text):
        quoted = _QUOTED.match(text, at)
        end = quoted.end() if quoted else text.find("\t", at)
        end = len(text) if end < 0 else end
        cells.append(unquoted(text[at:end]))
        at = end + 1
    return cells


def unquoted(cell: str) -> str:
    """A cell as it was before it was put into quotes."""
    found = _QUOTED.fullmatch(cell)
    return found[1].replace('""', '"') if found else cell
