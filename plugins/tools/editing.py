"""Change the session's own copy of the recipe."""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from autores.fence import fence
from autores.plugins.tools import patches
from autores.plugins.tools.files import numbered
from autores.tools import ToolContext, ToolRefused, tool
from autores.workspace.workspace import EditRefused

_AROUND = 2
"""Lines shown around a place."""
_MOST_LINES = 20_000
"""Of a file in which the nearest match is looked for."""


@tool(alone=True)
async def edit_file(
    context: ToolContext, path: str, old: str, new: str, everywhere: bool = False
) -> str:
    """Replace a piece of text in a file. It must match exactly, spaces and all.

    Args:
        path: Of an editable file.
        old: The text as it is now, without line numbers; it must stand exactly once.
        new: What stands there afterwards; empty to remove it.
        everywhere: Replace all places instead.
    """
    workspace = context.workspace
    text = workspace.read(path)
    count = text.count(old) if old else 0
    if old == new:
        raise ToolRefused("old and new are the same; nothing to do")
    if not count:
        raise ToolRefused(f"{path} does not contain this text.{_nearest(text, old)}")
    if count > 1 and not everywhere:
        places = ", ".join(map(str, _places(text, old)))
        raise ToolRefused(
            f"{path} contains this text {count} times, at lines {places}: give more lines "
            "around the one you mean, or say everywhere"
        )
    line = text[: text.index(old)].count("\n") + 1
    workspace.write(path, text.replace(old, new))
    return f"{path}: {count} place{'s' if count > 1 else ''} changed\n{_shown(workspace.read(path), line, new)}"


@tool(alone=True)
async def apply_patch(context: ToolContext, patch: str) -> str:
    """Apply a unified diff to your copy: all of it or, where one hunk does not fit, nothing.

    Line numbers are hints; context lines must match exactly and in one place.

    Args:
        patch: Starts with `--- a/PATH` and `+++ b/PATH` for each file.
    """
    try:
        changes = patches.apply(patch, context.workspace.read)
    except patches.Misfit as error:
        raise ToolRefused(str(error)) from None
    before = {path: context.workspace.read_bytes(path) for path in changes}
    try:
        for path, text in changes.items():
            context.workspace.write(path, text)
    except EditRefused:
        for path, data in before.items():
            if context.workspace.read_bytes(path) != data:
                context.workspace.write(path, data)
        raise
    return f"changed: {', '.join(changes)}"


@tool(alone=True)
async def write_file(context: ToolContext, path: str, content: str) -> str:
    """Make a new file, where this recipe allows new files. Existing ones are edited instead.

    Args:
        path: Within the editable files.
        content: Of the whole file.
    """
    if path in context.workspace.list():
        raise ToolRefused(f"{path} exists; change it with edit_file or apply_patch")
    context.workspace.write(path, content)
    return f"{path}: written, {len(content.encode()):,} bytes"


@tool(alone=True)
async def undo_edits(context: ToolContext) -> str:
    """Put your whole copy back to where you started; all edits are lost."""
    context.workspace.reset()
    return "all files are as they were"


def _places(text: str, old: str) -> Iterator[int]:
    start = text.find(old)
    while start >= 0:
        yield text.count("\n", 0, start) + 1
        start = text.find(old, start + len(old))


def _shown(text: str, line: int, new: str) -> str:
    lines = text.split("\n")
    first = max(1, line - _AROUND)
    place = numbered(lines[first - 1 : line + new.count("\n") + _AROUND], first)
    return fence(place, "how it reads now")


def _nearest(text: str, old: str) -> str:
    """Where the text might have been meant, with what stands there."""
    wanted = old.strip("\n").split("\n")
    lines = text.split("\n")[:_MOST_LINES]
    anchor = max(wanted, key=lambda line: len(line.strip())).strip()
    near = difflib.get_close_matches(anchor, [line.strip() for line in lines], 1, 0.5)
    if not anchor or not near:
        return " Read the file again; nothing in it is similar."
    at = next(i for i, line in enumerate(lines) if line.strip() == near[0])
    offset = next(i for i, line in enumerate(wanted) if line.strip() == anchor)
    first = max(0, at - offset)
    place = numbered(lines[first : first + len(wanted) + _AROUND], first + 1)
    told = fence(place, "nearest place")
    return f" The nearest place, with line numbers that do not belong to the text:\n{told}"


TOOLS = (edit_file, apply_patch, write_file, undo_edits)
