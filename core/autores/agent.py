"""Agents and sessions: who proposes, and all that a proposal can do."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from autores.records import Budget, Cost, Limits, Specialist, Task, Tree, Trial, Violation

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from autores.control import Pass
    from autores.lineage.view import LineageView
    from autores.moves import Move
    from autores.tools import Tool
    from autores.workspace.workspace import Rebase, Workspace


MOST_VARIANTS = 3
"""Of one proposal, besides itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A part of what a session is told."""

    title: str
    text: str
    rank: int = 50
    """Sections stand in this order."""
    cap: int = 8 << 10
    """Bytes; more is cut at a line, with a note."""
    newest_first: bool = True
    """Which end is dropped: the last lines, else the first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionBrief:
    """Whose turn it is: what context plugins and tools may know of a session."""

    id: str
    task: Task
    specialist: Specialist
    specialists: tuple[Specialist, ...]
    """Of this run."""
    parent: int
    """The trial whose tree the workspace begins with, as this session's view numbers it."""
    arm: str = "specialists"
    seed: int = 0
    """For the agent's own choices; the same when the run is repeated with the same seed."""
    limits: Limits | None = None
    """Of one evaluation, where they are known."""
    idea: str = ""
    """What a person queued for this session."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """What an agent submits: the files as they should be, and why."""

    hypothesis: str
    files: Mapping[str, bytes] | None = None
    """The whole tree; None: the workspace as it is."""
    expected_delta: float | None = None
    """Signed, in the metric's unit: what the score is expected to change by."""
    notes: str = ""
    cites: tuple[int, ...] = ()
    """Trials that the hypothesis builds on."""
    merges: tuple[int, ...] = ()
    """Further trials that went into this one, besides the one that was edited. What stands just
    so in one of them is its author's: it may lie outside the specialist's surfaces."""
    call: str = ""
    """Names the call, so that a repeated one submits nothing twice; empty: the next number."""
    variants: tuple[Proposal, ...] = ()
    """Up to three further versions, as of a new optimizer at other rates: each a trial of its own
    that counts as one, all of them one submission. What the budget has no room for is left out."""

    def __post_init__(self) -> None:
        if len(self.variants) > MOST_VARIANTS or any(v.variants for v in self.variants):
            raise ValueError(f"a proposal has at most {MOST_VARIANTS} variants, which have none")


@dataclass(frozen=True, slots=True, kw_only=True)
class Feedback:
    """What came of a proposal."""

    trial: Trial
    """As the session's view shows it; the best one where there were variants."""
    violations: tuple[Violation, ...] = ()
    more: bool = True
    """Whether this session may submit again."""


class Session(Protocol):
    """One turn of one specialist. Lives as long as `Agent.run` and never longer."""

    brief: SessionBrief
    view: LineageView
    workspace: Workspace

    @property
    def tools(self) -> Mapping[str, Tool]:
        """By name."""
        ...

    @property
    def moves(self) -> tuple[Move, ...]:
        """That the task offers."""
        ...

    @property
    def system(self) -> str:
        """Who the agent is and what the rules are: knowledge first, then the preamble."""
        ...

    @property
    def instructions(self) -> tuple[str, ...]:
        """The same in parts: what all sessions of the task share, then the specialist's own."""
        ...

    @property
    def context(self) -> str:
        """Where the run stands, rendered when the session began."""
        ...

    @property
    def stopping(self) -> bool:
        """Whether the run wants to end: finish what is in hand."""
        ...

    @property
    def more(self) -> bool:
        """Whether it may submit."""
        ...

    @property
    def submissions(self) -> int:
        """How many it has made."""
        ...

    @property
    def over(self) -> bool:
        """Whether it may not submit any more, and has heard what came of all that it did."""
        ...

    async def submit(self, proposal: Proposal) -> Feedback:
        """Freeze a proposal, and wait for what comes of it. One at a time.

        Raises:
            SessionOver: The session has had its submissions, or the run has ended.
        """
        ...

    async def begin(self, proposal: Proposal) -> int:
        """Freeze a proposal; the trial's number, at once. A repeated call gives the same.

        The trial belongs to the run: it goes on whatever becomes of who asked.

        Raises:
            SessionOver: As above.
            AutoresError: An earlier submission of this session is still being measured.
        """
        ...

    async def wait(self, trial: int, seconds: float = math.inf) -> Feedback | None:
        """What came of a submission of this session; None if that takes longer.

        Raises:
            AutoresError: This session has not submitted it.
        """
        ...

    async def check(self, merges: tuple[int, ...] = ()) -> tuple[Violation, ...]:
        """What the gates would say of the workspace as it is, if these trials were merged."""
        ...

    def snapshot(self, trial: int) -> Tree:
        """The files of a trial that the view shows; `NoSuchTrial` for others."""
        ...

    def compare(self, old: int, new: int) -> str:
        """What differs between two such trials, as a unified diff."""
        ...

    def rebase(self, trial: int) -> Rebase:
        """Move the workspace's edits onto another trial, which becomes the parent."""
        ...

    async def call(
        self,
        tool: str,
        arguments: Mapping[str, object],
        *,
        call: str = "",
        patience: float = math.inf,
    ) -> str:
        """Use a tool. Errors are answers, never exceptions.

        Args:
            tool: Its name.
            arguments: As its schema says.
            call: Names this call; one that is repeated under its name submits nothing twice.
            patience: Seconds after which the caller hangs up.
        """
        ...

    def admit(self) -> AbstractContextManager[Pass]:
        """Let a program use the tools over the run's socket, as long as this lasts."""
        ...

    async def charge(self, cost: Cost) -> None:
        """Enter what was used into the ledger."""
        ...

    @property
    def budget(self) -> Budget:
        """What the whole run may use."""
        ...

    @property
    def spent(self) -> Cost:
        """What the whole run has used."""
        ...

    def leave_idea(self) -> None:
        """Say that nothing can be done here with the queued idea: another session gets it."""
        ...

    def record(self, kind: str, content: object) -> None:
        """Add a line to the session's transcript."""
        ...


class Agent(Protocol):
    """Proposes. It never touches the store, an executor, or files outside its workspace."""

    async def run(self, session: Session) -> None:
        """Work until something was submitted, or there is nothing to submit.

        An exception ends the session alone; the loop goes on, after a pause that grows.
        """
        ...


@runtime_checkable
class Checkable(Protocol):
    """An agent that can say whether it would work, at next to no cost."""

    async def check(self) -> str:
        """Try the least that shows it; what was seen, in one line.

        Raises:
            UserError: It would not work; the text says why, and what would mend that.
        """
        ...


@runtime_checkable
class Closing(Protocol):
    """An agent that holds something, such as connections."""

    async def close(self) -> None:
        """Let go of it; the run has ended."""
        ...


class SessionOver(Exception):
    """No more can be submitted in this session; the text says why."""


class Exhausted(Exception):
    """The agent has nothing more to propose in this run; the run drains and ends."""
