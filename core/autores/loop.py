"""The loop: propose, gate, measure, decide, record, feed back; until a budget ends it."""

from __future__ import annotations

import asyncio
import logging

from autores.agent import Agent, Exhausted, SessionBrief, SessionOver
from autores.baseline import SEED
from autores.budget import Reserved, admits, ended
from autores.config import seconds_of
from autores.errors import AutoresError, RunFailed, UserError, unknown
from autores.events import Body, Decided, Demoted, Gated, Head, Marked
from autores.laboratory import Wanted
from autores.lineage.store import Query
from autores.patience import patience
from autores.records import Decision, Phase, Purpose, Severity, Trial
from autores.run import Run
from autores.session import LiveSession
from autores.status import Cause, Verdict
from autores.steering import TAKEN
from autores.stop import Stop
from autores.turns import Turn

LONGEST_PAUSE = 900.0
IDLE_CHECK = 5.0
"""Seconds after which a session slot that waits looks at the clock again."""
VAIN_ROUNDS = 3
"""Rounds of looks from which nothing came, before a trial is given up."""

log = logging.getLogger(__name__)


class Loop:
    """Runs the sessions of a run, and takes each trial to its end."""

    def __init__(self, run: Run, stop: Stop) -> None:
        self._run = run
        self._stop = stop
        self._active = run.active
        self._promised = 0
        """Sessions that have not submitted yet."""
        self._opened = 0
        self._vain = 0
        """Sessions in a row that submitted nothing."""
        self._lost = 0
        """Trials in a row that were lost by no fault of their own."""
        self._failure = ""
        """What was wrong with the last session, if anything was."""
        self._milestones = run.store.head().finished // run.settings.run.milestone
        self._deciding = asyncio.Lock()
        self._tasks: asyncio.TaskGroup

    async def run(self) -> None:
        """Work until a budget is used up, somebody stops it, or there is nothing to propose."""
        self._run.control.host = self.visit
        async with asyncio.TaskGroup() as self._tasks:
            for trial in self._run.store.query(Query(unsettled=True)):
                self._tasks.create_task(self.live(trial.id))
            for _ in range(self._run.settings.run.sessions):
                self._tasks.create_task(self._slot())
        self._run.control.host = None
        if not (self._stop.by_person or self._stop.by_signal):
            await self._milestone(ending=True)

    # ------------------------------------------------------------------------- proposing

    async def _slot(self) -> None:
        """One session after the other."""
        pause = seconds_of(self._run.settings.run.retry)
        while turn := await self._turn():
            if await self._session(turn, self._run.agent):
                pause, self._vain = seconds_of(self._run.settings.run.retry), 0
                continue
            self._count_vain_session()
            await self._stop.wait(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    def _count_vain_session(self) -> None:
        """Too many in a row end the run: well if they had nothing to say, badly if they failed."""
        self._vain += 1
        if self._vain < self._run.settings.run.give_up or self._stop.asked:
            return
        reason = f"{self._vain} sessions in a row submitted nothing"
        if self._failure:
            raise RunFailed(f"{reason}; the last one failed: {self._failure}")
        self._stop.request(reason)

    async def _turn(self) -> Turn | None:
        """Whose turn it is; waits while all that the budget allows is promised."""
        budget, store = self._run.budget, self._run.store
        while not self._stop.asked:
            now = self._stop.clock()
            head = store.head()
            if reason := ended(budget, head, now):
                self._stop.request(f"used up: {reason}")
            elif admits(budget, head, Reserved(submissions=self._promised), now):
                self._promised += 1
                return self._asked()
            else:
                await self._run.desk.changed(IDLE_CHECK)
        return None

    def _asked(self) -> Turn:
        view = self._run.view(active=tuple(self._active.elements()))
        turn: Turn | None = self._run.plugins.hook.autores_next(
            view=view, settings=self._run.settings
        )
        if turn is None or turn.specialist not in self._run.specialists:
            raise RunFailed(f"no plugin says whose turn it is: `autores_next` gave {turn}")
        return turn

    async def visit(self, specialist: str, agent: Agent) -> None:
        """Let somebody work in a session of their own, besides those of the run's agent.

        Raises:
            UserError: The run has no such specialist, or it is ending.
        """
        known = self._run.specialists
        if specialist not in known:
            raise unknown("specialist of this run", specialist, known)
        if self._stop.asked:
            raise UserError("the run is ending; nobody can come in any more")
        self._promised += 1
        turn = Turn(specialist=specialist, parent=self._run.store.head().lead or 0)
        await self._tasks.create_task(self._session(turn, agent))

    async def _session(self, turn: Turn, agent: Agent) -> bool:
        """Let an agent work once; whether it submitted anything."""
        self._opened += 1
        name = self._run.session_name(self._opened)
        self._active[turn.specialist] += 1
        session: LiveSession | None = None
        self._failure = ""
        idea = self._run.steering.lend()
        try:
            session = self._open(name, turn, idea.text if idea else "")
            session.room = self._has_room
            try:
                await self._work(session, agent)
            finally:
                await session.settled()
            if idea and session.submitted and not session.idea_left:
                taken = Marked(name=TAKEN, text=str(idea.seq), session=name)
                await self._run.desk.append(lambda head: (taken,))
        except RunFailed:
            raise
        except Exception as error:
            log.warning("session %s failed", name, exc_info=not isinstance(error, AutoresError))
            self._failure = f"{type(error).__name__}: {error}"
            if session is not None:
                session.record("failed", self._failure)
        finally:
            self._active[turn.specialist] -= 1
            if session is None or not session.submitted:
                self._promised -= 1
            if idea and (session is None or not session.submitted or session.idea_left):
                self._run.steering.give_back(idea, left=bool(session and session.idea_left))
            if session is not None:
                session.close()
            self._run.desk.notify()
        return bool(session and session.submitted)

    def _open(self, name: str, turn: Turn, idea: str) -> LiveSession:
        run = self._run
        view = run.view(active=tuple(self._active.elements())).for_session(name, turn.parent)
        brief = SessionBrief(
            id=name,
            task=run.task,
            specialist=run.specialists[turn.specialist],
            specialists=tuple(run.specialists.values()),
            parent=view.number(turn.parent),
            arm=run.settings.run.arm,
            seed=run.choice(name),
            limits=run.laboratory.conditions.limits,
            idea=idea,
        )
        return LiveSession(run, brief, view, self._submitted)

    def _has_room(self, head: Head) -> bool:
        """For one trial more than was promised to sessions."""
        reserved = Reserved(submissions=self._promised)
        return admits(self._run.budget, head, reserved, self._stop.clock())

    async def _work(self, session: LiveSession, agent: Agent) -> None:
        settings = self._run.settings.run
        thinking, grace = seconds_of(settings.thinking), seconds_of(settings.grace)
        try:
            async with patience(self._stop, thinking, grace) as clock:
                session.at_work = clock.work
                with self._stop.calling(session.end):
                    await agent.run(session)
        except SessionOver:
            return
        except TimeoutError:
            session.record("ended", "the agent took too long")
        except Exhausted as error:
            self._stop.request(str(error) or "the agent has nothing more to propose")

    async def _submitted(self, session: LiveSession, trial: int) -> None:
        """A session's first submission redeems its promise; what follows is a trial's life."""
        if trial == session.submitted[0]:
            self._promised -= 1
        await self.live(trial)

    # -------------------------------------------------------------------- a trial's life

    async def live(self, trial: int) -> None:
        """Take an accepted trial to its end.

        Raises:
            RunFailed: A policy, a plugin of gates or the executor failed; the trial waits
                for a resumption.
        """
        try:
            await self._live(trial)
        except RunFailed:
            raise
        except Exception as error:
            log.exception("trial %d cannot be taken to its end", trial)
            reason = f"{type(error).__name__}: {error}"
            raise RunFailed(f"trial {trial} cannot be taken to its end: {reason}") from error

    async def _live(self, trial: int) -> None:
        """Gates, first look, decision, milestone."""
        row = self._run.store.get(trial)
        if row.phase is Phase.QUEUED:
            passed = await self._gate(row)
            if passed is not None:
                first = Wanted(trial=trial, purpose=Purpose.FIRST)
                await self._run.laboratory.measure([first], after=[passed])
            self._count_lost_trial(self._run.store.get(trial))
            if passed is None:
                return
        await self._settle(trial)
        self._tasks.create_task(self._milestone_if_due())

    def _count_lost_trial(self, trial: Trial) -> None:
        """A machine or a harness that loses one trial after the other is not given more."""
        self._lost = self._lost + 1 if trial.cause in (Cause.HARNESS, Cause.LOST) else 0
        if self._lost >= self._run.settings.run.give_up:
            raise RunFailed(f"{self._lost} trials in a row were lost; the last one: {trial.detail}")

    async def _gate(self, trial: Trial) -> Gated | None:
        """What the gates say; None if they refuse it, which is written down."""
        specialist = self._run.specialists.get(trial.submission.specialist, SEED)
        violations = await self._run.gates.check(trial.submission, specialist)
        refused = [v for v in violations if v.severity is Severity.REFUSE]
        gated = Gated(
            trial=trial.id,
            violations=tuple(violations),
            cause=refused[0].cause if refused else Cause.VALID,
        )
        if not refused:
            return gated
        await self._run.desk.append(lambda head: (gated,))
        return None

    async def _settle(self, trial: int, *, ending: bool = False) -> None:
        """Decide, measuring what the policy asks for, until it asks for nothing more."""
        vain = 0
        while trial and self._run.store.get(trial).cause is Cause.VALID:
            decision = await self._decide(trial, ending=ending)
            if decision.verdict is not Verdict.MEASURE:
                return
            before = self._valid_looks(trial)
            await self._run.laboratory.fulfil(decision.requests)
            vain = 0 if self._valid_looks(trial) > before else vain + 1
            if vain == VAIN_ROUNDS:
                await self._give_up(trial)

    async def _decide(self, trial: int, *, ending: bool) -> Decision:
        """Ask the policy, and write down what it says if head and best are still the same."""
        while True:
            seen = self._run.store.head()
            row = self._run.store.get(trial)
            decision: Decision | None = self._run.plugins.hook.autores_decide(
                trial=row, view=self._run.view(ending=ending), settings=self._run.settings
            )
            if decision is None:
                raise RunFailed("no policy decides; choose one with --policy")
            decided = Decided(trial=trial, decision=decision)

            def unless_moved(head: Head, seen: Head = seen, decided: Body = decided) -> list[Body]:
                return [decided] if (head.lead, head.best) == (seen.lead, seen.best) else []

            if await self._run.desk.append(unless_moved):
                return decision

    def _valid_looks(self, trial: int) -> int:
        looks = self._run.store.looks(trial)
        return sum(look.outcome is not None and look.outcome.score is not None for look in looks)

    async def _give_up(self, trial: int) -> None:
        reason = f"{VAIN_ROUNDS} rounds of further looks measured nothing"
        given_up = Demoted(trial=trial, cause=Cause.HARNESS, reason=reason)
        await self._run.desk.append(lambda head: (given_up,))

    # ------------------------------------------------------------------------ milestones

    async def _milestone_if_due(self) -> None:
        due = self._run.store.head().finished // self._run.settings.run.milestone
        if due > self._milestones:
            self._milestones = due
            await self._milestone()

    async def _milestone(self, *, ending: bool = False) -> None:
        """Ask the policy whether what leads may be claimed."""
        async with self._deciding:
            head = self._run.store.head()
            if head.lead is not None and head.lead != head.best:
                await self._settle(head.lead, ending=ending)
