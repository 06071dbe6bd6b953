"""What had to be mended in a file, and what could not be."""

from __future__ import annotations

from dataclasses import dataclass, field

from autores.text import escape_line

_LONGEST = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """One thing about one line."""

    line: int
    """As an editor counts."""
    what: str
    trial: int | None = None
    column: str = ""
    text: str = ""
    """What stands there."""

    def __str__(self) -> str:
        who = "" if self.trial is None else f", trial {self.trial}"
        where = f", {self.column}" if self.column else ""
        said = f": {self.text}" if self.text else ""
        return f"line {self.line}{who}{where}: {self.what}{said}"


@dataclass(slots=True)
class Notes:
    """All of them, in the order of the file."""

    repaired: list[Note] = field(default_factory=list)
    unrepaired: list[Note] = field(default_factory=list)

    def mend(self, line: int, what: str, *, column: str = "", text: str = "") -> None:
        """Say what was repaired."""
        self.repaired.append(_note(line, what, column, text))

    def list(self, line: int, what: str, *, column: str = "", text: str = "") -> None:
        """Say what was not, because no repair is certain."""
        self.unrepaired.append(_note(line, what, column, text))


def _note(line: int, what: str, column: str, text: str) -> Note:
    return Note(line=line, what=what, column=column, text=escape_line(text, _LONGEST))
