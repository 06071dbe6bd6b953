"""How often do the policies claim what is not there, what do they find, what does it cost?

Simulated runs under the decision rules that the policies use, imported from them. Every
condition fixes the noise of a look and the true effects of the trials, relative to the
incumbent and additive; sigma is 1, and is never told: it is estimated from eight
calibration runs and from what the run measures. Measurements follow each other in time, so
that drift is shared by neighbours. `strict` has no calibration to pay, the other policies'
is not counted among the extra measurements (8 of 200).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from benchmarks.report import Report, Row
from numpy.typing import NDArray

from autores.config import RunSettings
from autores.plugins.policies import confirm, milestone, rules
from autores.statistics import Scale, next_error
from autores.status import Verdict

TRIALS, CALIBRATIONS, PERSISTENCE = 200, 8, 0.98
MILESTONE = RunSettings().milestone
ENOUGH = 100
"""Estimates below which their mean error says nothing: its own error would exceed 0.1."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """The noise of looks and the effects of trials."""

    name: str
    noise: Callable[[np.random.Generator, tuple[int, int]], Floats]
    drift: float = 0.0
    """Standard deviation of a slow wave, AR(0.98) from look to look."""
    noisy: float = 0.0
    """Share of contenders with twice the sigma."""
    effects: tuple[tuple[float, float], ...] = ((1.0, 0.0),)
    """Share of the trials, true gain over what they were made from."""


def gaussian(rng: np.random.Generator, shape: tuple[int, int]) -> Floats:
    """Plain noise."""
    return rng.standard_normal(shape)


def heavy(rng: np.random.Generator, shape: tuple[int, int]) -> Floats:
    """Student's t with three degrees of freedom, of unit variance."""
    noise: Floats = rng.standard_t(3, shape) / math.sqrt(3)
    return noise


def outliers(rng: np.random.Generator, shape: tuple[int, int]) -> Floats:
    """Plain noise in which one look in twenty is off by 3.5 sigma, either way."""
    off: Floats = rng.choice([-3.5, 3.5], shape) * (rng.random(shape) < 0.05)
    return rng.standard_normal(shape) + off


MIXED = ((0.07, 1.0), (0.03, 2.0), (0.40, 0.0), (0.50, -1.5))

NULLS = (
    Condition(name="no effect, Gaussian", noise=gaussian),
    Condition(name="no effect, t3", noise=heavy),
    Condition(name="no effect, 5 % outliers", noise=outliers),
    Condition(name="no effect, 10 % twice as noisy", noise=gaussian, noisy=0.1),
    Condition(name="no effect, drift 0.5 sigma", noise=gaussian, drift=0.5),
    Condition(name="no effect, drift 1 sigma", noise=gaussian, drift=1.0),
)
EFFECTS = (
    Condition(name="10 % of trials +1 sigma", noise=gaussian, effects=((0.1, 1.0), (0.9, 0.0))),
    Condition(name="10 % of trials +2 sigma", noise=gaussian, effects=((0.1, 2.0), (0.9, 0.0))),
    Condition(name="10 % of trials +3 sigma", noise=gaussian, effects=((0.1, 3.0), (0.9, 0.0))),
    Condition(name="mixed", noise=gaussian, effects=MIXED),
    Condition(name="mixed, drift 1 sigma", noise=gaussian, drift=1.0, effects=MIXED),
)


# ------------------------------------------------------------------------- the world


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """Something that can be measured."""

    truth: float = 0.0
    spread: float = 1.0


@dataclass(slots=True, kw_only=True)
class World:
    """One run: the noise to come, the trials to come, and what has been counted."""

    noise: list[float]
    drift: list[float]
    effects: list[float]
    spreads: list[float]
    clock: int = 0
    spent: float = 0.0
    keeps: int = 0
    false_keeps: int = 0
    better: int = 0
    """Trials that were truly better than their incumbent."""
    better_kept: int = 0
    leads: int = 0
    errors: list[float] = field(default_factory=list)
    """Stored estimates minus the truth."""
    lead_errors: list[float] = field(default_factory=list)
    gain: float = 0.0
    """True gain of the last keep over the baseline."""

    def look(self, arm: Arm) -> float:
        """One measurement; time moves on."""
        t, self.clock = self.clock, self.clock + 1
        return arm.truth + arm.spread * self.noise[t] + self.drift[t]

    def pairs(self, a: Arm, b: Arm, count: int) -> list[tuple[float, float]]:
        """Interleaved A-B-B-A."""
        found = []
        for index in range(count):
            if index % 2:
                second, first = self.look(b), self.look(a)
            else:
                first, second = self.look(a), self.look(b)
            found.append((first, second))
        return found

    def calibrate(self) -> rules.Standing:
        """Measure the baseline a few times: all that a run knows before its first trial."""
        looks = [self.look(Arm()) for _ in range(CALIBRATIONS)]
        level = rules.mean(looks)
        return rules.Standing(head=level, keep=level, scale=Scale.of(looks))

    def propose(self, index: int, incumbent: Arm) -> tuple[Arm, float]:
        """A trial as it is made from the incumbent of its time, and its first look."""
        effect, spread = self.effects[index], self.spreads[index]
        arm = Arm(truth=incumbent.truth + effect, spread=spread)
        self.better += effect > 0
        return arm, self.look(arm)

    def count_keep(self, arm: Arm, over: Arm, estimate: float | None) -> None:
        """Count a claim and compare what is stored of it with the truth."""
        true = arm.truth - over.truth
        self.keeps += 1
        self.false_keeps += true <= 0
        self.better_kept += true > 0
        self.errors.append((estimate or 0.0) - true)


def worlds(condition: Condition, runs: int, trials: int, seed: int) -> Iterable[World]:
    """Draw all runs of a condition at once, then hand them out one by one."""
    rng = np.random.default_rng(seed)
    looks = (runs, 16 * trials)
    noise, drift = condition.noise(rng, looks), waves(rng, condition.drift, looks)
    shares, gains = (np.array(column) for column in zip(*condition.effects, strict=True))
    effects = rng.choice(gains, size=(runs, trials), p=shares)
    spreads = np.where(rng.random((runs, trials)) < condition.noisy, 2.0, 1.0)
    for run in range(runs):
        yield World(
            noise=noise[run].tolist(),
            drift=drift[run].tolist(),
            effects=effects[run].tolist(),
            spreads=spreads[run].tolist(),
        )


def waves(rng: np.random.Generator, sd: float, shape: tuple[int, int]) -> Floats:
    """Stationary AR(1) series, one a row."""
    steps = sd * rng.standard_normal(shape)
    if sd:
        innovation = math.sqrt(1 - PERSISTENCE**2)
        for t in range(1, shape[1]):
            steps[:, t] = PERSISTENCE * steps[:, t - 1] + innovation * steps[:, t]
    return steps


# ---------------------------------------------------------------------- the policies


def run_strict(world: World) -> None:
    """The published loop."""
    best, score = Arm(), world.look(Arm())
    for index in range(len(world.effects)):
        arm, first = world.propose(index, best)
        ruling = rules.judge_strictly(first, score)
        if ruling.verdict is Verdict.KEEP:
            world.count_keep(arm, best, ruling.estimate)
            best, score = arm, first
    world.gain = best.truth


def run_milestone(world: World, settings: milestone.Settings) -> None:
    """Leads all along, claims at milestones and at the end."""
    standing, trials = world.calibrate(), len(world.effects)
    head = keep = Arm()
    for index in range(trials):
        arm, first = world.propose(index, head)
        led = _contend(world, arm, first, head, standing, settings.lead_rule)
        if led:
            head, standing = arm, led
        last = index + 1 == trials
        if head is keep or not (last or (index + 1) % MILESTONE == 0):
            continue
        worth = settings.worth_at_end if last else settings.worth
        if rules.is_worth_a_claim(standing.head - standing.keep, standing.scale, worth):
            kept, standing = _claim(world, head, keep, standing, settings)
            keep = head if kept else keep
    world.gain = keep.truth


def run_confirm(world: World, settings: confirm.Settings) -> None:
    """Every promising trial is tested at once."""
    standing, best = world.calibrate(), Arm()
    for index in range(len(world.effects)):
        arm, first = world.propose(index, best)
        if rules.is_worth_a_claim(first - standing.keep, standing.scale, settings.margin):
            kept, tested = _claim(world, arm, best, standing, settings)
            if kept:
                best, standing = arm, tested
            else:  # the incumbent was measured too, and later than what its level rests on
                standing = replace(standing, keep=tested.keep)
    world.gain = best.truth


def _contend(
    world: World,
    arm: Arm,
    first: float,
    head: Arm,
    standing: rules.Standing,
    rule: rules.LeadRule,
) -> rules.Standing | None:
    """How things stand once the trial has become the head; None if it has not."""
    fresh: list[float] = []
    pairs: list[tuple[float, float]] = []
    while True:
        contender = rules.Contender(
            first=first,
            fresh=fresh,
            gains=rules.gains_of(pairs),
            head=standing.head,
            scale=standing.scale,
        )
        ruling = rules.judge_contender(contender, rule)
        if ruling.verdict is not Verdict.MEASURE:
            break
        fresh += [world.look(arm) for _ in range(ruling.looks)]
        pairs += world.pairs(arm, head, ruling.pairs)
    if ruling.verdict is not Verdict.LEAD:
        return None
    world.leads += 1
    world.lead_errors.append((ruling.estimate or 0.0) - (arm.truth - head.truth))
    return standing.led(fresh, pairs)


def _claim(
    world: World,
    arm: Arm,
    keep: Arm,
    standing: rules.Standing,
    settings: milestone.Settings | confirm.Settings,
) -> tuple[bool, rules.Standing]:
    """Whether one is kept over the other, and how things stand then."""
    error = next_error(settings.error, world.spent, horizon=settings.horizon)
    pairs: list[tuple[float, float]] = []
    decided = 0
    while True:
        claim = rules.Claim(
            gains=rules.gains_of(pairs), scale=standing.scale, error=error, decided=decided
        )
        ruling = rules.judge_claim(claim, settings.claim_rule)
        world.spent, decided = world.spent + ruling.error_spent, ruling.decided
        if ruling.verdict is not Verdict.MEASURE:
            break
        pairs += world.pairs(arm, keep, ruling.pairs)
    kept = ruling.verdict is Verdict.KEEP
    if kept:
        world.count_keep(arm, keep, ruling.estimate)
    return kept, standing.tested(pairs, kept=kept)


# ----------------------------------------------------------------------- the numbers


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Averages over the runs of one condition under one policy."""

    condition: str
    policy: str
    keeps: float
    false_keeps: float
    extra: float
    """Measurements beyond one a trial, as a share of the trials."""
    gain: float
    power: float | None
    """Keeps of a true gain as a share of the truly better trials; a bundle counts once."""
    false_share: float | None
    """False keeps of all keeps, where there was something to find."""
    bias: float | None
    """Stored estimates of keeps minus the truth; None where too few were kept to tell."""
    lead_bias: float | None
    """The same of leads."""
    spent: float
    """Of the 0.05 that a run may spend."""


def figures(condition: str, policy: str, ran: Sequence[World]) -> Figures:
    """Average what the worlds counted."""

    def average(read: Callable[[World], float]) -> float:
        return float(np.mean([read(world) for world in ran]))

    keeps, better = sum(w.keeps for w in ran), sum(w.better for w in ran)
    calibration = 1 if policy.startswith("strict") else CALIBRATIONS
    return Figures(
        condition=condition,
        policy=policy,
        keeps=average(lambda w: w.keeps),
        false_keeps=average(lambda w: w.false_keeps),
        extra=average(lambda w: (w.clock - calibration) / len(w.effects) - 1),
        gain=average(lambda w: w.gain),
        power=_ratio(sum(w.better_kept for w in ran), better),
        false_share=_ratio(sum(w.false_keeps for w in ran), keeps) if better else None,
        bias=_mean_of([e for w in ran for e in w.errors]),
        lead_bias=_mean_of([e for w in ran for e in w.lead_errors]),
        spent=average(lambda w: w.spent),
    )


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _mean_of(values: Sequence[float]) -> float | None:
    return float(np.mean(values)) if len(values) >= ENOUGH else None


def simulate(
    condition: Condition,
    policy: str,
    run: Callable[[World], None],
    *,
    runs: int,
    trials: int = TRIALS,
    seed: int = 0,
) -> Figures:
    """All runs of one condition under one policy; policies meet the same noise and trials."""
    ran = list(worlds(condition, runs, trials, seed))
    for world in ran:
        run(world)
    return figures(condition.name, policy, ran)


def measure(condition: Condition, *, runs: int, seed: int = 0) -> list[Figures]:
    """The rows of one condition: each policy, and `strict` with as many measurements."""
    by_milestone = simulate(
        condition,
        "milestone",
        lambda w: run_milestone(w, milestone.Settings()),
        runs=runs,
        seed=seed,
    )
    by_confirm = simulate(
        condition, "confirm", lambda w: run_confirm(w, confirm.Settings()), runs=runs, seed=seed
    )
    equal = round(TRIALS * (1 + by_milestone.extra))
    longer = simulate(
        condition, "strict, equal measurements", run_strict, runs=runs, trials=equal, seed=seed
    )
    strict = simulate(condition, "strict", run_strict, runs=runs, seed=seed)
    return [strict, longer, by_milestone, by_confirm]


def table(runs: int = 1000) -> list[Figures]:
    """All conditions; 1,000 runs of each take about two minutes."""
    return [
        row
        for number, condition in enumerate((*NULLS, *EFFECTS))
        for row in measure(condition, runs=runs, seed=number)
    ]


# ------------------------------------------------------------------------ the report

ASKED_EXTRA = {"no effect, Gaussian": 35.0, "no effect, drift 1 sigma": 60.0, "mixed": 70.0}
"""Extra measurements of `milestone`, in percent of the trials, that are allowed."""
ASKED_POWER = {
    "10 % of trials +1 sigma": 0.07,
    "10 % of trials +2 sigma": 0.5,
    "10 % of trials +3 sigma": 0.85,
}
"""Shares of the truly better trials that `confirm` should keep."""
FALSE_PER_RUN, FALSE_SHARE, BIAS = 0.05, 0.02, 0.1
EQUAL = "strict, equal measurements"


def run(runs: int = 1000) -> Report:
    """Simulate every condition under every policy."""
    found = {(row.condition, row.policy): row for row in table(runs)}
    rows = [
        *(row for condition in NULLS for row in _null_rows(condition.name, found, runs)),
        *(row for condition in EFFECTS for row in _effect_rows(condition.name, found, runs)),
        *_bias_rows(found.values(), runs),
    ]
    return Report(
        title=f"Policies over {runs:,} simulated runs of {TRIALS} trials",
        rows=rows,
        notes=(
            (
                "Effects are relative to the incumbent and additive; sigma is the spread of one look, "
                f"estimated from {CALIBRATIONS} looks. Mixed: 7 % of trials +1 sigma, 3 % +2 sigma, "
                "40 % nothing, 50 % -1.5 sigma."
            ),
            (
                "Extra: measurements beyond one a trial, in percent of the trials, without "
                "calibration. Gain: true gain of the last keep over the baseline."
            ),
        ),
    )


Found = Mapping[tuple[str, str], Figures]


def _null_rows(condition: str, found: Found, runs: int) -> Iterator[Row]:
    strict = found[condition, "strict"]
    for policy in ("milestone", "confirm"):
        figure = found[condition, policy]
        yield Row(
            name=f"{condition}: false keeps, {policy}",
            value=figure.false_keeps,
            unit="a run",
            baseline=strict.false_keeps,
            compared_with="strict",
            limit=FALSE_PER_RUN,
            samples=runs,
        )
        yield _extra(figure, runs)


def _effect_rows(condition: str, found: Found, runs: int) -> Iterator[Row]:
    strict, tested = found[condition, "strict"], found[condition, "confirm"]
    leading = found[condition, "milestone"]
    longer = found[condition, EQUAL]
    yield _gain(leading, strict, "strict, equal trials", runs, at_least=strict.gain)
    yield _gain(leading, longer, EQUAL, runs)
    yield _gain(tested, strict, "strict, equal trials", runs)
    yield from (_extra(figure, runs) for figure in (leading, tested))
    yield Row(
        name=f"{condition}: truly better trials kept, confirm",
        value=tested.power or 0.0,
        unit="of 1",
        at_least=ASKED_POWER.get(condition),
        samples=runs,
    )
    for figure in (leading, tested):
        yield Row(
            name=f"{condition}: false among the keeps, {figure.policy}",
            value=figure.false_share or 0.0,
            unit="of 1",
            baseline=strict.false_share,
            compared_with="strict",
            limit=FALSE_SHARE,
            samples=runs,
        )


def _gain(
    figure: Figures, other: Figures, said: str, runs: int, at_least: float | None = None
) -> Row:
    return Row(
        name=f"{figure.condition}: gain, {figure.policy}",
        value=figure.gain,
        unit="sigma",
        baseline=other.gain,
        compared_with=said,
        at_least=at_least,
        samples=runs,
    )


def _extra(figure: Figures, runs: int) -> Row:
    leads = figure.policy == "milestone"
    return Row(
        name=f"{figure.condition}: extra measurements, {figure.policy}",
        value=100 * figure.extra,
        unit="%",
        limit=ASKED_EXTRA.get(figure.condition) if leads else None,
        samples=runs,
    )


def _bias_rows(found: Iterable[Figures], runs: int) -> Iterator[Row]:
    """The largest mean error of what is stored, over all conditions."""
    tested = [figure for figure in found if figure.policy in ("milestone", "confirm")]
    for name, biases in (
        ("keeps", [figure.bias for figure in tested]),
        ("leads", [figure.lead_bias for figure in tested]),
    ):
        known = [abs(bias) for bias in biases if bias is not None]
        yield Row(
            name=f"largest bias of stored estimates, {name}",
            value=max(known, default=0.0),
            unit="sigma",
            limit=BIAS,
            samples=runs,
        )
