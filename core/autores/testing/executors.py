"""What every executor must do, as tests: inherit from `ExecutorSuite` and say how to make one.

class TestMine(ExecutorSuite):
@pytest.fixture
def make_executor(self, tmp_path):
return lambda: Mine(folder=tmp_path)
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from autores.errors import UserError
from autores.evaluator.request import EvaluationRequest
from autores.evaluator.signing import key_name, verify
from autores.evaluator.trees import FileTree
from autores.executor import Executor, Job, Priority, Result
from autores.records import Evaluation, Outcome, Purpose
from autores.status import Cause
from autores.testing import toy

MakeExecutor = Callable[[], Executor]
LONG_S = 1.0
"""An evaluation that is under way while other things happen."""
SPELL_S = 60.0
"""In which an executor should have done anything that is asked of it here."""


@dataclass
class Code:
    """Trees by commit, without git."""

    trees: dict[str, FileTree] = field(default_factory=dict)

    def add(self, **numbers: float) -> str:
        """A commit of the toy recipe with some of its numbers changed."""
        path = Path(toy.__file__).parent / "recipe" / "fit.py"
        lines = [path.read_text(), *(f"{name} = {value}" for name, value in numbers.items())]
        tree = FileTree({"fit.py": "\n".join(lines).encode()})
        self.trees[tree.id] = tree
        return tree.id

    def tree(self, commit: str) -> FileTree:
        """The files of a commit."""
        return self.trees[commit]


@dataclass
class ToyJobs:
    """Makes jobs of the toy task."""

    folder: Path
    code: Code = field(default_factory=Code)

    def __post_init__(self) -> None:
        self.task = toy.autores_task(profile="")
        self.data.mkdir(parents=True, exist_ok=True)
        toy.autores_prepare(task=self.task, data_dir=self.data)

    @property
    def data(self) -> Path:
        """Where the task's secret lies."""
        return self.folder / "data"

    def request(
        self, trial: int, ordinal: int = 0, *, commit: str = "", pause: float = 0.0
    ) -> EvaluationRequest:
        """One evaluation, which takes at least `pause` seconds."""
        commit = commit or self.code.add()
        return EvaluationRequest(
            evaluation=Evaluation(
                trial=trial, ordinal=ordinal, purpose=Purpose.FIRST, commit=commit, seeds=(ordinal,)
            ),
            tree=self.code.trees[commit].id,
            task=replace(self.task, sizes={**self.task.sizes, "pause": pause}),
            plugin=toy.__name__,
            limits=toy.autores_budget(task=self.task),
            data_dir=str(self.data),
            secret=f"{trial:032x}",
        )

    def job(
        self, name: str, *requests: EvaluationRequest, priority: Priority = Priority.TRIAL
    ) -> Job:
        """A job of these evaluations; of one of the seed recipe if there are none."""
        chosen = requests or (self.request(0),)
        return Job(
            name=name,
            requests=chosen,
            code=self.code,
            folder=self.folder / "jobs" / name,
            keys={key_name(r.evaluation): key_of(name, r) for r in chosen},
            priority=priority,
        )


def key_of(name: str, request: EvaluationRequest) -> bytes:
    """A key that is easily recognised."""
    return f"{name}/{key_name(request.evaluation)}".encode().ljust(32, b"*")


def outcomes(job: Job, results: list[Result]) -> Mapping[int, Outcome]:
    """Position to verified outcome.

    Raises:
        BadSignature: A result was not signed for its evaluation.
    """
    return {r.position: _verified(job, r) for r in results}


def _verified(job: Job, result: Result) -> Outcome:
    request = job.requests[result.position]
    key = job.keys[key_name(request.evaluation)]
    return verify(result.payload, key, request.evaluation, request.tree)


async def results_of(executor: Executor, handle: str) -> list[Result]:
    """All results of a job."""
    return [result async for result in executor.watch(handle)]


@asynccontextmanager
async def closing(make: MakeExecutor) -> AsyncIterator[Executor]:
    """An executor that is closed afterwards."""
    executor = make()
    try:
        yield executor
    finally:
        await executor.close()


def play(make: MakeExecutor, scene: Callable[[Executor], Awaitable[None]]) -> None:
    """Run a test in an event loop, within its time."""

    async def timed() -> None:
        async with asyncio.timeout(SPELL_S), closing(make) as executor:
            await scene(executor)

    asyncio.run(timed())


async def fill(executor: Executor, jobs: ToyJobs, pause: float = LONG_S) -> list[str]:
    """Start as many long jobs as run at the same time."""
    return [
        await executor.start(jobs.job(f"long-{n}", jobs.request(100 + n, pause=pause)))
        for n in range(executor.capacity().jobs)
    ]


class ExecutorSuite:
    """Inherit, and override `make_executor`."""

    @pytest.fixture
    def make_executor(self) -> MakeExecutor:
        """How to make the executor that is tested; called inside the event loop."""
        raise NotImplementedError("override the fixture `make_executor`")

    @pytest.fixture
    def jobs(self, tmp_path: Path) -> Iterator[ToyJobs]:
        """Makes jobs; where nodes do not share `tmp_path`, override it."""
        yield ToyJobs(tmp_path)

    def test_capacity_says_what_it_has(self, make_executor: MakeExecutor) -> None:
        """At least one job, and a word for the hardware."""

        async def scene(executor: Executor) -> None:
            capacity = executor.capacity()
            assert capacity.jobs >= 1
            assert capacity.cpus >= 1
            assert capacity.hardware

        play(make_executor, scene)

    def test_every_evaluation_has_its_result(
        self, make_executor: MakeExecutor, jobs: ToyJobs
    ) -> None:
        """Also one that fails, and those behind it."""
        bad = jobs.code.add(degree=100)
        requests = (jobs.request(1, 0), jobs.request(1, 1, commit=bad), jobs.request(1, 2))
        job = jobs.job("three", *requests)

        async def scene(executor: Executor) -> None:
            found = outcomes(job, await results_of(executor, await executor.start(job)))
            causes = [found[position].cause for position in range(3)]
            assert causes == [Cause.VALID, Cause.MEMORY, Cause.VALID]
            assert found[0].score != found[2].score

        play(make_executor, scene)

    def test_results_do_not_depend_on_who_runs_beside(
        self, make_executor: MakeExecutor, jobs: ToyJobs
    ) -> None:
        """Many jobs; each has its own results, and equal evaluations agree."""
        many = [jobs.job(f"job-{n}", jobs.request(n % 3, n % 3)) for n in range(6)]

        async def scene(executor: Executor) -> None:
            handles = [await executor.start(job) for job in many]
            lists = await asyncio.gather(*(results_of(executor, h) for h in handles))
            pairs = zip(many, lists, strict=True)
            scores = [outcomes(job, results)[0].score for job, results in pairs]
            assert scores[:3] == scores[3:]
            assert len(set(scores)) == 3

        play(make_executor, scene)

    def test_results_wait_for_their_watcher(
        self, make_executor: MakeExecutor, jobs: ToyJobs
    ) -> None:
        """A job that ended before anybody watched."""
        job = jobs.job("early")

        async def scene(executor: Executor) -> None:
            handle = await executor.start(job)
            while await executor.find(job.name) is not None:
                await asyncio.sleep(0.02)
            assert set(outcomes(job, await results_of(executor, handle))) == {0}

        play(make_executor, scene)

    def test_start_returns_at_once(self, make_executor: MakeExecutor, jobs: ToyJobs) -> None:
        """Whether or not there is room."""

        async def scene(executor: Executor) -> None:
            begun = time.monotonic()
            await fill(executor, jobs)
            await executor.start(jobs.job("waits"))
            assert time.monotonic() - begun < LONG_S

        play(make_executor, scene)

    def test_a_job_is_found_by_name_until_it_ends(
        self, make_executor: MakeExecutor, jobs: ToyJobs
    ) -> None:
        """And can be watched by what was found."""
        job = jobs.job("sought", jobs.request(1, pause=0.2))

        async def scene(executor: Executor) -> None:
            await executor.start(job)
            handle = await executor.find("sought")
            assert handle is not None
            assert len(await results_of(executor, handle)) == 1
            assert await executor.find("sought") is None
            assert await executor.find("never") is None

        play(make_executor, scene)

    def test_a_job_that_waits_can_be_cancelled(
        self, make_executor: MakeExecutor, jobs: ToyJobs
    ) -> None:
        """It never begins, and those behind it do."""

        async def scene(executor: Executor) -> None:
            await fill(executor, jobs, pause=0.3)
            waits, behind = jobs.job("waits"), jobs.job("behind")
            handles = [await executor.start(waits), await executor.start(behind)]
            await executor.cancel(handles[0])
            assert await results_of(executor, handles[0]) == []
            assert len(await results_of(executor, handles[1])) == 1

        play(make_executor, scene)

    def test_a_job_that_runs_can_be_cancelled(
        self, make_executor: MakeExecutor, jobs: ToyJobs
    ) -> None:
        """Its watcher is released; evaluations that had not ended have no result."""
        requests = (jobs.request(1), *(jobs.request(1, n, pause=LONG_S) for n in range(1, 30)))
        job = jobs.job("endless", *requests)

        async def scene(executor: Executor) -> None:
            handle = await executor.start(job)
            watching = executor.watch(handle)
            first = await anext(watching)
            await executor.cancel(handle)
            assert await executor.find(job.name) is None
            rest = [result async for result in watching]
            assert 0 in outcomes(job, [first, *rest])
            assert len(rest) < 3

        play(make_executor, scene)

    def test_cancelling_what_has_ended_does_nothing(
        self, make_executor: MakeExecutor, jobs: ToyJobs
    ) -> None:
        """Nor what never was."""
        job = jobs.job("ended")

        async def scene(executor: Executor) -> None:
            handle = await executor.start(job)
            while await executor.find(job.name) is not None:
                await asyncio.sleep(0.02)
            await executor.cancel(handle)
            await executor.cancel("never")
            assert len(await results_of(executor, handle)) == 1

        play(make_executor, scene)

    def test_better_priority_goes_first(self, make_executor: MakeExecutor, jobs: ToyJobs) -> None:
        """A claim that came last overtakes what waits."""
        order = []

        async def see(executor: Executor, job: Job) -> None:
            await results_of(executor, await executor.start(job))
            order.append(job.priority)

        async def scene(executor: Executor) -> None:
            await fill(executor, jobs, pause=0.5)
            size = executor.capacity().jobs
            waiting = [
                jobs.job(f"{p.name}-{n}", jobs.request(n, pause=0.2), priority=p)
                for p in (Priority.PROBE, Priority.TRIAL, Priority.CLAIM)
                for n in range(size)
            ]
            await asyncio.gather(*(see(executor, job) for job in waiting))
            assert order[0] is Priority.CLAIM
            assert order[-1] is Priority.PROBE

        play(make_executor, scene)

    def test_another_tree_than_the_submitted_one_has_no_score(
        self, make_executor: MakeExecutor, jobs: ToyJobs
    ) -> None:
        """Nor an outcome for which the candidate could be blamed."""
        request = replace(jobs.request(1), tree=jobs.code.trees[jobs.code.add(steps=3)].id)
        job = jobs.job("swapped", request)

        async def scene(executor: Executor) -> None:
            found = outcomes(job, await results_of(executor, await executor.start(job)))
            assert all(outcome.cause is Cause.HARNESS for outcome in found.values())

        play(make_executor, scene)

    def test_no_secret_is_left_behind(self, make_executor: MakeExecutor, jobs: ToyJobs) -> None:
        """Neither the signing keys nor the task's randomness."""
        job = jobs.job("secret", jobs.request(77))
        (request,) = job.requests
        secrets = [request.secret.encode(), *job.keys.values()]
        secrets += [key.hex().encode() for key in job.keys.values()]

        async def scene(executor: Executor) -> None:
            assert await results_of(executor, await executor.start(job))
            files = [path for path in job.folder.rglob("*") if path.is_file()]
            text = b"".join(path.read_bytes() for path in files)
            assert not any(secret in text for secret in secrets)

        play(make_executor, scene)

    def test_a_job_that_needs_too_much_is_refused(
        self, make_executor: MakeExecutor, jobs: ToyJobs
    ) -> None:
        """In words for the user."""

        async def scene(executor: Executor) -> None:
            job = replace(jobs.job("huge"), gpus=executor.capacity().gpus + 1)
            with pytest.raises(UserError):
                await executor.start(job)
            assert await executor.find("huge") is None

        play(make_executor, scene)

    def test_closing_ends_what_does_not_survive(
        self, make_executor: MakeExecutor, jobs: ToyJobs
    ) -> None:
        """Both what runs and what waits; their watchers are released."""

        async def scene(executor: Executor) -> None:
            handles = [*await fill(executor, jobs), await executor.start(jobs.job("waits"))]
            watching = [asyncio.create_task(results_of(executor, h)) for h in handles]
            await asyncio.sleep(0)
            if executor.survives:
                await asyncio.gather(*map(executor.cancel, handles))
            else:
                await executor.close()
            assert [await task for task in watching] == [[] for _ in handles]

        async def once() -> None:
            async with asyncio.timeout(SPELL_S):
                executor = make_executor()
                await scene(executor)
                if executor.survives:
                    await executor.close()

        asyncio.run(once())
