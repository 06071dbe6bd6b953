"""The policies over records, driven by a small run that measures what they ask for."""

from __future__ import annotations

import dataclasses
import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pytest

from autores.calibrate import pooled_counts
from autores.plugins.policies import confirm, evidence, milestone, strict
from autores.records import (
    Calibration,
    Debt,
    Decision,
    Direction,
    Evaluation,
    Gate,
    Look,
    Metric,
    NoisePrior,
    Outcome,
    Purpose,
    Recipe,
    Submission,
    Task,
    Trial,
)
from autores.statistics import Scale
from autores.status import Cause, Status, Verdict, status_of

Decide = Callable[[Trial, evidence.View], Decision]


@dataclass
class Run:
    """What a store and an executor are to a policy: trials with true scores, and noise."""

    decide: Decide
    direction: Direction = Direction.MAXIMIZE
    unit: float = 1.0
    seed: int = 1
    best: int | None = 0
    head: int = 0
    ending: bool = False
    error_spent: float = 0.0
    truth: list[float] = field(default_factory=lambda: [0.0])
    rate: float | None = None
    """Of right answers in every look at what was proposed; None: there is no gate."""
    pays: int | None = None
    """Rows that each look audits of the hundred that the first one owes; None: none are due."""
    trials: list[Trial] = field(default_factory=list)
    rows: list[list[Look]] = field(default_factory=list)
    decisions: list[tuple[int, Decision]] = field(default_factory=list)

    def __post_init__(self) -> None:
        metric = Metric(name="score", direction=self.direction)
        self.task = Task(name="toy", title="Toy", metric=metric, recipe=Recipe(path="/nowhere"))
        self.rng = random.Random(self.seed)
        self.rows.append([])
        self.trials.append(self.accept(0))
        looks = [self.measure(0) for _ in range(8)]
        mean = sum(looks) / 8
        spread = (sum((x - mean) ** 2 for x in looks) / 7) ** 0.5
        self.calibration = Calibration(
            task="toy", profile="default", score=mean, spread=spread, degrees_of_freedom=7
        )

    def accept(self, number: int) -> Trial:
        submission = Submission(
            commit="c", parents=(), hypothesis="h", specialist="s", session="x", call=str(number)
        )
        return Trial.accept(number, submission, arm="", at=0.0, depth=0)

    def measure(self, number: int) -> float:
        """A noisy score, in the run's unit and direction."""
        sign = 1 if self.direction is Direction.MAXIMIZE else -1
        return 100 + sign * self.unit * (self.truth[number] + self.rng.gauss(0, 1))

    def look(self, number: int, purpose: Purpose, pair: str = "") -> float:
        score = self.measure(number)
        evaluation = Evaluation(
            trial=number,
            ordinal=len(self.rows[number]),
            purpose=purpose,
            commit="c",
            seeds=(1,),
            pair=pair,
        )
        counts = {} if self.rate is None else {"right": int(1_000 * self.rate), "asked": 1_000}
        if self.pays is not None:
            counts |= {"due": 0 if self.rows[number] else 100, "audited": self.pays}
        outcome = Outcome(cause=Cause.VALID, score=score, counts=counts)
        self.rows[number].append(Look(evaluation=evaluation, outcome=outcome))
        self.trials[number] = dataclasses.replace(
            self.trials[number],
            counts=pooled_counts(look.outcome for look in self.rows[number] if look.outcome),
            evaluations=len(self.rows[number]),
        )
        return score

    def trial(self, trial: int) -> Trial:
        return self.trials[trial]

    def looks(self, trial: int) -> Sequence[Look]:
        return self.rows[trial]

    def propose(self, effect: float) -> Verdict:
        number = len(self.trials)
        incumbent = self.head
        self.truth.append(self.truth[incumbent] + effect)
        self.rows.append([])
        self.trials.append(self.accept(number))
        first = self.look(number, Purpose.FIRST)
        self.trials[number] = dataclasses.replace(
            self.trials[number], first_score=first, score=first, cause=Cause.VALID
        )
        return self.settle(number)

    def settle(self, number: int) -> Verdict:
        """Decide, measure what is asked for, decide again."""
        while True:
            decision = self.decide(self.trials[number], self)
            json.dumps(dict(decision.state), allow_nan=False)
            self.decisions.append((number, decision))
            self.error_spent += decision.error_spent
            status = status_of(Cause.VALID, decision.verdict, baseline=False)
            self.trials[number] = dataclasses.replace(
                self.trials[number], decision=decision, status=status
            )
            if decision.verdict is not Verdict.MEASURE:
                self.finish(number, decision)
                return decision.verdict
            self.carry_out(decision)

    def carry_out(self, decision: Decision) -> None:
        for request in decision.requests:
            if len(request.trials) == 1:
                for _ in range(request.looks):
                    self.look(request.trials[0], request.purpose)
                continue
            a, b = request.trials
            for index in range(0, request.looks, 2):
                pair = f"p{len(self.decisions)}.{index}"
                for side in (a, b, b, a):
                    self.look(side, request.purpose, pair)

    def finish(self, number: int, decision: Decision) -> None:
        if decision.verdict is Verdict.KEEP:
            self.best = number
        if decision.verdict in (Verdict.KEEP, Verdict.LEAD):
            self.head = number

    def verdicts(self) -> list[tuple[int, Verdict]]:
        return [(number, decision.verdict) for number, decision in self.decisions]


def by_milestone(trial: Trial, view: evidence.View) -> Decision:
    return milestone.decide(trial, view, milestone.Settings())


def by_confirm(trial: Trial, view: evidence.View) -> Decision:
    return confirm.decide(trial, view, confirm.Settings())


def by_strict(trial: Trial, view: evidence.View) -> Decision:
    return strict.decide(trial, view, strict.Settings())


def play(run: Run, trials: int, effects: Sequence[float], *, milestones: bool) -> Run:
    """Trials whose effects take turns, with a milestone every twenty and at the end."""
    for number in range(1, trials + 1):
        run.propose(effects[number % len(effects)])
        run.ending = number == trials
        if milestones and (number % 20 == 0 or run.ending) and run.head != run.best:
            run.settle(run.head)
    return run


def test_milestone_leads_often_claims_rarely_and_holds_its_error() -> None:
    run = play(Run(by_milestone), 100, (0.0, -1.5, 2.0, 0.0), milestones=True)
    kept = [trial for trial in run.trials if trial.status is Status.KEEP]
    verdicts = [verdict for _, verdict in run.verdicts()]
    assert verdicts.count(Verdict.LEAD) > len(kept) >= 2
    assert run.best is not None and run.truth[run.best] >= 20
    assert 0 < run.error_spent <= 0.05
    final = [d for _, d in run.decisions if d.verdict is Verdict.KEEP]
    assert all(d.estimate is not None and d.interval is not None for d in final)
    assert all(d.interval.low < d.estimate < d.interval.high for d in final if d.interval)


@pytest.mark.parametrize("decide", [by_milestone, by_confirm, by_strict])
@pytest.mark.parametrize(
    ("direction", "unit"), [(Direction.MINIMIZE, 1.0), (Direction.MAXIMIZE, 0.01)]
)
def test_decisions_do_not_depend_on_unit_or_direction(
    decide: Decide, direction: Direction, unit: float
) -> None:
    plain = play(Run(decide), 40, (0.0, 1.0, 3.0), milestones=decide is by_milestone)
    other = play(
        Run(decide, direction=direction, unit=unit),
        40,
        (0.0, 1.0, 3.0),
        milestones=decide is by_milestone,
    )
    assert other.verdicts() == plain.verdicts()
    assert other.error_spent == pytest.approx(plain.error_spent)
    for (_, one), (_, two) in zip(plain.decisions, other.decisions, strict=True):
        if one.estimate is not None:
            assert two.estimate == pytest.approx(unit * one.estimate, abs=1e-9)


def test_only_strict_claims_without_any_effect() -> None:
    keeps: dict[str, int] = {}
    for name, decide in (
        ("milestone", by_milestone),
        ("confirm", by_confirm),
        ("strict", by_strict),
    ):
        runs = [
            play(Run(decide, seed=seed), 60, (0.0,), milestones=name == "milestone")
            for seed in range(8)
        ]
        keeps[name] = sum(t.status is Status.KEEP for run in runs for t in run.trials)
        assert all(run.error_spent <= 0.05 for run in runs)
    assert keeps["strict"] > 15
    assert keeps["milestone"] == keeps["confirm"] == 0


def test_a_second_claim_does_not_count_the_pairs_of_the_first() -> None:
    run = Run(by_milestone, ending=True)
    run.propose(0.0)
    run.head, first = 1, run.trials[1]
    standing = {"standing": {"head": 101.5, "keep": 100.0, "sd": 1.0, "df": 30.0}}
    lead = Decision(verdict=Verdict.LEAD, policy="milestone", state=standing)
    run.trials[1] = dataclasses.replace(first, decision=lead)
    run.truth[1] = 0.4
    assert run.settle(1) is Verdict.LEAD
    before = len(evidence.pairs(run, 1, 0))
    run.trials[1] = dataclasses.replace(first, decision=lead)
    asked = by_milestone(run.trials[1], run)
    assert asked.state["claim"]["start"] == before > 0
    assert asked.requests[0].looks == 4


def test_the_first_feasible_trial_is_kept_where_the_baseline_is_not() -> None:
    for decide in (by_milestone, by_confirm):
        run = Run(decide, best=None)
        assert run.propose(-3.0) is Verdict.KEEP
        assert run.best == 1
        assert evidence.standing_of(run, 1).head < 100
    assert Run(by_strict, best=None).propose(-3.0) is Verdict.KEEP


def test_the_scale_is_calibrated_or_else_the_tasks_prior() -> None:
    run = Run(by_milestone)
    assert evidence.calibrated_scale(run).df == 7
    run.calibration = dataclasses.replace(run.calibration, degrees_of_freedom=0.0)
    assert evidence.calibrated_scale(run).df == 0
    prior = NoisePrior(sd=0.5, degrees_of_freedom=20)
    metric = dataclasses.replace(run.task.metric, noise=prior)
    run.task = dataclasses.replace(run.task, metric=metric)
    assert evidence.calibrated_scale(run) == Scale(sd=0.5, df=20)


def test_pairs_leave_out_looks_without_a_partner() -> None:
    run = Run(by_milestone)
    run.propose(-5.0)
    a = run.look(1, Purpose.CONFIRM, "p")
    run.look(1, Purpose.CONFIRM, "alone")
    b = run.look(0, Purpose.CONFIRM, "p")
    run.look(0, Purpose.VERIFY, "alone")
    assert evidence.pairs(run, 1, 0) == [(a, b)]
    assert evidence.fresh_looks(run, 1) == []


def gated(decide: Decide, rate: float, best: int | None = 0) -> Run:
    """A run whose keeps must prove a rate of nine tenths within a hundredth, on eight looks."""
    run = Run(decide, best=best, ending=True, rate=rate)
    gate = Gate(
        name="accuracy",
        hits="right",
        total="asked",
        at_least="0.9",
        proof_looks=14,
        proof_margin="0.01",
    )
    run.task = dataclasses.replace(run.task, gates=(gate,))
    return run


@pytest.mark.parametrize("decide", [by_milestone, by_confirm])
def test_a_keep_proves_its_gate_on_fresh_looks(decide: Decide) -> None:
    run = gated(decide, rate=0.92)
    run.propose(20.0)
    if run.head != run.best:
        run.settle(1)
    assert run.best == 1
    fresh = [look for look in run.looks(1) if look.evaluation.purpose is Purpose.CONFIRM]
    assert len(fresh) >= 14


@pytest.mark.parametrize("decide", [by_milestone, by_confirm])
@pytest.mark.parametrize("rate", [0.895, 0.893])
def test_what_cannot_prove_its_gate_is_not_kept_however_good(decide: Decide, rate: float) -> None:
    run = gated(decide, rate)
    run.propose(20.0)
    if run.head != run.best:
        run.settle(1)
    assert run.best == 0
    assert "gate accuracy" in run.decisions[-1][1].reason


@pytest.mark.parametrize(("rate", "kept"), [(0.92, True), (0.895, False)])
def test_the_first_feasible_trial_proves_its_gate_too(rate: float, kept: bool) -> None:
    run = gated(by_milestone, rate, best=None)
    assert run.propose(1.0) is (Verdict.KEEP if kept else Verdict.DISCARD)
    assert len(run.looks(1)) == 15


def audited(decide: Decide, pays: int, best: int | None = 0) -> Run:
    """A run whose looks audit so many rows each."""
    run = Run(decide, best=best, ending=True, pays=pays)
    debt = Debt(name="the audit", owed="due", paid="audited")
    run.task = dataclasses.replace(run.task, debts=(debt,))
    return run


@pytest.mark.parametrize("decide", [by_milestone, by_confirm])
def test_a_keep_waits_until_its_audit_is_paid(decide: Decide) -> None:
    run = audited(decide, pays=5)
    run.propose(20.0)
    if run.head != run.best:
        run.settle(1)
    assert run.best == 1
    assert len(run.looks(1)) >= 20


@pytest.mark.parametrize("decide", [by_milestone, by_confirm])
def test_a_keep_whose_audit_falls_short_is_refused_however_good(decide: Decide) -> None:
    run = audited(decide, pays=0)
    run.propose(20.0)
    if run.head != run.best:
        run.settle(1)
    assert run.best == 0
    assert "the audit: 100 of 100 left" in run.decisions[-1][1].reason


@pytest.mark.parametrize(("pays", "kept"), [(40, True), (0, False)])
def test_the_first_feasible_trial_pays_its_audit_too(pays: int, kept: bool) -> None:
    run = audited(by_milestone, pays, best=None)
    assert run.propose(1.0) is (Verdict.KEEP if kept else Verdict.DISCARD)
