"""Find out before submitting what the gates and the interpreter would say."""

from __future__ import annotations

from collections.abc import Iterable

from autores.fence import fence
from autores.globs import is_editable
from autores.records import Violation
from autores.status import Cause
from autores.text import escape_line
from autores.tools import ToolContext, ToolRefused, tool

LONGEST_SMOKE = 120
LONGEST_LINE = 600
_IMPORTER = "import importlib, sys; sys.path.insert(0, '.'); importlib.import_module(sys.argv[1])"


@tool(narrow="Mend the first ones and ask again.")
async def check_legality(context: ToolContext, merges: tuple[int, ...] = ()) -> str:
    """Ask all gates about your copy as it is: scope, syntax, forbidden means, size and more.

    Args:
        merges: Numbers of trials that you would merge; see submit_trial.
    """
    return told(await context.session.check(merges)) or "the gates have no objection"


@tool(narrow="Mend the first ones and ask again.")
async def syntax_check(context: ToolContext) -> str:
    """Check that every file that you changed is Python; the first error of each, with its line."""
    found = [v for v in await context.session.check() if v.cause is Cause.SYNTAX]
    return told(found) or "all changed files are Python"


def told(violations: Iterable[Violation]) -> str:
    """Violations as lines, what refuses first."""
    return "\n".join(f"{v.severity.value}: {escape_line(str(v), LONGEST_LINE)}" for v in violations)


@tool()
async def smoke_run(context: ToolContext, path: str = "", seconds: int = 60) -> str:
    """Import a file of your copy in the sandbox, without data: finds errors at import.

    It waits while evaluations need the machine for themselves.

    Args:
        path: The file; the first changed one, else the first editable one, if left empty.
        seconds: After which it is stopped; at most 120.
    """
    path = path or _changed(context)
    context.workspace.read_bytes(path)
    module = path.removesuffix(".py").replace("/", ".")
    argv = ("python", "-c", _IMPORTER, module)
    said = await context.jobs.probe(argv, files={}, seconds=max(1, min(seconds, LONGEST_SMOKE)))
    return fence(said, f"what importing {path} printed") if said else f"{path} imports, silently"


def _changed(context: ToolContext) -> str:
    workspace = context.workspace
    edited = [path for path in workspace.changed() if path in workspace.list()]
    known = [p for p in workspace.list() if is_editable(workspace.recipe, p)]
    python = [path for path in (*edited, *known) if path.endswith(".py")]
    if not python:
        raise ToolRefused("there is no Python file to import; name one with `path`")
    return python[0]


TOOLS = (check_legality, syntax_check, smoke_run)
