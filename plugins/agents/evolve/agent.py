"""The agent: reads the lineage, thinks for some milliseconds, submits."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from autores.agent import Exhausted, Proposal, Session
from autores.lineage.store import Query
from autores.plugins.agents.evolve import words
from autores.plugins.agents.evolve.asked import Words
from autores.plugins.agents.evolve.genome import Files, Notes, digest, is_move
from autores.plugins.agents.evolve.history import Observation
from autores.plugins.agents.evolve.joins import Joiner
from autores.plugins.agents.evolve.memory import Memory
from autores.plugins.agents.evolve.recent import Recent
from autores.plugins.agents.evolve.sampler import sampler_named
from autores.plugins.agents.evolve.search import Plan, Question, propose, unheard
from autores.plugins.agents.evolve.settings import Settings
from autores.plugins.agents.evolve.territory import Territory
from autores.plugins.agents.evolve.work import headroom
from autores.records import Limits, Severity, Specialist

_MOST_CHECKS = 12
"""Plans of a proposal that the gates are asked about."""
_UNKNOWN_SPREAD = 0.01
"""Of a score, relative to it, where calibration has not measured it."""


class Evolve:
    """One agent for all sessions of a run.

    What it proposes follows from the session's view, its tree, its seed and the settings;
    what it keeps between sessions only saves work.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._sampler = sampler_named(settings.sampler)
        self._memory: Memory | None = None
        self._joiner = Joiner()
        self._territories: Recent[tuple[str, ...], Territory] = Recent(32)
        self._refused: Recent[tuple[object, ...], bool] = Recent(1_000)
        """By tree, specialist and commits that were merged: whether the gates would refuse it."""
        self._promised: set[str] = set()
        """Trees that sessions at work are about to submit."""

    async def run(self, session: Session) -> None:
        """Submit until the session has had enough."""
        more = True
        self._say_what_is_unheard(session)
        while more and not session.stopping:
            plan = await self._plan(session)
            if plan is None:
                return
            trees = {plan.tree, *(variant.tree for variant in plan.variants)}
            self._promised |= trees
            try:
                more = (await session.submit(self._proposal(plan))).more
            finally:
                self._promised -= trees

    async def _plan(self, session: Session) -> Plan | None:
        """The next proposal; None where only other specialists have one.

        Raises:
            Exhausted: Nobody has one.
        """
        question = self._question(session)
        plan = await self._legal(session, question)
        if plan is not None:
            return plan
        files = question.territory.files
        for other in session.brief.specialists:
            theirs = replace(question, territory=self._territory(session, other, files))
            if await asyncio.to_thread(propose, theirs, self._settings) is not None:
                session.record("nothing", f"{session.brief.specialist.key} has no edit left here")
                return None
        raise Exhausted("evolve has no edit left: every knob and every move has been tried")

    async def _legal(self, session: Session, question: Question) -> Plan | None:
        """The best plan that the gates would let pass."""
        idle: tuple[str, ...] = ()
        vain: set[str] = set()
        files, known, settings = question.territory.files, question.known, self._settings
        while True:
            plan = await asyncio.to_thread(propose, question, settings)
            genes = [] if plan is None else [edit.gene for edit in plan.candidate.edits]
            if plan is None or len(vain) == _MOST_CHECKS:
                return plan
            if plan.candidate.tree is not None or not await self._is_refused(session, plan):
                return plan
            vain.add(plan.tree)
            idle += tuple(genes) if len(genes) == 1 and not is_move(genes[0]) else ()
            # Which of several edits was refused is not said: go on with single ones.
            settings = replace(settings, most_edits=1) if len(genes) > 1 else settings
            question = replace(
                question,
                known=lambda tree: tree in vain or known(tree),
                territory=self._territory(session, session.brief.specialist, files, idle),
            )

    async def _is_refused(self, session: Session, plan: Plan) -> bool:
        merged = [session.view.trial(t).submission.commit for t in plan.candidate.merges]
        key = (plan.tree, session.brief.specialist.key, *merged)
        kept = self._refused.get(key)
        if kept is not None:
            return kept
        before = session.workspace.snapshot()
        for path in (path for path, data in plan.files.items() if data != before[path]):
            session.workspace.write(path, plan.files[path])
        violations = await session.check(plan.candidate.merges)
        session.workspace.reset()
        return self._refused.put(key, any(v.severity is Severity.REFUSE for v in violations))

    def _say_what_is_unheard(self, session: Session) -> None:
        """People see in the transcript which of their words this session can do nothing with."""
        if not _words(session):
            return
        key = session.brief.specialist.key
        for said in unheard(self._question(session), self._settings):
            if said.once:
                session.leave_idea()
            session.record("left aside", f"names nothing that {key} can do here: {said.text}")

    def _question(self, session: Session) -> Question:
        if self._memory is None:
            self._memory = Memory(session.moves, window=self._settings.window)
        brief, view = session.brief, session.view
        seen = self._memory.observations(session)
        parent = next(o for o in seen if o.id == brief.parent)
        files = session.workspace.snapshot()
        return Question(
            parent=parent,
            territory=self._territory(session, brief.specialist, files),
            moves=self._memory.moves,
            seen=seen,
            known=lambda tree: (
                tree in self._promised or bool(view.query(Query(tree=tree, limit=1)))
            ),
            metric=brief.task.metric,
            spread=_spread(session, seen),
            headroom=_headroom(brief.limits, parent, seen),
            sampler=self._sampler,
            seed=brief.seed + len(view.query(Query(session=brief.id))),
            joins=self._joiner.joins(session, seen) if self._settings.merge else (),
            words=_words(session),
        )

    def _territory(
        self,
        session: Session,
        specialist: Specialist,
        files: Files,
        idle: tuple[str, ...] = (),
    ) -> Territory:
        blocked = tuple(sorted({*idle, *(said.text for said in session.view.course.knobs)}))
        key = digest(files), specialist.key, *blocked
        kept = self._territories.get(key)
        return kept or self._territories.put(
            key, Territory(session.brief.task, specialist, files, blocked)
        )

    def _proposal(self, plan: Plan) -> Proposal:
        candidate = plan.candidate
        notes = Notes(operator=candidate.operator, edits=candidate.edits, genome=plan.genome)
        moves = self._memory.moves if self._memory else {}
        return Proposal(
            hypothesis=words.hypothesis(plan, moves),
            files=plan.files,
            expected_delta=plan.delta,
            notes=notes.encode(),
            cites=candidate.cites,
            merges=candidate.merges,
            variants=tuple(map(self._proposal, plan.variants)),
        )


def _words(session: Session) -> tuple[Words, ...]:
    """The idea that was queued for this session until it is taken up, then hints for all."""
    taken = session.view.query(Query(session=session.brief.id))
    idea = session.brief.idea
    queued = (Words(text=idea, once=True),) if idea and not taken else ()
    return (*queued, *(Words(text=h.text, once=False) for h in session.view.course.hints))


def _headroom(
    limits: Limits | None, parent: Observation, seen: Sequence[Observation]
) -> float | None:
    """What the parent leaves of the time for training."""
    first = next((o for o in seen if o.parent is None), parent)
    taken, taken_at_first = (o.resources.get("seconds", 0.0) for o in (parent, first))
    return headroom(limits.wall.get("train", 0.0) if limits else 0.0, taken, taken_at_first)


def _spread(session: Session, seen: Sequence[Observation]) -> float:
    """Standard deviation of one look: calibrated, else the task's prior, else a guess."""
    calibration, prior = session.view.calibration, session.brief.task.metric.noise
    if calibration is not None and calibration.spread > 0:
        return calibration.spread
    if prior is not None:
        return prior.sd
    scores = [abs(o.score) for o in seen if o.score]
    return _UNKNOWN_SPREAD * (scores[-1] if scores else 1.0)
