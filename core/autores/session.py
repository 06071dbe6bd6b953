"""One turn of one specialist: a workspace, what it is told, and what it submits."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from typing import overload

from autores.agent import Feedback, Proposal, SessionBrief, SessionOver
from autores.context import render
from autores.control import Pass
from autores.errors import AutoresError
from autores.events import Accepted, Body, Charged, Gated, Head
from autores.lineage.store import DuplicateSubmission, NoSuchTrial, Query
from autores.lineage.view import LineageView
from autores.moves import Move
from autores.prompts import shared
from autores.records import Budget, Cost, EditSize, Phase, Submission, Tree, Trial, Violation
from autores.run import Run
from autores.status import Cause, Status
from autores.text import escape_line
from autores.tools import Tool, ToolContext, use
from autores.transcript import Transcript
from autores.workspace.names import RefusedNames
from autores.workspace.radius import edit_size
from autores.workspace.repository import CodeRepository
from autores.workspace.workspace import Rebase, Workspace

Room = Callable[[Head], bool]
DRAFT = "draft"
"""The call of what is checked and not submitted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frozen:
    """A proposal as a commit, or what stands against making one of it."""

    commit: str
    tree: str
    edit: EditSize | None = None
    refused: tuple[Violation, ...] = ()


class LiveSession:
    """What an agent holds while it works; see `autores.agent.Session`."""

    def __init__(
        self,
        run: Run,
        brief: SessionBrief,
        view: LineageView,
        live: Callable[[LiveSession, int], Awaitable[None]],
    ) -> None:
        """Check the parent's tree out.

        Args:
            run: What all sessions share.
            brief: Whose turn it is.
            view: What this session may see.
            live: Takes an accepted trial to its end.
        """
        self.brief = brief
        self.view = view
        self.submitted: list[int] = []
        self.idea_left = False
        self.stopping = False
        self.at_work: Callable[[bool], None] = lambda working: None
        """Told when the agent hands over, and when it gets the word again."""
        self.room: Room = lambda head: True
        """Whether the budget has room for a trial that nobody was promised."""
        self._run = run
        self._live = live
        self._transcript = Transcript(run.folder, brief.id)
        self._submitting = asyncio.Lock()
        self._lives: dict[int, asyncio.Future[None]] = {}
        self._variants: dict[int, list[int]] = {}
        """Trial to those that were submitted as variants of it."""
        self._calls: dict[str, int] = {}
        self._answered: set[int] = set()
        self._waiting = 0
        self._context: str | None = None
        stored = view.stored(brief.parent)
        commit = run.store.get(stored).submission.commit
        self.workspace = Workspace(run.code, run.folder.workspace(brief.id), run.task.recipe)
        self.workspace.checkout(commit)
        self._origin: dict[str, int] = {commit: stored}

    @property
    def tools(self) -> Mapping[str, Tool]:
        """By name."""
        return self._run.tools

    @property
    def moves(self) -> tuple[Move, ...]:
        """That the task offers."""
        return self._run.moves

    @property
    def instructions(self) -> tuple[str, ...]:
        """What all sessions of the task share, so that it can be cached; then who speaks."""
        run = self._run
        common = shared(run.task, run.laboratory.conditions.limits, run.knowledge)
        return tuple(part for part in (common, self.brief.specialist.preamble.strip()) if part)

    @property
    def system(self) -> str:
        """The same as one text."""
        return "\n\n".join(self.instructions)

    @property
    def context(self) -> str:
        """Where the run stands, as it was when it was first asked for."""
        if self._context is None:
            sections = self._run.plugins.hook.autores_context(
                view=self.view, session=self.brief, settings=self._run.settings
            )
            self._context = render(s for found in sections for s in found)
            self.record("context", self._context)
        return self._context

    # --------------------------------------------------------------------- submissions

    async def submit(self, proposal: Proposal) -> Feedback:
        """Freeze a proposal and see it through; see `autores.agent.Session`."""
        feedback = await self.wait(await self.begin(proposal))
        assert feedback is not None
        return feedback

    async def begin(self, proposal: Proposal) -> int:
        """Freeze a proposal; see `autores.agent.Session`."""
        async with self._submitting:
            if proposal.call in self._calls:
                return self.view.number(self._calls[proposal.call])
            if pending := [t for t, life in self._lives.items() if not life.done()]:
                number = self.view.number(pending[0])
                raise AutoresError(f"trial {number} is still being measured; wait for it first")
            if not self.more:
                raise SessionOver("this session has had its submissions")
            with self._idle():
                trial = await self._submit(proposal)
                self._variants[trial] = await self._submit_variants(proposal)
            if proposal.call:
                self._calls[proposal.call] = trial
            return self.view.number(trial)

    async def wait(self, trial: int, seconds: float = math.inf) -> Feedback | None:
        """What came of a submission; see `autores.agent.Session`."""
        stored = self.view.stored(trial)
        if stored not in self._lives:
            raise AutoresError(f"trial {trial} was not submitted in this session")
        family = [stored, *self._variants.get(stored, ())]
        lives = [self._lives[member] for member in family]
        with self._idle():
            limit = None if math.isinf(seconds) else seconds
            _, pending = await asyncio.wait(lives, timeout=limit)
        if pending:
            return None
        for life in lives:
            await life  # what failed there fails here
        found = [self._feedback(member) for member in family]
        return max(found, key=lambda feedback: self._standing(feedback.trial))

    @contextmanager
    def _idle(self) -> Iterator[None]:
        """Time in which the agent waits is not time in which it works."""
        self._waiting += 1
        if self._waiting == 1:
            self.at_work(False)
        try:
            yield
        finally:
            self._waiting -= 1
            if not self._waiting:
                self.at_work(True)

    def _standing(self, trial: Trial) -> tuple[bool, float]:
        """More for what the agent should go on with; the first of equals is taken."""
        score = trial.first_score if trial.score is None else trial.score
        if score is None or trial.cause is not Cause.VALID:
            return (False, 0.0)
        return (True, self._run.task.metric.direction.gain(0.0, score))

    def _feedback(self, trial: int) -> Feedback:
        shown = self.view.shown(trial)
        self.record("feedback", shown)
        self._answered.add(trial)
        return Feedback(trial=shown, violations=shown.violations, more=self.more)

    async def settled(self) -> None:
        """All that was submitted is measured, whether or not the agent waited for it."""
        this = asyncio.current_task()
        if this is not None and this.cancelling():
            for life in self._lives.values():
                life.cancel()
        await asyncio.gather(*self._lives.values())

    @property
    def more(self) -> bool:
        """Whether it may submit."""
        variants = sum(map(len, self._variants.values()))
        return len(self.submitted) - variants < self._run.submissions and not self.stopping

    @property
    def submissions(self) -> int:
        """How many it has made."""
        return len(self.submitted)

    @property
    def over(self) -> bool:
        """Whether it may not submit any more, and has heard what came of all that it did."""
        return not self.more and self._answered.issuperset(self.submitted)

    def rebase(self, trial: int) -> Rebase:
        """Move the workspace's edits onto another trial, which becomes the parent."""
        stored = self.view.stored(trial)
        moved = self.workspace.rebase(self.view.trial(trial).submission.commit)
        self._origin[moved.commit] = stored
        return moved

    async def check(self, merges: tuple[int, ...] = ()) -> tuple[Violation, ...]:
        """What the gates would say of the workspace; see `autores.agent.Session`."""
        draft = Proposal(hypothesis=DRAFT, call=DRAFT, merges=merges)
        parents = self._parents(draft)
        frozen = await self._freeze(draft, parents)
        if frozen.refused:
            return frozen.refused
        submission = self._submission(draft, parents, frozen)
        return await self._run.gates.check(submission, self.brief.specialist)

    def snapshot(self, trial: int) -> Tree:
        """The files of a trial that the view shows."""
        return self._run.code.tree(self.view.trial(trial).submission.commit)

    def compare(self, old: int, new: int) -> str:
        """What differs between two such trials."""
        first, second = (self.view.trial(trial).submission.commit for trial in (old, new))
        return self._run.code.diff(first, second)

    async def _submit_variants(self, proposal: Proposal) -> list[int]:
        found: list[int] = []
        for variant in proposal.variants:
            trial = await self._submit(variant, self.room)
            found += [trial] if trial is not None and trial not in found else []
        return found

    @overload
    async def _submit(self, proposal: Proposal) -> int: ...

    @overload
    async def _submit(self, proposal: Proposal, room: Room) -> int | None: ...

    async def _submit(self, proposal: Proposal, room: Room | None = None) -> int | None:
        self.record("proposal", {"hypothesis": proposal.hypothesis, "notes": proposal.notes})
        parents = self._parents(proposal)
        frozen = await self._freeze(proposal, parents)
        submission = self._submission(proposal, parents, frozen)
        trial = await self._accept(submission, frozen.refused, room)
        if trial is not None and trial not in self._lives:
            self.submitted.append(trial)
            self._lives[trial] = asyncio.ensure_future(self._live(self, trial))
        return trial

    def _parents(self, proposal: Proposal) -> tuple[int, ...]:
        """What was edited, then what was merged."""
        return (self._origin[self.workspace.commit], *map(self.view.stored, proposal.merges))

    async def _freeze(self, proposal: Proposal, parents: tuple[int, ...]) -> Frozen:
        """Commit the files. Names that cannot stand in a tree leave the parent's tree."""
        commits = [self._run.store.get(parent).submission.commit for parent in parents]
        try:
            files = proposal.files if proposal.files is not None else self.workspace.snapshot()
            message = f"{escape_line(proposal.hypothesis)}\n\nSession: {self.brief.id}\n"
            frozen = await self._run.desk.code(
                lambda code: self._committed(code, files, commits, message)
            )
        except RefusedNames as error:
            tree = self._run.code.tree(commits[0]).id
            return Frozen(commit=commits[0], tree=tree, refused=error.violations)
        before, after = (self._run.code.tree(commit) for commit in (commits[0], frozen.commit))
        unwanted = self._run.steering.course.refuses(proposal.hypothesis, before, after)
        repeats = self._repeats(frozen.tree, commits[0])
        return replace(frozen, refused=(*repeats, *self._unproven(parents[1:]), *unwanted))

    def _committed(
        self, code: CodeRepository, files: Mapping[str, bytes], parents: list[str], message: str
    ) -> Frozen:
        commit = code.commit(files, parents, message, self.brief.specialist.key)
        tree = code.tree(commit)
        edit = edit_size(code.tree(parents[0]), tree, self._run.task.recipe)
        return Frozen(commit=commit, tree=tree.id, edit=edit)

    def _unproven(self, merged: Iterable[int]) -> tuple[Violation, ...]:
        """What no gate has let pass excuses nothing."""
        rows = map(self._run.store.get, merged)
        return tuple(
            Violation(
                rule="merge",
                message=f"trial {self.view.number(row.id)} has not passed the gates.",
                fix="Merge trials that were measured.",
            )
            for row in rows
            if row.phase is Phase.QUEUED or row.status is Status.ILLEGAL
        )

    def _repeats(self, tree: str, base: str) -> tuple[Violation, ...]:
        """Measuring the same files again would be another draw from the same noise."""
        if tree == self._run.code.tree(base).id:
            return (_repeat("nothing was changed"),)
        earlier = next(filter(_was_measured, self._run.store.query(Query(tree=tree))), None)
        if earlier is None:
            return ()
        try:
            return (_repeat(f"trial {self.view.number(earlier.id)} has the very same files"),)
        except NoSuchTrial:
            return (_repeat("another trial has the very same files"),)

    def _submission(
        self, proposal: Proposal, parents: tuple[int, ...], frozen: Frozen
    ) -> Submission:
        return Submission(
            commit=frozen.commit,
            tree=frozen.tree,
            parents=parents,
            hypothesis=proposal.hypothesis,
            specialist=self.brief.specialist.key,
            session=self.brief.id,
            call=proposal.call or f"#{len(self.submitted)}",
            expected_delta=proposal.expected_delta,
            notes=proposal.notes,
            cites=tuple(map(self.view.stored, proposal.cites)),
            edit=frozen.edit,
        )

    async def _accept(
        self, submission: Submission, refused: tuple[Violation, ...], room: Room | None
    ) -> int | None:
        """Give it an id; what cannot stand is refused in the same breath; None without room."""

        def accepted(head: Head) -> tuple[Body, ...]:
            if room is not None and not room(head):
                return ()
            trial = head.next_trial
            body = Accepted(trial=trial, submission=submission, arm=self.brief.arm)
            if not refused:
                return (body,)
            return (body, Gated(trial=trial, violations=refused, cause=refused[0].cause))

        try:
            events = await self._run.desk.append(accepted)
        except DuplicateSubmission as error:
            return error.trial
        return next((e.body.trial for e in events if isinstance(e.body, Accepted)), None)

    # ---------------------------------------------------------------------------- rest

    async def call(
        self,
        tool: str,
        arguments: Mapping[str, object],
        *,
        call: str = "",
        patience: float = math.inf,
    ) -> str:
        """Use a tool. What goes wrong is the answer."""
        answer = await self._used(tool, arguments, call, patience)
        self.record("tool", {"tool": tool, "arguments": dict(arguments), "answer": answer})
        return answer

    async def _used(
        self, tool: str, arguments: Mapping[str, object], call: str, patience: float
    ) -> str:
        found = self.tools.get(tool)
        if found is None:
            return f"there is no tool {tool!r}; there are: {', '.join(self.tools)}"
        context = ToolContext(
            session=self,
            workspace=self.workspace,
            view=self.view,
            jobs=self._run.probes.beside(self.workspace.snapshot),
            task=self._run.task,
            call=call,
            patience=patience,
        )
        return await use(found, context, arguments)

    async def charge(self, cost: Cost) -> None:
        """Enter what was used into the ledger."""
        charged = Charged(session=self.brief.id, specialist=self.brief.specialist.key, cost=cost)
        await self._run.desk.append(lambda head: (charged,))

    def admit(self) -> AbstractContextManager[Pass]:
        """Let a program use the tools, over the run's socket."""
        return self._run.control.admit(self)

    @property
    def budget(self) -> Budget:
        """What the whole run may use."""
        return self._run.budget

    @property
    def spent(self) -> Cost:
        """What the whole run has used."""
        return self._run.store.head().spent

    def end(self) -> None:
        """Nothing further may be submitted: the run ends."""
        self.stopping = True

    def leave_idea(self) -> None:
        """The queued idea goes to another session."""
        self.idea_left = True

    def record(self, kind: str, content: object) -> None:
        """Add a line to the transcript."""
        self._transcript.record(kind, content)

    def close(self) -> None:
        """The turn is over; its files go, its transcript stays."""
        self._transcript.close()
        if self.workspace.laid_out:
            self._run.desk.sweep(self.workspace.folder)


def _was_measured(trial: Trial) -> bool:
    """Or soon will be; what its gates refused, or what failed through us, may be tried again."""
    return trial.status is None or (trial.status.ran and trial.status.shown)


def _repeat(message: str) -> Violation:
    return Violation(
        rule="repeat",
        message=f"{message}.",
        fix="Submit a tree that has not been measured yet.",
    )
