"""Small named program edits that a task offers to agents which search without a model."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """One edit of one file: what it is for, and the pieces of text that it replaces."""

    name: str
    surface: str
    """What it belongs to, so that a specialist finds its own."""
    title: str
    """What it does, as an imperative; the hypothesis of whoever tries it."""
    path: str
    pieces: tuple[tuple[str, str], ...]
    """Old text and new; each old text must stand exactly once when its turn comes."""

    def apply(self, source: str) -> str | None:
        """The edited text; None where the move does not apply."""
        for old, new in self.pieces:
            if source.count(old) != 1:
                return None
            source = source.replace(old, new)
        return source
