"""From a run's records to the numbers that the rules judge, and back to a decision.

Scores are turned here so that more is better. What a policy must find again stands in the
state of its decisions: how things stand in that of a lead or keep, an open claim in that of
the trial it is about.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from autores.plugins.policies.rules import (
    Claim,
    ClaimRule,
    Pairs,
    Ruling,
    Standing,
    gains_of,
    judge_claim,
    mean,
)
from autores.proof import Lack, fresh, lack_of_proof, unpaid
from autores.records import Calibration, Decision, Direction, Look, Purpose, Request, Task, Trial
from autores.statistics import Scale, next_error
from autores.status import Verdict

FEASIBLE_LOOKS = 2
"""Fresh looks that give the first feasible trial of an infeasible baseline its level."""


class View(Protocol):
    """What a policy reads of a run."""

    @property
    def task(self) -> Task:
        """The task."""
        ...

    @property
    def calibration(self) -> Calibration | None:
        """What the seed recipe measured."""
        ...

    @property
    def head(self) -> int:
        """The trial that leads; the baseline before any."""
        ...

    @property
    def best(self) -> int | None:
        """The last keep; None until something is feasible."""
        ...

    @property
    def error_spent(self) -> float:
        """By all decisions so far."""
        ...

    @property
    def ending(self) -> bool:
        """Whether this is the last milestone."""
        ...

    def trial(self, trial: int) -> Trial:
        """One trial."""
        ...

    def looks(self, trial: int) -> Sequence[Look]:
        """Its evaluations, in order."""
        ...


# ----------------------------------------------------------------------- what was measured


def turned(view: View, score: float) -> float:
    """The score, or its negative where less is better."""
    return score if view.task.metric.direction is Direction.MAXIMIZE else -score


def first_look(trial: Trial, view: View) -> float:
    """The look that every trial gets."""
    if trial.first_score is None:
        raise ValueError(f"trial {trial.id} has no valid first look to decide on")
    return turned(view, trial.first_score)


def _confirming(view: View, trial: int) -> list[tuple[str, float]]:
    """Pair and score of each valid look that a policy asked for."""
    return [
        (look.evaluation.pair, turned(view, look.outcome.score))
        for look in view.looks(trial)
        if look.evaluation.purpose is Purpose.CONFIRM
        and look.outcome is not None
        and look.outcome.score is not None
    ]


def fresh_looks(view: View, trial: int) -> list[float]:
    """Looks at the trial alone, after the first."""
    return [score for pair, score in _confirming(view, trial) if not pair]


def paired_looks(view: View, trial: int) -> list[float]:
    """Looks at the trial beside any other."""
    return [score for pair, score in _confirming(view, trial) if pair]


def pairs(view: View, trial: int, incumbent: int) -> list[tuple[float, float]]:
    """Interleaved looks at both, oldest first; a look whose partner failed is left out."""
    theirs: dict[str, list[float]] = {}
    for pair, score in _confirming(view, incumbent):
        theirs.setdefault(pair, []).append(score)
    return [
        (score, theirs[pair].pop(0))
        for pair, score in _confirming(view, trial)
        if pair and theirs.get(pair)
    ]


# -------------------------------------------------------------------------- how things stand


def standing_of(view: View, trial: int) -> Standing:
    """What the decision on a lead or keep has stored; before any, what calibration knows."""
    decision = view.trial(trial).decision
    stored = decision.state.get("standing") if decision is not None else None
    if stored is not None:
        scale = Scale(sd=stored["sd"], df=stored["df"])
        return Standing(head=stored["head"], keep=stored["keep"], scale=scale)
    level = ranking_score(view, 0)
    return Standing(head=level, keep=level, scale=calibrated_scale(view))


def ranking_score(view: View, trial: int) -> float:
    """The score that a trial stands for; the baseline's is its calibration."""
    calibrated = view.calibration.score if view.calibration is not None else None
    score = calibrated if trial == 0 and calibrated is not None else view.trial(trial).score
    if score is None:
        raise ValueError(f"trial {trial} has no score to compare with; calibrate first")
    return turned(view, score)


def calibrated_scale(view: View) -> Scale:
    """What calibration found; the task's prior where it found nothing."""
    calibration, prior = view.calibration, view.task.metric.noise
    if calibration is not None and calibration.degrees_of_freedom > 0:
        return Scale(sd=calibration.spread, df=calibration.degrees_of_freedom)
    if prior is not None:
        return Scale(sd=prior.sd, df=prior.degrees_of_freedom)
    return Scale(sd=0.0, df=0.0)


def as_state(standing: Standing) -> dict[str, Any]:
    """As a decision stores it."""
    scale = standing.scale
    return {
        "standing": {
            "head": standing.head,
            "keep": standing.keep,
            "sd": scale.sd,
            "df": scale.df,
        }
    }


# ----------------------------------------------------------------------------------- claims


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenClaim:
    """A test that has begun."""

    against: int
    error: float
    """What it may spend in all."""
    start: int
    """Pairs of the two that were measured before it and do not count."""
    decided: int = 0

    def as_state(self) -> dict[str, Any]:
        """As a decision stores it."""
        return {"claim": {name: getattr(self, name) for name in self.__slots__}}


def open_claim(trial: Trial, against: int) -> OpenClaim | None:
    """The claim that a trial is in the middle of, if it is still against that incumbent."""
    if trial.decision is None or trial.decision.verdict is not Verdict.MEASURE:
        return None
    stored = trial.decision.state.get("claim")
    if stored is None or stored["against"] != against:
        return None
    return OpenClaim(**stored)


def new_claim(trial: Trial, view: View, against: int, error: float, horizon: float) -> OpenClaim:
    """A claim with its share of what is left of the run's error."""
    return OpenClaim(
        against=against,
        error=next_error(error, view.error_spent, horizon=horizon),
        start=len(pairs(view, trial.id, against)),
    )


def pursue(
    trial: Trial, view: View, claim: OpenClaim, standing: Standing, rule: ClaimRule, policy: str
) -> Decision:
    """The next step of a claim."""
    measured: Pairs = pairs(view, trial.id, claim.against)[claim.start :]
    ruling = judge_claim(
        Claim(
            gains=gains_of(measured),
            scale=standing.scale,
            error=claim.error,
            decided=claim.decided,
        ),
        rule,
    )
    if ruling.verdict is Verdict.KEEP:
        ruling = _held_to_gates(trial, view, ruling, rule.refused)
    if ruling.verdict is Verdict.MEASURE:
        going_on = OpenClaim(
            against=claim.against, error=claim.error, start=claim.start, decided=ruling.decided
        )
        state = as_state(standing) | going_on.as_state()
    else:
        state = as_state(standing.tested(measured, kept=ruling.verdict is Verdict.KEEP))
    return as_decision(ruling, trial.id, claim.against, policy, state)


def _lack(trial: Trial, view: View) -> Lack | None:
    """What is missing for a keep, however good the score is."""
    proven = lack_of_proof(view.task, fresh(view.looks(trial.id)), view.calibration)
    return proven or unpaid(view.task, trial.counts, trial.evaluations)


def _held_to_gates(trial: Trial, view: View, ruling: Ruling, refused: Verdict) -> Ruling:
    """A keep, unless its looks do not prove that it passes its gates and audits."""
    lack = _lack(trial, view)
    if lack is None:
        return ruling
    verdict = Verdict.MEASURE if lack.looks else refused
    return replace(ruling, verdict=verdict, reason=lack.reason, looks=lack.looks)


# -------------------------------------------------------------------------------- decisions


def as_decision(
    ruling: Ruling, trial: int, against: int, policy: str, state: Mapping[str, Any]
) -> Decision:
    """A ruling as the record that is appended."""
    requests = []
    if ruling.looks:
        requests.append(Request(trials=(trial,), looks=ruling.looks))
    if ruling.pairs:
        requests.append(Request(trials=(trial, against), looks=ruling.pairs))
    return Decision(
        verdict=ruling.verdict,
        policy=policy,
        reason=ruling.reason,
        against=against,
        estimate=ruling.estimate,
        interval=ruling.interval,
        error_spent=ruling.error_spent,
        requests=tuple(requests),
        state=state,
    )


def first_feasible(trial: Trial, view: View, policy: str) -> Decision:
    """Where the baseline misses a gate, the first trial that passes all is kept.

    There is nothing to be better than; its fresh looks give it a level to be beaten.
    """
    scores = fresh_looks(view, trial.id)
    missing = FEASIBLE_LOOKS - len(scores)
    if missing > 0:
        return Decision(
            verdict=Verdict.MEASURE,
            policy=policy,
            reason="first feasible result; measured once more for its level",
            requests=(Request(trials=(trial.id,), looks=missing),),
        )
    lack = _lack(trial, view)
    if lack is not None:
        verdict = Verdict.MEASURE if lack.looks else Verdict.DISCARD
        more = (Request(trials=(trial.id,), looks=lack.looks),) if lack.looks else ()
        return Decision(verdict=verdict, policy=policy, reason=lack.reason, requests=more)
    scale = Scale.pooled((calibrated_scale(view), Scale.of(scores)))
    level = mean(scores)
    return Decision(
        verdict=Verdict.KEEP,
        policy=policy,
        reason="first feasible result",
        state=as_state(Standing(head=level, keep=level, scale=scale)),
    )
