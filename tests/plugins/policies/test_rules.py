from __future__ import annotations

import dataclasses
import math
import random
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autores.plugins.policies import confirm, milestone
from autores.plugins.policies.rules import (
    Claim,
    ClaimRule,
    Contender,
    LeadRule,
    Ruling,
    chance_of_gains,
    estimate,
    is_worth_a_claim,
    judge_claim,
    judge_contender,
    judge_strictly,
)
from autores.statistics import Scale, next_error
from autores.status import Verdict

# Whole numbers and powers of two keep the arithmetic of a change of unit exact.
SCORE = st.integers(-64, 64).map(lambda n: n / 4)
SCALE = st.builds(
    Scale, sd=st.integers(0, 12).map(lambda n: n / 4), df=st.integers(1, 60).map(float)
)
FACTOR = st.sampled_from([0.25, 2.0, 1024.0])
SHIFT = st.integers(-1000, 1000).map(float)

CONTENDERS = st.builds(
    Contender,
    first=SCORE,
    fresh=st.lists(SCORE, max_size=8),
    gains=st.lists(SCORE, max_size=2),
    head=SCORE,
    scale=SCALE,
)
CLAIMS = st.builds(
    Claim,
    gains=st.lists(SCORE, max_size=12),
    scale=SCALE,
    error=st.floats(1e-6, 0.05),
    decided=st.just(0),
)


def outline(ruling: Ruling) -> tuple[object, ...]:
    """All of a ruling that has no unit."""
    return (ruling.verdict, ruling.reason, ruling.looks, ruling.pairs, ruling.decided)


def is_finite(ruling: Ruling) -> bool:
    numbers = [ruling.error_spent]
    numbers += [] if ruling.estimate is None else [ruling.estimate]
    numbers += [] if ruling.interval is None else [ruling.interval.low, ruling.interval.high]
    return all(math.isfinite(x) for x in numbers)


# ------------------------------------------------------------------------------- strict


@given(SCORE, SCORE)
def test_strict_keeps_any_improvement(first: float, best: float) -> None:
    ruling = judge_strictly(first, best)
    assert (ruling.verdict is Verdict.KEEP) == (first > best)
    assert ruling.estimate == first - best


# -------------------------------------------------------------------------------- leads


@given(CONTENDERS, FACTOR, SHIFT)
def test_leads_do_not_depend_on_the_scores_unit(
    contender: Contender, factor: float, shift: float
) -> None:
    moved = Contender(
        first=contender.first * factor + shift,
        fresh=[x * factor + shift for x in contender.fresh],
        gains=[x * factor for x in contender.gains],
        head=contender.head * factor + shift,
        scale=contender.scale.times(factor),
    )
    ruling = judge_contender(contender, LeadRule())
    assert outline(judge_contender(moved, LeadRule())) == outline(ruling)
    assert is_finite(ruling)


@given(CONTENDERS, st.integers(0, 40).map(lambda n: n / 4))
def test_a_better_contender_never_fares_worse(contender: Contender, better: float) -> None:
    lifted = dataclasses.replace(
        contender,
        first=contender.first + better,
        fresh=[x + better for x in contender.fresh],
    )
    plain, more = (judge_contender(c, LeadRule()) for c in (contender, lifted))
    assert steps_up(more) >= steps_up(plain)


def steps_up(ruling: Ruling) -> int:
    if ruling.verdict is Verdict.MEASURE:
        return 2 if ruling.pairs else 1
    return 3 if ruling.verdict is Verdict.LEAD else 0


@given(CONTENDERS, SCORE)
def test_the_first_look_only_opens_the_door(contender: Contender, other: float) -> None:
    seen = dataclasses.replace(contender, fresh=contender.fresh or [0.0])
    changed = dataclasses.replace(seen, first=other)
    assert judge_contender(seen, LeadRule()) == judge_contender(changed, LeadRule())


def test_a_contenders_way_to_the_head() -> None:
    scale = Scale(sd=1.0, df=7.0)

    def ruled(*fresh: float, first: float = 2.0, gains: Sequence[float] = ()) -> Ruling:
        contender = Contender(first=first, fresh=fresh, gains=gains, head=0.0, scale=scale)
        return judge_contender(contender, LeadRule())

    assert ruled(first=0.85).verdict is Verdict.DISCARD
    assert outline(ruled())[2:4] == (1, 0)
    assert ruled(0.3).verdict is Verdict.DISCARD
    assert outline(ruled(0.9))[2:4] == (1, 0)
    assert outline(ruled(1.1))[2:4] == (0, 2)
    assert outline(ruled(0.9, 0.9))[2:4] == (0, 2)
    lead = ruled(1.1, gains=[0.5, -0.1])
    assert (lead.verdict, lead.estimate) == (Verdict.LEAD, pytest.approx(0.2))
    patient = Contender(first=2.0, fresh=[0.31] * 8, head=0.0, scale=scale)
    assert judge_contender(patient, LeadRule()).verdict is Verdict.DISCARD


# -------------------------------------------------------------------------------- claims


@given(CLAIMS, FACTOR)
def test_claims_do_not_depend_on_the_scores_unit(claim: Claim, factor: float) -> None:
    moved = dataclasses.replace(
        claim, gains=[x * factor for x in claim.gains], scale=claim.scale.times(factor)
    )
    ruling = judge_claim(claim, ClaimRule())
    assert outline(judge_claim(moved, ClaimRule())) == outline(ruling)
    assert is_finite(ruling)


@given(st.lists(SCORE, min_size=4, max_size=12), SCALE, st.integers(0, 40).map(lambda n: n / 4))
def test_larger_gains_are_never_less_convincing(
    gains: list[float], scale: Scale, better: float
) -> None:
    lifted = [x + better for x in gains]
    assert chance_of_gains(lifted, scale) <= chance_of_gains(gains, scale) + 1e-12


@given(st.lists(SCORE, min_size=2, max_size=12), SCALE)
def test_ignorance_of_the_spread_never_helps(gains: list[float], scale: Scale) -> None:
    p = chance_of_gains(gains, scale)
    own_only = chance_of_gains(gains, Scale(sd=0.0, df=0.0))
    assert p >= own_only
    if sum(gains) > 0:
        vague = dataclasses.replace(scale, df=scale.df / 2)
        assert chance_of_gains(gains, vague) >= p - 1e-12


def test_lucky_equal_gains_do_not_beat_the_known_spread() -> None:
    equal = Claim(gains=[0.5] * 4, scale=Scale(sd=1.0, df=40.0), error=0.05)
    assert judge_claim(equal, ClaimRule()).verdict is not Verdict.KEEP
    assert judge_claim(equal, ClaimRule()).decided == 0
    exact = dataclasses.replace(equal, scale=Scale(sd=0.0, df=7.0))
    assert judge_claim(exact, ClaimRule()).decided == 4


def test_nothing_is_ever_kept_without_any_knowledge_of_noise() -> None:
    blind = Claim(gains=[9.0], scale=Scale(sd=0.0, df=0.0), error=0.05)
    ruling = judge_claim(blind, ClaimRule(looks=(1,), shares=(1.0,)))
    assert (ruling.verdict, ruling.estimate, ruling.interval) == (Verdict.LEAD, 9.0, None)


def test_the_stored_estimate_ignores_what_decided() -> None:
    scale = Scale(sd=1.0, df=60.0)
    deciding = [5.0, 5.5, 4.5, 5.0]
    asked = judge_claim(Claim(gains=deciding, scale=scale, error=0.05), ClaimRule())
    assert (asked.verdict, asked.pairs, asked.decided) == (Verdict.MEASURE, 2, 4)
    kept = judge_claim(
        Claim(gains=[*deciding, 1.0, 2.0], scale=scale, error=0.05, decided=4), ClaimRule()
    )
    assert (kept.verdict, kept.estimate) == (Verdict.KEEP, 1.5)
    assert kept.error_spent == 0.0


def drive(rule: ClaimRule, draw: Callable[[], float], scale: Scale, error: float) -> Ruling:
    """Play one claim to its end; the ruling carries the error of all its looks."""
    gains: list[float] = []
    spent, decided = 0.0, 0
    while True:
        claim = Claim(gains=gains, scale=scale, error=error, decided=decided)
        ruling = judge_claim(claim, rule)
        spent, decided = spent + ruling.error_spent, ruling.decided
        if ruling.verdict is not Verdict.MEASURE:
            return dataclasses.replace(ruling, error_spent=spent)
        gains += [draw() for _ in range(ruling.pairs)]


@given(st.integers(0, 2**32), st.sampled_from(["milestone", "confirm"]))
def test_a_run_of_claims_never_spends_more_than_its_error(seed: int, policy: str) -> None:
    settings = milestone.Settings() if policy == "milestone" else confirm.Settings()
    rng, spent = random.Random(seed), 0.0
    for _ in range(40):
        error = next_error(settings.error, spent, horizon=settings.horizon)
        scale, gain = Scale(sd=1.0, df=7.0), rng.choice([0.0, 1.0, 3.0])
        ruling = drive(settings.claim_rule, lambda g=gain: rng.gauss(g, 1.41), scale, error)
        assert ruling.verdict in (Verdict.KEEP, settings.claim_rule.refused)
        assert 0 <= ruling.error_spent <= error * (1 + 1e-12)
        spent += ruling.error_spent
    assert spent <= settings.error


def share_kept(draw: Callable[[random.Random], float], *, error: float, known: float) -> float:
    """How often claims are kept whose spread was estimated from eight looks."""
    rng = random.Random(11)

    def kept() -> bool:
        looks = [rng.gauss(0, known) for _ in range(8)]
        ruling = drive(ClaimRule(), lambda: draw(rng), Scale.of(looks), error)
        return ruling.verdict is Verdict.KEEP

    return sum(kept() for _ in range(1500)) / 1500


@pytest.mark.parametrize("spread", [1.0, math.sqrt(2.5)])
def test_a_claim_without_gain_holds_its_error(spread: float) -> None:
    """Also where one side is twice as noisy as the run's scale says."""
    share = share_kept(lambda r: r.gauss(0, math.sqrt(2) * spread), error=0.05, known=1.0)
    assert share < 0.05


def test_a_large_gain_is_found() -> None:
    assert share_kept(lambda r: r.gauss(3, math.sqrt(2)), error=0.0125, known=1.0) > 0.75


@given(SCORE, SCALE, st.floats(0, 5))
def test_only_a_gain_is_worth_a_claim(gain: float, scale: Scale, margin: float) -> None:
    worth = is_worth_a_claim(gain, scale, margin)
    assert worth == (gain > 0 and gain >= margin * scale.sd)


def test_an_interval_of_two_pairs_holds_the_truth_and_tells_something() -> None:
    draw, held, widths = random.Random(5), 0, []
    for _ in range(2_000):
        looks = [[draw.gauss(0, 1) for _ in range(5)] for _ in range(2)]
        scale = Scale.pooled(map(Scale.of, looks))
        gain, interval = estimate([draw.gauss(0, math.sqrt(2)) for _ in range(2)], scale)
        assert interval is not None and interval.low < gain < interval.high
        held += interval.low < 0 < interval.high
        widths.append(interval.high - interval.low)
    assert 0.94 < held / 2_000 < 0.99
    assert sum(widths) / 2_000 < 4 * 2  # with their own single degree of freedom it would be 15
