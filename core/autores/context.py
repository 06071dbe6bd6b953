"""What a session is told, within its caps: counted in bytes, whole lines, oldest dropped."""

from __future__ import annotations

from collections.abc import Iterable

from autores.agent import Section


def render(sections: Iterable[Section]) -> str:
    """The sections in their order, each under its title; empty ones are left out."""
    ordered = sorted((s for s in sections if s.text.strip()), key=lambda s: s.rank)
    return "\n\n".join(f"## {s.title}\n\n{fit(s)}" for s in ordered)


def fit(section: Section) -> str:
    """A section's text within its cap; of what is too long the oldest lines go."""
    lines = section.text.strip("\n").split("\n")
    if _size(lines) <= section.cap:
        return "\n".join(lines)
    newest_first = lines if section.newest_first else lines[::-1]
    kept: list[str] = []
    for line in newest_first:
        if _size([*kept, line, _note(len(lines))]) > section.cap:
            break
        kept.append(line)
    note = _note(len(lines) - len(kept))
    shown = [*kept, note] if section.newest_first else [note, *kept[::-1]]
    return "\n".join(shown)


def _note(left_out: int) -> str:
    return f"… {left_out} lines left out"


def _size(lines: list[str]) -> int:
    return sum(len(line.encode()) + 1 for line in lines) - 1
