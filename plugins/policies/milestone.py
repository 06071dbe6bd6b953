"""Cheap leads steer; claims are tested at milestones. The default policy."""

from __future__ import annotations

from dataclasses import dataclass, field

from autores.plugins.policies.rules import ClaimRule, LeadRule
from autores.status import Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How leads are found and claims are tested; all margins in sigma of one look."""

    margin: float = field(default=0.9, metadata={"help": "first look beats the head by this"})
    drop: float = field(default=0.3, metadata={"help": "fresh looks below this end a contender"})
    sure: float = field(default=1.0, metadata={"help": "standard errors that make a lead"})
    most: int = field(default=8, metadata={"help": "fresh looks at one contender at most"})
    every: int = field(default=20, metadata={"help": "finished trials between milestones"})
    worth: float = field(default=3.0, metadata={"help": "seeming gain that a milestone tests"})
    worth_at_end: float = field(default=1.0, metadata={"help": "the same, at the run's end"})
    futility: float = field(default=0.5, metadata={"help": "a claim below this is given up"})
    error: float = field(default=0.05, metadata={"help": "chance of any false keep in a run"})
    horizon: float = field(default=3.0, metadata={"help": "claims that spend half of the error"})
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
