"""Unified diffs as models write them: line numbers are hints, context must match."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

_HEADER = re.compile(r"^@@(?: -(\d+)(?:,\d+)? \+\d+(?:,\d+)? @@)?")


class Misfit(Exception):
    """A patch that does not fit; the text says which part, and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hunk:
    """One piece: the lines as they are, and as they should be."""

    number: int
    hint: int
    """The line at which it should stand, counted from 1; 0 if the patch does not say."""
    old: tuple[str, ...]
    new: tuple[str, ...]


def apply(patch: str, read: Callable[[str], str]) -> dict[str, str]:
    """The new texts of all files that a patch touches.

    Args:
        patch: The diff.
        read: Gives a file's text as it is.

    Raises:
        Misfit: It is no unified diff, or one of its hunks does not fit.
    """
    texts: dict[str, str] = {}
    for path, hunks in parse(patch):
        text = texts.get(path) or read(path)
        for hunk in hunks:
            text = _applied(path, text, hunk)
        texts[path] = text
    if not texts:
        raise Misfit("the patch has no `--- a/PATH`, `+++ b/PATH` and `@@` lines")
    return texts


def parse(patch: str) -> Iterator[tuple[str, list[Hunk]]]:
    """Each file's path and hunks, in order."""
    path, block, hunks = "", list[str](), list[Hunk]()
    hint = 0
    lines = patch.rstrip("\n").split("\n")
    for number, line in enumerate([*lines, "--- end"]):
        ends = line.startswith(("--- ", "diff ")) and _begins_file(lines, number)
        if (ends or line.startswith("@@")) and block:
            hunks.append(_hunk(path, len(hunks) + 1, hint, block))
            block = []
        if ends:
            if path and hunks:
                yield path, hunks
            path, hunks = "", []
        elif line.startswith("+++ ") and not path:
            path = _path(line)
        elif header := _HEADER.match(line):
            if not path:
                raise Misfit("a hunk stands before any `+++ b/PATH` line")
            hint, block = int(header[1] or 0), []
        elif path:
            block.append(line)


def _begins_file(lines: list[str], number: int) -> bool:
    """Whether a line that starts with dashes is a header, and not one that is removed."""
    if number >= len(lines) or lines[number].startswith("diff "):
        return True
    return number + 1 < len(lines) and lines[number + 1].startswith("+++ ")


def _path(line: str) -> str:
    path = line[4:].split("\t")[0].strip()
    if path == "/dev/null":
        raise Misfit("a patch cannot delete a file here")
    return path.removeprefix("b/")


def _hunk(path: str, number: int, hint: int, lines: list[str]) -> Hunk:
    old, new = list[str](), list[str]()
    for line in lines:
        mark, text = line[:1], line[1:]
        if mark not in ("", " ", "-", "+", "\\"):
            raise Misfit(
                f"{path}, hunk {number}: a line must begin with a space, + or -: {line[:80]!r}"
            )
        if mark in ("", " ", "-"):
            old.append(text)
        if mark in ("", " ", "+"):
            new.append(text)
    if not old:
        raise Misfit(f"{path}, hunk {number}: it has no line that tells where it belongs")
    return Hunk(number=number, hint=hint, old=tuple(old), new=tuple(new))


def _applied(path: str, text: str, hunk: Hunk) -> str:
    lines = text.split("\n")
    size = len(hunk.old)
    found = [i for i in range(len(lines) - size + 1) if tuple(lines[i : i + size]) == hunk.old]
    if not found:
        raise Misfit(
            f"{path}, hunk {hunk.number}: its lines do not stand there; "
            f"read the file again. First line wanted: {hunk.old[0]!r}"
        )
    if len(found) > 1 and not hunk.hint:
        raise Misfit(f"{path}, hunk {hunk.number}: it fits in {len(found)} places; give more lines")
    at = min(found, key=lambda i: abs(i + 1 - hunk.hint))
    return "\n".join([*lines[:at], *hunk.new, *lines[at + size :]])
