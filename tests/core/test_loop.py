from __future__ import annotations

import asyncio
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autores import hookimpl
from autores.agent import Exhausted, Feedback, Proposal, Session, SessionOver
from autores.config import Environment
from autores.errors import RunFailed
from autores.lineage.audit import audit
from autores.lineage.store import Query
from autores.records import Decision, Purpose, Request, Trial
from autores.status import Cause, Status, Verdict
from autores.stop import Stop
from autores.testing import toy
from autores.testing.runs import Played, play, play_on


class Offers:
    """A plugin that offers an agent."""

    def __init__(self, agent: Any) -> None:
        self.agent = agent

    @hookimpl
    def autores_agent(self) -> Any:
        return self.agent


class Writes:
    """Submits `fit.py` with these degrees, one after the other."""

    def __init__(self, *degrees: int) -> None:
        self.left = list(degrees)
        self.feedback: list[Feedback] = []

    async def run(self, session: Session) -> None:
        if not self.left:
            raise Exhausted("all written")
        degree = self.left.pop(0)
        session.workspace.replace("fit.py", *_degree(session, degree))
        self.feedback.append(await session.submit(Proposal(hypothesis=f"degree {degree}")))


def _degree(session: Session, degree: int) -> tuple[str, str]:
    code = session.workspace.read("fit.py")
    old = next(line for line in code.splitlines() if line.startswith("degree ="))
    return old, f"degree = {degree}  # of the polynomial"


def _with_degree(session: Session, degree: int) -> dict[str, bytes]:
    old, new = _degree(session, degree)
    code = session.workspace.read("fit.py")
    return {**session.workspace.snapshot(), "fit.py": code.replace(old, new).encode()}


def trials(played: Played) -> list[Trial]:
    with played.reading() as found:
        assert audit(found.store, found.code) == ()
        return list(found.store.query(Query()))


def statuses(played: Played) -> list[Status | None]:
    return [trial.status for trial in trials(played)]


# ----------------------------------------------------------------------------- the circle


def test_each_trial_goes_round_once(tmp_path: Path) -> None:
    agent = Writes(5, 6, 64)
    played = play(tmp_path, plugins=[Offers(agent)])
    assert played.reason == "all written"
    found = trials(played)
    assert [trial.id for trial in found] == [0, 1, 2, 3]
    assert found[0].status is Status.BASELINE
    assert all(trial.finished for trial in found)
    assert [feedback.trial.id for feedback in agent.feedback] == [1, 2, 3]
    assert found[1].submission.parents == (0,)


def test_the_next_trial_starts_from_the_head(tmp_path: Path) -> None:
    class Keeps:
        @hookimpl
        def autores_decide(self) -> Decision:
            return Decision(verdict=Verdict.KEEP, policy="keeps")

    found = trials(play(tmp_path, plugins=[Offers(Writes(5, 6)), Keeps()]))
    assert [trial.status for trial in found[1:]] == [Status.KEEP, Status.KEEP]
    assert [trial.submission.parents for trial in found] == [(), (0,), (1,)]


def test_a_budget_of_trials_is_kept_with_many_sessions(tmp_path: Path) -> None:
    played = play(tmp_path, max_trials=7, sessions=5)
    assert played.reason == "used up: 7 trials"
    assert len(trials(played)) == 8


def test_variants_never_take_more_than_the_budget_has(tmp_path: Path) -> None:
    class Variants(Writes):
        async def run(self, session: Session) -> None:
            degrees = [self.left.pop(0) for _ in range(4)]
            files = [_with_degree(session, degree) for degree in degrees]
            first, *rest = (
                Proposal(hypothesis=str(d), files=f) for d, f in zip(degrees, files, strict=True)
            )
            await session.submit(replace(first, variants=tuple(rest)))

    played = play(tmp_path, max_trials=7, sessions=3, plugins=[Offers(Variants(*range(5, 60)))])
    assert played.reason == "used up: 7 trials"
    assert len(trials(played)) == 8


def test_a_deadline_ends_the_run(tmp_path: Path) -> None:
    assert play(tmp_path, deadline="1s").reason == "used up: the deadline"


def test_a_run_without_improvement_ends(tmp_path: Path) -> None:
    class Discards:
        @hookimpl
        def autores_decide(self) -> Decision:
            return Decision(verdict=Verdict.DISCARD, policy="discards")

    plugins = [Offers(Writes(5, 6, 7, 8, 9)), Discards()]
    played = play(tmp_path, idle_trials=3, plugins=plugins)
    assert played.reason == "used up: 3 trials without improvement"
    assert len(trials(played)) == 4


def test_a_run_goes_on_where_it_was(tmp_path: Path) -> None:
    played = play(tmp_path, max_trials=4)
    before = trials(played)
    after = trials(play_on(played, max_trials=9, policy="strict"))
    assert after[:5] == before
    assert len(after) == 10


def test_a_request_to_stop_drains(tmp_path: Path) -> None:
    stop = Stop()

    class Stops(Writes):
        async def run(self, session: Session) -> None:
            stop.request("enough", by_person=True)
            await super().run(session)

    played = play(tmp_path, stop=stop, plugins=[Offers(Stops(5, 6))])
    assert (played.reason, len(trials(played))) == ("enough", 1)


# ------------------------------------------------------------------------------- faults


def test_an_agent_that_raises_costs_its_session_alone(tmp_path: Path) -> None:
    class Stumbles(Writes):
        stumbled = 0

        async def run(self, session: Session) -> None:
            self.stumbled += 1
            if self.stumbled % 2:
                raise ValueError("stumbled")
            await super().run(session)

    played = play(tmp_path, plugins=[Offers(Stumbles(5, 6))])
    assert len(trials(played)) == 3
    transcripts = [p.read_text() for p in (played.root / "sessions").glob("*.jsonl")]
    assert sum("stumbled" in text for text in transcripts) >= 2


def test_agents_that_never_submit_end_the_run(tmp_path: Path) -> None:
    class Idle:
        async def run(self, session: Session) -> None:
            return

    played = play(tmp_path, give_up=3, plugins=[Offers(Idle())])
    assert played.reason == "3 sessions in a row submitted nothing"


def test_agents_that_always_fail_fail_the_run(tmp_path: Path) -> None:
    class Stumbles:
        async def run(self, session: Session) -> None:
            raise ValueError("stumbled")

    with pytest.raises(RunFailed, match=r"3 sessions in a row .* ValueError: stumbled"):
        play(tmp_path, give_up=3, plugins=[Offers(Stumbles())])


def test_a_machine_that_loses_every_trial_gets_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measure = toy._measure

    def breaks(world: Any, numbers: Any, *rest: Any) -> Any:
        if numbers["degree"] >= 5:
            raise RuntimeError("no more processes")
        return measure(world, numbers, *rest)

    monkeypatch.setattr(toy, "_measure", breaks)
    with pytest.raises(RunFailed, match=r"3 trials in a row were lost; .* no more processes"):
        play(tmp_path, give_up=3, plugins=[Offers(Writes(5, 6, 7, 8, 9))])
    left = Played(root=tmp_path / "run", environment=_environment(tmp_path), reason="")
    assert len(trials(left)) == 4


def test_an_agent_that_hangs_is_ended(tmp_path: Path) -> None:
    class Hangs(Writes):
        hung = False

        async def run(self, session: Session) -> None:
            if not self.hung:
                self.hung = True
                await asyncio.sleep(1000)
            await super().run(session)

    played = play(tmp_path, thinking="1s", plugins=[Offers(Hangs(5))])
    assert len(trials(played)) == 2


def test_waiting_for_an_evaluation_is_not_thinking(tmp_path: Path) -> None:
    played = play(
        tmp_path, profile="slow", thinking="0.2s", max_trials=3, sessions=3, policy="strict"
    )
    assert len(trials(played)) == 4


def test_the_same_tree_twice_is_refused(tmp_path: Path) -> None:
    agent = Writes(5, 4, 5)
    found = trials(play(tmp_path, plugins=[Offers(agent)], policy="confirm"))
    assert [t.cause for t in found[2:]] == [Cause.ILLEGAL, Cause.ILLEGAL]
    assert "changed" in found[2].detail and "trial 1" in found[3].detail


def test_more_submissions_than_allowed_end_the_session(tmp_path: Path) -> None:
    class Eager(Writes):
        async def run(self, session: Session) -> None:
            await super().run(session)
            with pytest.raises(SessionOver):
                await session.submit(Proposal(hypothesis="one more"))

    assert len(trials(play(tmp_path, plugins=[Offers(Eager(5))]))) == 2


def test_a_session_may_submit_again_where_that_is_allowed(tmp_path: Path) -> None:
    class Twice:
        async def run(self, session: Session) -> None:
            for degree in (5, 6):
                session.workspace.replace("fit.py", *_degree(session, degree))
                await session.submit(Proposal(hypothesis=f"degree {degree}"))
            raise Exhausted("both")

    found = trials(play(tmp_path, submissions=2, plugins=[Offers(Twice())]))
    assert [t.submission.call for t in found] == ["seed", "#0", "#1"]
    assert len({t.submission.session for t in found[1:]}) == 1


def test_a_deleted_workspace_costs_its_session_alone(tmp_path: Path) -> None:
    class Deletes(Writes):
        done = False

        async def run(self, session: Session) -> None:
            if not self.done:
                self.done = True
                shutil.rmtree(session.workspace.folder)
            await super().run(session)

    assert len(trials(play(tmp_path, plugins=[Offers(Deletes(5, 6))]))) >= 2


def test_an_event_hook_that_raises_is_logged_and_no_more(tmp_path: Path) -> None:
    class Raises:
        @hookimpl
        def autores_event(self, event: object) -> None:
            raise ValueError("no")

    assert len(trials(play(tmp_path, max_trials=2, plugins=[Raises()]))) == 3


def test_a_policy_that_raises_fails_the_run_and_loses_nothing(tmp_path: Path) -> None:
    class Raises:
        @hookimpl
        def autores_decide(self, trial: Trial) -> Decision:
            raise ValueError("cannot decide")

    with pytest.raises(RunFailed, match=r"trial 1 cannot be taken to its end: .* cannot decide"):
        play(tmp_path, plugins=[Offers(Writes(5)), Raises()])
    left = Played(root=tmp_path / "run", environment=_environment(tmp_path), reason="")
    found = trials(play_on(left, max_trials=1))
    assert len(found) == 2 and found[1].finished


def test_looks_that_measure_nothing_end_a_trial(tmp_path: Path) -> None:
    class Asks:
        @hookimpl
        def autores_decide(self, trial: Trial) -> Decision:
            return Decision(verdict=Verdict.MEASURE, policy="asks", reason="never enough")

    found = trials(play(tmp_path, plugins=[Offers(Writes(5)), Asks()]))
    assert found[1].status is Status.HARNESS_ABORT


def test_a_policy_gets_the_looks_that_it_asks_for(tmp_path: Path) -> None:
    class AsksOnce:
        @hookimpl
        def autores_decide(self, trial: Trial) -> Decision:
            if trial.looks == 1:
                pair = Request(trials=(trial.id, 0), looks=3)
                return Decision(verdict=Verdict.MEASURE, policy="p", requests=(pair,))
            return Decision(verdict=Verdict.KEEP, policy="p")

    played = play(tmp_path, plugins=[Offers(Writes(5)), AsksOnce()])
    with played.reading() as found:
        ours, theirs = (
            [k.evaluation for k in found.store.looks(t) if k.evaluation.purpose is Purpose.CONFIRM]
            for t in (1, 0)
        )
    assert [e.pair for e in ours] == [e.pair for e in theirs]
    assert [e.seeds for e in ours] == [e.seeds for e in theirs]
    assert len({e.seeds for e in ours}) == 3


# --------------------------------------------------------------------------- properties


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    sessions=st.integers(1, 6),
    lives=st.lists(st.integers(1, 6), min_size=1, max_size=3),
    policy=st.sampled_from(["strict", "confirm", "milestone"]),
    lineage=st.booleans(),
)
def test_however_often_a_run_is_taken_up_its_lineage_is_sound(
    tmp_path_factory: pytest.TempPathFactory,
    sessions: int,
    lives: list[int],
    policy: str,
    lineage: bool,
) -> None:
    folder, total = tmp_path_factory.mktemp("lives"), 0
    played: Played | None = None
    for more in lives:
        total += more
        given_ = {"max_trials": total, "sessions": sessions}
        played = (
            play(folder, policy=policy, lineage=lineage, **given_)
            if played is None
            else play_on(played, **given_)
        )
        found = trials(played)
        assert [t.id for t in found] == list(range(total + 1))
        assert all(t.finished for t in found)


def _environment(folder: Path) -> Environment:
    return Environment(data_dir=folder / "data", cache_dir=folder / "cache")
