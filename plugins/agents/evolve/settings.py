"""What can be told to evolve."""

from __future__ import annotations

from dataclasses import dataclass, field

from autores.agent import MOST_VARIANTS
from autores.errors import UserError


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How it searches."""

    knobs: bool = field(default=True, metadata={"help": "whether it turns knobs"})
    moves: bool = field(default=True, metadata={"help": "whether it makes the task's moves"})
    repair: bool = field(
        default=True, metadata={"help": "whether it builds on trials that missed a gate or a limit"}
    )
    merge: bool = field(
        default=True, metadata={"help": "whether it takes over what made other trials good"}
    )
    variants: int = field(
        default=1,
        metadata={
            "help": "trials of a submission that makes a move, at most 4: at other rates too"
        },
    )
    most_edits: int = field(default=5, metadata={"help": "edits of one proposal, at most"})
    window: int = field(default=160, metadata={"help": "trials that the model is fitted to"})
    pool: int = field(default=220, metadata={"help": "candidates that are compared each time"})
    sampler: str = field(
        default="local",
        metadata={"help": "what suggests knobs besides: local, or optuna (extra `evolve`)"},
    )
    draw: bool = field(
        default=False, metadata={"help": "whether luck of kinds of edits and of moves is weighed"}
    )

    def __post_init__(self) -> None:
        if not 1 <= self.variants <= 1 + MOST_VARIANTS:
            raise UserError(
                f"agent.evolve.variants is {self.variants}: say 1 to {1 + MOST_VARIANTS}"
            )
