"""Better than best on one look is kept at once, as the published loop does; for comparison."""

from __future__ import annotations

from dataclasses import dataclass

from autores import hookimpl
from autores.config import SettingsBook
from autores.plugins.policies import evidence
from autores.plugins.policies.evidence import View
from autores.plugins.policies.rules import judge_strictly
from autores.records import Decision, Trial
from autores.status import Verdict

POLICY = "strict"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """There is nothing to set: no margin, no repeat, no error control."""


def decide(trial: Trial, view: View, settings: Settings) -> Decision:
    """Keep or discard; nothing is measured twice."""
    if view.best is None:
        return Decision(verdict=Verdict.KEEP, policy=POLICY, reason="first feasible result")
    ruling = judge_strictly(
        evidence.first_look(trial, view), evidence.ranking_score(view, view.best)
    )
    return evidence.as_decision(ruling, trial.id, view.best, POLICY, {})


@hookimpl
def autores_decide(trial: Trial, view: View, settings: SettingsBook) -> Decision:
    """As `decide`, with the run's settings."""
    return decide(trial, view, settings.of(Settings))
