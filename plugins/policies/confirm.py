"""Every promising trial is tested to claim-level at once; there are no leads."""

from __future__ import annotations

from dataclasses import dataclass, field

from autores import hookimpl
from autores.config import SettingsBook
from autores.plugins.policies import evidence
from autores.plugins.policies.evidence import View
from autores.plugins.policies.rules import ClaimRule, Standing, is_worth_a_claim, mean
from autores.records import Decision, Trial
from autores.status import Verdict

POLICY = "confirm"
RECENT = 8
"""So many of the best's latest paired looks are its level: enough to know, few enough to drift
along with what is compared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How trials are tested; all margins in sigma of one look."""

    margin: float = field(default=0.7, metadata={"help": "first look beats the best by this"})
    futility: float = field(default=0.5, metadata={"help": "a trial below this is given up"})
    error: float = field(default=0.05, metadata={"help": "chance of any false keep in a run"})
    horizon: float = field(default=6.0, metadata={"help": "tests that spend half of the error"})
    give_up_pairs: int = field(default=2, metadata={"help": "pairs after which it may be given up"})
    first_pairs: int = field(default=8, metadata={"help": "pairs after which it may be kept"})
    last_pairs: int = field(default=20, metadata={"help": "pairs by its last look"})

    @property
    def claim_rule(self) -> ClaimRule:
        """For every trial that passes the margin."""
        return ClaimRule(
            looks=(self.give_up_pairs, self.first_pairs, self.last_pairs),
            shares=(0.0, 0.4, 0.6),
            futility=self.futility,
            refused=Verdict.DISCARD,
        )


def decide(trial: Trial, view: View, settings: Settings) -> Decision:
    """What becomes of a trial, or what must be measured first."""
    best = view.best
    if best is None:
        return evidence.first_feasible(trial, view, POLICY)
    standing = _standing(view, best)
    claim = evidence.open_claim(trial, best)
    if claim is None:
        first = evidence.first_look(trial, view)
        if not is_worth_a_claim(first - standing.keep, standing.scale, settings.margin):
            reason = "first look not better by the margin"
            gain = first - standing.keep
            return Decision(
                verdict=Verdict.DISCARD, policy=POLICY, reason=reason, against=best, estimate=gain
            )
        claim = evidence.new_claim(trial, view, best, settings.error, settings.horizon)
    return evidence.pursue(trial, view, claim, standing, settings.claim_rule, POLICY)


def _standing(view: View, best: int) -> Standing:
    """The best's level as it was last measured, and the run's scale."""
    standing = evidence.standing_of(view, best)
    recent = evidence.paired_looks(view, best)[-RECENT:]
    level = mean(recent) if recent else standing.head
    return Standing(head=level, keep=level, scale=standing.scale)


@hookimpl
def autores_decide(trial: Trial, view: View, settings: SettingsBook) -> Decision:
    """As `decide`, with the run's settings."""
    return decide(trial, view, settings.of(Settings))
