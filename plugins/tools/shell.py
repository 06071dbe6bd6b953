"""A shell that reads and tries: in the sandbox, on a copy that nobody keeps."""

from __future__ import annotations

from autores.fence import fence
from autores.tools import ToolContext, tool

LONGEST = 120


@tool(narrow="Pipe it through head, tail or grep.")
async def shell(context: ToolContext, command: str, seconds: int = 30) -> str:
    """Run a shell command on a read-only copy of your files, without network or data.

    Nothing that it writes is kept; change files with the editing tools.

    Args:
        command: For `sh -c`.
        seconds: After which it is stopped; at most 120.
    """
    argv = ("sh", "-c", command)
    said = await context.jobs.probe(argv, files={}, seconds=max(1, min(seconds, LONGEST)))
    return fence(said, "what the command printed") if said else "it printed nothing"


TOOLS = (shell,)
