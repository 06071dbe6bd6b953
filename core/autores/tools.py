"""What agents can do: typed tools whose errors are answers.

A tool is an async function: its signature and docstring become the JSON schema that an agent
sees. Write it, decorate it with `tool`, and offer it through the hook `autores_tools`.
"""

from __future__ import annotations

import inspect
import math
import re
import types
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol, Union, get_args, get_origin

from autores.errors import AutoresError, UserError
from autores.records import Task

if TYPE_CHECKING:
    from autores.agent import Session
    from autores.lineage.view import LineageView
    from autores.workspace.workspace import Workspace

MOST_BYTES = 16 << 10
"""Of one answer."""
_JSON_NAMES: Mapping[Any, str] = {str: "string", int: "integer", float: "number", bool: "boolean"}


class ToolRefused(AutoresError):
    """A tool that cannot do what it was asked; the text is the answer."""


class Jobs(Protocol):
    """Runs a candidate's code for a tool: in the sandbox, at low priority."""

    async def probe(
        self, argv: tuple[str, ...], *, files: Mapping[str, bytes], seconds: float
    ) -> str:
        """Run a program beside the workspace's tree; what it printed, escaped and capped."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolContext:
    """What a tool may touch: this session, its workspace, its view, its probes."""

    session: Session
    workspace: Workspace
    view: LineageView
    jobs: Jobs
    task: Task
    call: str = ""
    """Names this call, the same if it is repeated; empty where nobody repeats calls."""
    patience: float = math.inf
    """Seconds after which the caller hangs up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """One tool, for every kind of agent."""

    name: str
    description: str
    run: Callable[[ToolContext, Mapping[str, Any]], Awaitable[str]]
    parameters: Mapping[str, Any] = field(default_factory=dict)
    """JSON schema of the arguments: the properties of an object."""
    required: tuple[str, ...] = ()
    narrow: str = ""
    """How to ask for less; said where an answer was cut."""
    alone: bool = False
    """Whether it must not run beside other calls of the same turn: it changes something."""

    @property
    def schema(self) -> dict[str, Any]:
        """JSON schema of the arguments as an object."""
        return {
            "type": "object",
            "properties": dict(self.parameters),
            "required": list(self.required),
            "additionalProperties": False,
        }


Body = Callable[..., Awaitable[str]]
"""An async function whose first argument is the `ToolContext`."""


def tool(*, narrow: str = "", alone: bool = False) -> Callable[[Body], Tool]:
    """Make a tool of a function: its name, signature and docstring are what agents see.

    Arguments may be `str`, `int`, `float`, `bool`, `Literal[…]` of strings, a `tuple` of
    these, or one of these `| None`. Each is described under `Args:`.

    Args:
        narrow: How to ask for less; said where an answer was cut.
        alone: Whether it changes something, so that nothing runs beside it.

    Raises:
        TypeError: An argument has no description, or a type that JSON cannot say.
    """

    def make(function: Body) -> Tool:
        return _made(function, narrow, alone)

    return make


def _made(function: Body, narrow: str, alone: bool) -> Tool:
    signature = inspect.signature(function, eval_str=True)
    arguments = dict(list(signature.parameters.items())[1:])
    description, told = _documented(inspect.getdoc(function) or "")
    if missing := [name for name in arguments if name not in told]:
        raise TypeError(f"tool {function.__name__}: describe {missing[0]!r} under Args:")

    async def run(context: ToolContext, given: Mapping[str, Any]) -> str:
        return await function(context, **checked(arguments, given))

    return Tool(
        name=function.__name__,
        description=description,
        run=run,
        parameters={name: _property(p, told[name]) for name, p in arguments.items()},
        required=tuple(name for name, p in arguments.items() if p.default is p.empty),
        narrow=narrow,
        alone=alone,
    )


def _documented(text: str) -> tuple[str, dict[str, str]]:
    """A docstring's prose, and what it says of each argument."""
    prose, _, rest = text.partition("\nArgs:\n")
    block = re.split(r"\n\S", rest, maxsplit=1)[0]
    found = re.findall(r"^    (\w+): (.*(?:\n {8,}.*)*)", block, re.MULTILINE)
    return _flat(prose), {name: _flat(said) for name, said in found}


def _flat(text: str) -> str:
    """Paragraphs without the line breaks of the source."""
    return "\n\n".join(" ".join(part.split()) for part in text.strip().split("\n\n"))


def _property(parameter: inspect.Parameter, said: str) -> dict[str, Any]:
    found = {**_type(parameter.annotation), "description": said}
    if parameter.default not in (parameter.empty, None):
        default = parameter.default
        found["default"] = list(default) if isinstance(default, tuple) else default
    return found


def _type(annotation: Any) -> dict[str, Any]:
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return {"type": "string", "enum": list(inner)}
    if origin is tuple:
        return {"type": "array", "items": _type(inner[0])}
    if origin in (Union, types.UnionType):
        return _type(next(kind for kind in inner if kind is not types.NoneType))
    if annotation not in _JSON_NAMES:
        raise TypeError(f"a tool's argument cannot be {annotation}")
    return {"type": _JSON_NAMES[annotation]}


# --------------------------------------------------------------------------- arguments


def checked(arguments: Mapping[str, inspect.Parameter], given: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments as their types say, where what was given can be read so.

    Raises:
        ToolRefused: One is missing, unknown, or does not fit.
    """
    if unknown := [name for name in given if name not in arguments]:
        known = ", ".join(arguments) or "none"
        raise ToolRefused(f"there is no argument {unknown[0]!r}; there are: {known}")
    missing = [n for n, p in arguments.items() if p.default is p.empty and n not in given]
    if missing:
        raise ToolRefused(f"the argument {missing[0]!r} is missing")
    return {name: _fitted(name, arguments[name], value) for name, value in given.items()}


def _fitted(name: str, parameter: inspect.Parameter, value: Any) -> Any:
    try:
        return fit(value, parameter.annotation)
    except (TypeError, ValueError, OverflowError) as error:
        raise ToolRefused(f"{name} = {value!r}: {error}") from None


def fit(value: Any, kind: Any) -> Any:
    """A JSON value as a type; models often write numbers as text.

    Raises:
        TypeError: It is of another kind.
        ValueError: It does not fit.
    """
    origin, inner = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        if value is None:
            return None
        return fit(value, next(k for k in inner if k is not types.NoneType))
    if origin is Literal:
        if value not in inner:
            raise ValueError(f"say one of: {', '.join(inner)}")
        return value
    if origin is tuple:
        parts = value if isinstance(value, list | tuple) else [value]
        return tuple(fit(part, inner[0]) for part in parts)
    if kind is str:
        if not isinstance(value, str):
            raise TypeError("say it as text")
        return value
    if kind is bool:
        return _truth(value)
    return _number(value, kind)


def _truth(value: Any) -> bool:
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    if not isinstance(value, bool):
        raise TypeError("say true or false")
    return value


def _number(value: Any, kind: type[int | float]) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise TypeError("say a number")
    number = float(value)
    if not math.isfinite(number) or (kind is int and number != int(number)):
        raise ValueError("say a whole number" if kind is int else "say a finite number")
    return int(value) if kind is int and not isinstance(value, float) else kind(number)


# ----------------------------------------------------------------------------- answers


async def use(found: Tool, context: ToolContext, arguments: Mapping[str, Any]) -> str:
    """Run a tool; what goes wrong is the answer, and no answer is too long."""
    try:
        answer = await found.run(context, arguments)
    except (AutoresError, UserError) as error:
        answer = str(error)
    except Exception as error:  # noqa: BLE001  a tool's failure is for the agent to read
        answer = f"{found.name} failed: {type(error).__name__}: {error}"
    return capped(answer, found.narrow)


def capped(text: str, narrow: str = "", most: int = MOST_BYTES) -> str:
    """A text of at most `most` bytes: the first whole lines, with a note on what is missing."""
    data = text.encode(errors="backslashreplace")
    if len(data) <= most:
        return text
    advice = f" {narrow}" if narrow else " Ask for less."
    note = f"\n… cut here; {len(data):,} bytes in all.{advice}"
    room = most - len(note.encode())
    whole = data[:room].rfind(b"\n") + 1
    kept = data[: whole if whole > room // 2 else room]
    return kept.decode(errors="ignore").rstrip("\n") + note
