"""The rules of leads and keeps, as pure functions of what was measured.

Numbers are oriented: more is better. Nothing here knows of records, stores or time; the
policies feed these functions from a run, `benchmarks/honest_keeps` from a simulation.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from autores.records import Interval
from autores.statistics import Scale, compare, student_tail
from autores.status import Verdict

Pairs = Sequence[tuple[float, float]]
"""Interleaved looks: the trial's, the incumbent's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """What a rule says: a verdict, or what to measure before there can be one."""

    verdict: Verdict
    reason: str
    looks: int = 0
    """With `MEASURE`: fresh looks at the trial alone."""
    pairs: int = 0
    """With `MEASURE`: interleaved pairs of the trial and its incumbent."""
    decided: int = 0
    """How many pairs a claim was decided on; those that come later only estimate."""
    estimate: float | None = None
    interval: Interval | None = None
    error_spent: float = 0.0
    """By this ruling alone."""


def judge_strictly(first: float, best: float) -> Ruling:
    """Keep whatever measured better than the best did, as the published loop does."""
    better = first > best
    return Ruling(
        verdict=Verdict.KEEP if better else Verdict.DISCARD,
        reason="measured better than best" if better else "did not measure better than best",
        estimate=first - best,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What a run takes its head and its last keep to score, and one look to spread by.

    Levels are means of looks that had no part in making the trial what it is, so that a
    lucky first look neither flatters the head nor bars the way to its successors.
    """

    head: float
    keep: float
    scale: Scale

    def led(self, fresh: Sequence[float], pairs: Pairs) -> Standing:
        """After a contender has become the head."""
        own = Scale.of(fresh)
        return Standing(
            head=mean([a for a, _ in pairs]),
            keep=self.keep,
            scale=Scale.pooled((self.scale, own, _spread(pairs))),
        )

    def tested(self, pairs: Pairs, *, kept: bool) -> Standing:
        """After a claim of the head against the last keep."""
        head, keep = (mean(side) for side in zip(*pairs, strict=True))
        scale = Scale.pooled((self.scale, _spread(pairs)))
        return Standing(head=head, keep=head if kept else keep, scale=scale)


def gains_of(pairs: Pairs) -> list[float]:
    """Trial minus incumbent, pair by pair: what drifts slowly falls out."""
    return [a - b for a, b in pairs]


def _spread(pairs: Pairs) -> Scale:
    """What the pairs say of the spread of one look."""
    return Scale.of(gains_of(pairs)).times(math.sqrt(0.5))


# ------------------------------------------------------------------------------- leads


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadRule:
    """How a contender becomes a lead. All in standard deviations of one look."""

    margin: float = 0.85
    """The first look must beat the head by so much."""
    drop: float = 0.3
    """Fresh looks that average less than this end it."""
    sure: float = 1.0
    """A lead is so many standard errors better, on fresh looks alone."""
    most: int = 8
    """Fresh looks after which an undecided contender is dropped."""
    after: int = 2
    """Pairs with the head after the decision, at least one: they alone are the estimate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """A trial that may become the head."""

    first: float
    fresh: Sequence[float] = ()
    gains: Sequence[float] = ()
    """Over the head, one number per interleaved pair; there are none before the decision."""
    head: float
    """The head's level: the mean of looks that had no part in making it the head."""
    scale: Scale


def judge_contender(contender: Contender, rule: LeadRule) -> Ruling:
    """Lead, discard, or more looks. The first look opens the door and counts no more."""
    sd, fresh = contender.scale.sd, contender.fresh
    if contender.gains:
        return _lead(contender, rule)
    if not fresh:
        if contender.first - contender.head <= rule.margin * sd:
            return Ruling(verdict=Verdict.DISCARD, reason="first look not better by the margin")
        return Ruling(verdict=Verdict.MEASURE, reason="first look is promising", looks=1)
    gain = mean(fresh) - contender.head
    if gain > rule.sure * sd / math.sqrt(len(fresh)):
        return _lead(contender, rule)
    if gain <= rule.drop * sd or len(fresh) >= rule.most:
        return Ruling(verdict=Verdict.DISCARD, reason="fresh looks do not hold the gain")
    return Ruling(verdict=Verdict.MEASURE, reason="fresh looks are undecided", looks=1)


def _lead(contender: Contender, rule: LeadRule) -> Ruling:
    missing = rule.after - len(contender.gains)
    if missing > 0:
        reason = "better on fresh looks; measured against the head for the estimate"
        return Ruling(verdict=Verdict.MEASURE, reason=reason, pairs=missing)
    gain, interval = estimate(contender.gains, contender.scale)
    return Ruling(
        verdict=Verdict.LEAD,
        reason="better on fresh looks",
        estimate=gain,
        interval=interval,
    )


# ------------------------------------------------------------------------------- keeps


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimRule:
    """How a claim is tested on interleaved pairs."""

    looks: Sequence[int] = (4, 6, 10)
    """Pairs, counted from the start, at which the test may end."""
    shares: Sequence[float] = (0.4, 0.3, 0.3)
    """How the claim's error is split over those looks; a look with none only gives up."""
    futility: float = 0.5
    """In standard deviations of one look: a smaller gain ends the test early."""
    after: int = 2
    """Pairs after the decision: they alone are the stored estimate."""
    refused: Verdict = Verdict.LEAD
    """What becomes of the trial if the claim does not hold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A trial that is tested against the last keep."""

    gains: Sequence[float] = ()
    """Trial minus incumbent, one number per interleaved pair."""
    scale: Scale
    """Of one look, pooled over the run."""
    error: float
    """What this claim may spend in all."""
    decided: int = 0


def judge_claim(claim: Claim, rule: ClaimRule) -> Ruling:
    """Keep, refuse, or more pairs."""
    n = len(claim.gains)
    if claim.decided:
        return _estimated_keep(claim, rule)
    if n not in rule.looks:
        wanted = next((look for look in rule.looks if look > n), n)
        return _ask(wanted - n) if wanted > n else _refuse(claim, rule, "no look is left")
    return _look(claim, rule, rule.looks.index(n))


def _look(claim: Claim, rule: ClaimRule, index: int) -> Ruling:
    """The planned look number `index`."""
    gain, allowed = mean(claim.gains), claim.error * rule.shares[index]
    if allowed > 0 and gain > 0 and chance_of_gains(claim.gains, claim.scale) <= allowed:
        return Ruling(
            verdict=Verdict.MEASURE,
            reason="better on interleaved pairs; measured once more for the estimate",
            pairs=rule.after,
            decided=len(claim.gains),
            error_spent=allowed,
        )
    if index + 1 == len(rule.looks):
        return _refuse(claim, rule, "not significant at the last look", allowed)
    if gain < rule.futility * claim.scale.sd:
        return _refuse(claim, rule, "gain too small to go on", allowed)
    return _ask(rule.looks[index + 1] - rule.looks[index], allowed)


def chance_of_gains(gains: Sequence[float], scale: Scale) -> float:
    """The chance of such gains if there were none: the worse of two t tests.

    One takes the run's pooled spread, which is well known but may not be this pair's; the
    other these pairs' own, which is, but of few looks. A noisy contender fails the second, a
    lucky run of equal numbers the first.
    """
    own, error = Scale.of(gains), math.sqrt(len(gains))
    known = [s for s in (own, scale.times(math.sqrt(2))) if s.df]
    gain = mean(gains)
    return max((_tail(gain, s.sd / error, s.df) for s in known), default=1.0)


def _tail(effect: float, standard_error: float, df: float) -> float:
    if standard_error == 0:
        return float(effect <= 0)
    return student_tail(effect / standard_error, df)


def _ask(pairs: int, spent: float = 0.0) -> Ruling:
    reason = "tested on interleaved pairs"
    return Ruling(verdict=Verdict.MEASURE, reason=reason, pairs=pairs, error_spent=spent)


def _refuse(claim: Claim, rule: ClaimRule, reason: str, spent: float = 0.0) -> Ruling:
    gain, interval = estimate(claim.gains, claim.scale)
    return Ruling(
        verdict=rule.refused,
        reason=reason,
        decided=len(claim.gains),
        estimate=gain,
        interval=interval,
        error_spent=spent,
    )


def _estimated_keep(claim: Claim, rule: ClaimRule) -> Ruling:
    missing = claim.decided + rule.after - len(claim.gains)
    if missing > 0:
        reason = "measured once more for the estimate"
        return Ruling(verdict=Verdict.MEASURE, reason=reason, pairs=missing, decided=claim.decided)
    gain, interval = estimate(claim.gains[claim.decided :] or claim.gains, claim.scale)
    return Ruling(
        verdict=Verdict.KEEP,
        reason="better on interleaved pairs",
        decided=claim.decided,
        estimate=gain,
        interval=interval,
    )


def estimate(gains: Sequence[float], scale: Scale) -> tuple[float, Interval | None]:
    """Mean gain and interval, from the wider of the pairs' own spread and the pooled one.

    Its degrees of freedom are those of both: two pairs alone know next to nothing.
    """
    own, pooled = Scale.of(gains), scale.times(math.sqrt(2))
    if not own.df + pooled.df:
        return mean(gains), None
    error = max(own.sd, pooled.sd) / math.sqrt(len(gains))
    found = compare(mean(gains), error, own.df + pooled.df)
    return found.effect, found.interval


def mean(values: Sequence[float]) -> float:
    """The arithmetic mean."""
    return math.fsum(values) / len(values)


def is_worth_a_claim(gain: float, scale: Scale, margin: float) -> bool:
    """Whether a seeming gain is large enough to spend pairs on."""
    return gain > 0 and gain >= margin * scale.sd
