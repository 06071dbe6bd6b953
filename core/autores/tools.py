"""What agents can do: typed tools whose errors are answers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from autores.records import Task

if TYPE_CHECKING:
    from autores.agent import Session
    from autores.lineage.view import LineageView
    from autores.workspace.workspace import Workspace


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """One tool, for every kind of agent."""

    name: str
    description: str
    run: Callable[[ToolContext, Mapping[str, Any]], Awaitable[str]]
    parameters: Mapping[str, Any] = field(default_factory=dict)
    """JSON schema of the arguments: the properties of an object."""
    required: tuple[str, ...] = ()
