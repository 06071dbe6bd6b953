"""Lets tools run a candidate's code: as a job of the executor, behind everything else."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from autores.errors import AutoresError
from autores.evaluator import probe
from autores.evaluator.request import EvaluationRequest
from autores.evaluator.signing import KEY_BYTES, BadSignature, key_name, verify
from autores.evaluator.trees import FileTree
from autores.executor import Executor, Job, Priority
from autores.records import Evaluation, Limits, Outcome, Purpose, Task
from autores.status import Cause


class ProbeFailed(AutoresError):
    """The probe could not be run; that says nothing of the candidate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Probes:
    """What all probes of a run have in common."""

    executor: Executor
    task: Task
    limits: Limits
    folder: Path
    """Where the folders of probes come and go."""
    min_level: str = "none"
    sandbox: str = ""

    def beside(self, files: Callable[[], Mapping[str, bytes]]) -> ProbesBeside:
        """Probes of one workspace, whose files are asked for at each of them."""
        return ProbesBeside(self, files)


@dataclass(frozen=True, slots=True)
class ProbesBeside:
    """The `autores.tools.Jobs` of one session."""

    probes: Probes
    workspace: Callable[[], Mapping[str, bytes]]

    async def probe(
        self, argv: tuple[str, ...], *, files: Mapping[str, bytes], seconds: float
    ) -> str:
        """Run a program in a copy of the workspace; what it printed, escaped and capped.

        Args:
            argv: The command; a first word `python` is the candidate's interpreter. Its
                working directory is the copy, which it cannot write.
            files: What lies in the copy besides, and instead of files of the same name.
            seconds: How long it may take once it runs.

        Raises:
            ProbeFailed: It could not be run.
            BadTree: A path of `files` or of the workspace is not plain.
        """
        tree = FileTree({**self.workspace(), **files})
        outcome = await self._run(self._job(argv, tree, seconds))
        if outcome.cause is Cause.HARNESS or not outcome.measurements:
            raise ProbeFailed(outcome.detail)
        said = outcome.measurements[0].log.rstrip("\n")
        return "\n".join(part for part in (said, outcome.detail) if part)

    def _job(self, argv: tuple[str, ...], tree: FileTree, seconds: float) -> Job:
        name = f"probe-{secrets.token_hex(8)}"
        common = self.probes
        request = EvaluationRequest(
            evaluation=Evaluation(
                trial=0,
                ordinal=0,
                purpose=Purpose.FIRST,
                commit=tree.id,
                seeds=(0,),
                sandbox=common.sandbox,
            ),
            tree=tree.id,
            task=replace(common.task, sizes={"argv": list(argv)}),
            plugin=probe.__name__,
            limits=replace(common.limits, wall={probe.PHASE: seconds}),
            data_dir=str((common.folder / name).absolute()),  # a probe has no data
            secret=secrets.token_hex(16),
            min_level=common.min_level,
        )
        return Job(
            name=name,
            requests=(request,),
            code=_OneTree(tree),
            folder=common.folder / name,
            keys={key_name(request.evaluation): secrets.token_bytes(KEY_BYTES)},
            gpus=common.limits.gpus,
            priority=Priority.PROBE,
        )

    async def _run(self, job: Job) -> Outcome:
        executor, (request,), (key,) = self.probes.executor, job.requests, job.keys.values()
        handle = await executor.start(job)
        try:
            async for result in executor.watch(handle):
                return verify(result.payload, key, request.evaluation, request.tree)
        except BadSignature as error:
            raise ProbeFailed(f"its result was refused: {error}") from None
        finally:
            await executor.cancel(handle)
            shutil.rmtree(job.folder, ignore_errors=True)
        raise ProbeFailed("its evaluator was lost; try again")


@dataclass(frozen=True, slots=True)
class _OneTree:
    only: FileTree

    def tree(self, commit: str) -> FileTree:
        return self.only
