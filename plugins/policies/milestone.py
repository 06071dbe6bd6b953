"""Cheap leads steer; claims are tested at milestones. The default policy."""

from __future__ import annotations

from dataclasses import dataclass, field

from autores import hookimpl
from autores.config import SettingsBook
from autores.plugins.policies import evidence
from autores.plugins.policies.evidence import View
from autores.plugins.policies.rules import (
    ClaimRule,
    Contender,
    LeadRule,
    gains_of,
    is_worth_a_claim,
    judge_contender,
)
from autores.records import Decision, Trial
from autores.status import Verdict

POLICY = "milestone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How leads are found and claims are tested; all margins in sigma of one look."""

    margin: float = field(default=0.85, metadata={"help": "first look beats the head by this"})
    drop: float = field(default=0.3, metadata={"help": "fresh looks below this end a contender"})
    sure: float = field(default=1.0, metadata={"help": "standard errors that make a lead"})
    most: int = field(default=8, metadata={"help": "fresh looks at one contender at most"})
    worth: float = field(default=3.0, metadata={"help": "seeming gain that a milestone tests"})
    worth_at_end: float = field(default=1.0, metadata={"help": "the same, at the run's end"})
    futility: float = field(default=0.5, metadata={"help": "a claim below this is given up"})
    error: float = field(default=0.05, metadata={"help": "chance of any false keep in a run"})
    horizon: float = field(default=2.0, metadata={"help": "claims that spend half of the error"})
    first_pairs: int = field(default=4, metadata={"help": "pairs at a claim's first look"})
    second_pairs: int = field(default=6, metadata={"help": "pairs by its second look"})
    last_pairs: int = field(default=10, metadata={"help": "pairs by its last look"})

    @property
    def lead_rule(self) -> LeadRule:
        """For contenders."""
        return LeadRule(margin=self.margin, drop=self.drop, sure=self.sure, most=self.most)

    @property
    def claim_rule(self) -> ClaimRule:
        """For the head at a milestone; one that is refused stays a lead."""
        looks = (self.first_pairs, self.second_pairs, self.last_pairs)
        return ClaimRule(looks=looks, futility=self.futility, refused=Verdict.LEAD)


def decide(trial: Trial, view: View, settings: Settings) -> Decision:
    """What becomes of a trial or, at a milestone, of the head."""
    claims = view.best is not None and evidence.open_claim(trial, view.best) is not None
    if claims or trial.id == view.head:
        return _milestone(trial, view, settings)
    if view.best is None:
        return evidence.first_feasible(trial, view, POLICY)
    return _contend(trial, view, settings)


def _contend(trial: Trial, view: View, settings: Settings) -> Decision:
    """A trial against the head of its time; a head that has moved starts the pairs anew."""
    standing = evidence.standing_of(view, view.head)
    fresh = evidence.fresh_looks(view, trial.id)
    pairs = evidence.pairs(view, trial.id, view.head)
    contender = Contender(
        first=evidence.first_look(trial, view),
        fresh=fresh,
        gains=gains_of(pairs),
        head=standing.head,
        scale=standing.scale,
    )
    ruling = judge_contender(contender, settings.lead_rule)
    led = ruling.verdict is Verdict.LEAD
    state = evidence.as_state(standing.led(fresh, pairs)) if led else {}
    return evidence.as_decision(ruling, trial.id, view.head, POLICY, state)


def _milestone(head: Trial, view: View, settings: Settings) -> Decision:
    """The head against the last keep, if it is far enough ahead to be worth the pairs."""
    if head.id == view.best or view.best is None or head.decision is None:
        return Decision(verdict=Verdict.KEEP, policy=POLICY, reason="nothing leads the last keep")
    standing = evidence.standing_of(view, head.id)
    claim = evidence.open_claim(head, view.best)
    if claim is None:
        worth = settings.worth_at_end if view.ending else settings.worth
        if not is_worth_a_claim(standing.head - standing.keep, standing.scale, worth):
            reason = "not far enough ahead of the last keep to be tested"
            state = evidence.as_state(standing)
            return Decision(
                verdict=Verdict.LEAD, policy=POLICY, reason=reason, against=view.best, state=state
            )
        claim = evidence.new_claim(head, view, view.best, settings.error, settings.horizon)
    return evidence.pursue(head, view, claim, standing, settings.claim_rule, POLICY)


@hookimpl
def autores_decide(trial: Trial, view: View, settings: SettingsBook) -> Decision:
    """As `decide`, with the run's settings."""
    return decide(trial, view, settings.of(Settings))
