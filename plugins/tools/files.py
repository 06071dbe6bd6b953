"""Read the session's own copy of the recipe."""

from __future__ import annotations

import re
from collections.abc import Iterator

from autores.fence import fence
from autores.globs import is_editable, matches
from autores.tools import ToolContext, ToolRefused, tool

MOST_HITS = 200
_LONGEST_LINE = 400


@tool()
async def list_files(context: ToolContext) -> str:
    """List the files of your copy of the recipe: bytes, whether you may edit it, its path."""
    workspace = context.workspace
    changed = set(workspace.changed())
    lines = [
        f"{len(data):>9,}  {_kind(context, path)}{'  changed' if path in changed else ''}  {path}"
        for path, data in sorted(workspace.snapshot().items())
    ]
    return fence("\n".join(lines), "your files")


def _kind(context: ToolContext, path: str) -> str:
    return "editable " if is_editable(context.workspace.recipe, path) else "protected"


@tool(narrow="Read fewer lines: give `first` and `last`.")
async def read_file(
    context: ToolContext, path: str, first: int = 1, last: int | None = None
) -> str:
    """Read lines of a file of your copy, each with its number.

    Args:
        path: As `list_files` shows it.
        first: The first line, counted from 1.
        last: The last line; the end of the file if it is left out.
    """
    lines = context.workspace.read(path).split("\n")
    if lines[-1] == "":
        lines.pop()
    if lines and not 1 <= first <= len(lines):
        raise ToolRefused(f"{path} has lines 1 to {len(lines)}; there is no line {first}")
    chosen = lines[first - 1 : last]
    return fence(numbered(chosen, first), f"{path}, lines {first} to {first + len(chosen) - 1}")


def numbered(lines: list[str], first: int) -> str:
    """Lines with their numbers in front."""
    width = len(str(first + len(lines)))
    return "\n".join(f"{number:>{width}}  {line}" for number, line in enumerate(lines, first))


@tool(narrow="Give a longer pattern, or a `glob` for fewer files.")
async def search(
    context: ToolContext, pattern: str, glob: str = "**", is_regex: bool = False
) -> str:
    """Find lines of your copy of the recipe that contain a text.

    Args:
        pattern: What to look for; upper and lower case are different.
        glob: Only files whose path matches, such as `**/*.py`.
        is_regex: Whether the pattern is a regular expression with at most 200 characters.
    """
    found = _finder(pattern, is_regex=is_regex)
    hits: list[str] = []
    for path, data in sorted(context.workspace.snapshot().items()):
        if matches(path, glob):
            hits += _hits(path, data, found)
        if len(hits) > MOST_HITS:
            hits = [*hits[:MOST_HITS], f"… more than {MOST_HITS} lines; stopped"]
            break
    return fence("\n".join(hits), f"lines with {pattern}") if hits else "no line has that"


def _finder(pattern: str, *, is_regex: bool) -> re.Pattern[str]:
    if not pattern or (is_regex and len(pattern) > 200):
        raise ToolRefused("give a pattern of 1 to 200 characters")
    try:
        return re.compile(pattern if is_regex else re.escape(pattern))
    except re.error as error:
        raise ToolRefused(f"the pattern is no regular expression: {error}") from None


def _hits(path: str, data: bytes, pattern: re.Pattern[str]) -> Iterator[str]:
    """A line is cut before it is searched, so that no expression takes for ever."""
    for number, line in enumerate(data.decode(errors="replace").split("\n"), 1):
        short = line[:_LONGEST_LINE]
        if pattern.search(short):
            yield f"{path}:{number}: {short.strip()}"


@tool(narrow="Read single files with `read_file` instead.")
async def diff(context: ToolContext) -> str:
    """Show all that you have changed so far, as a unified diff against your starting point."""
    found = context.workspace.diff()
    return fence(found, "your changes") if found else "nothing is changed"


TOOLS = (list_files, read_file, search, diff)
