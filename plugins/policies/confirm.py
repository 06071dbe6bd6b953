"""Every promising trial is tested to claim-level at once; there are no leads."""

from __future__ import annotations

from dataclasses import dataclass, field

from autores.plugins.policies.rules import ClaimRule
from autores.status import Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How trials are tested; all margins in sigma of one look."""

    margin: float = field(default=0.7, metadata={"help": "first look beats the best by this"})
    futility: float = field(default=0.5, metadata={"help": "a trial below this is given up"})
    error: float = field(default=0.05, metadata={"help": "chance of any false keep in a run"})
    horizon: float = field(default=8.0, metadata={"help": "tests that spend half of the error"})
    give_up_pairs: int = field(default=2, metadata={"help": "pairs after which it may be given up"})
    first_pairs: int = field(default=8, metadata={"help": "pairs after which it may be kept"})
    last_pairs: int = field(default=16, metadata={"help": "pairs by its last look"})

    @property
    def claim_rule(self) -> ClaimRule:
        """For every trial that passes the margin."""
        return ClaimRule(
            looks=(self.give_up_pairs, self.first_pairs, self.last_pairs),
            shares=(0.0, 0.4, 0.6),
            futility=self.futility,
            refused=Verdict.DISCARD,
        )
