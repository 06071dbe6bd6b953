"""Trials that nobody proposed: made to be measured beside others, and never to lead."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from autores.baseline import SEED
from autores.errors import UserError
from autores.events import Accepted, Body, Decided, Gated, Head
from autores.lineage.store import DuplicateSubmission
from autores.records import Decision, Severity, Submission
from autores.run import Run
from autores.status import Cause, Verdict
from autores.workspace.names import RefusedNames
from autores.workspace.radius import edit_size


async def add_trial(
    run: Run,
    files: Mapping[str, bytes],
    parents: Sequence[int],
    *,
    hypothesis: str,
    by: str,
    call: str,
) -> int:
    """Accept a tree and let the gates see it; the trial's number.

    Args:
        run: Open for measuring.
        files: The whole tree.
        parents: Trials; the first is the one whose tree was edited.
        hypothesis: What it is for.
        by: What stands in the specialist's place.
        call: The same call gives the same trial again.

    Raises:
        UserError: The gates refuse it.
    """
    submission = await _submission(run, files, parents, hypothesis=hypothesis, by=by, call=call)
    violations = await run.gates.check(submission, SEED)
    refused = [v for v in violations if v.severity is Severity.REFUSE]
    cause = refused[0].cause if refused else Cause.VALID

    def accepted(head: Head) -> tuple[Body, ...]:
        trial = head.next_trial
        gated = Gated(trial=trial, violations=tuple(violations), cause=cause)
        return Accepted(trial=trial, submission=submission, arm=by), gated

    try:
        first = (await run.desk.append(accepted))[0].body
    except DuplicateSubmission as error:
        return error.trial
    assert isinstance(first, Accepted)
    await run.desk.refs(lambda code: code.publish({first.trial: submission.commit}))
    if refused:
        raise UserError(f"{hypothesis}: the gates refuse it: {refused[0]}")
    return first.trial


async def _submission(
    run: Run,
    files: Mapping[str, bytes],
    parents: Sequence[int],
    *,
    hypothesis: str,
    by: str,
    call: str,
) -> Submission:
    commits = [run.store.get(parent).submission.commit for parent in parents]
    try:
        commit = await run.desk.code(lambda code: code.commit(files, commits, hypothesis, by))
    except RefusedNames as error:
        raise UserError(f"{hypothesis}: {error.violations[0]}") from None
    tree = run.code.tree(commit)
    return Submission(
        commit=commit,
        tree=tree.id,
        parents=tuple(parents),
        hypothesis=hypothesis,
        specialist=by,
        session=by,
        call=call,
        edit=edit_size(run.code.tree(commits[0]), tree, run.task.recipe),
    )


async def lay_aside(run: Run, trial: int, *, policy: str, reason: str) -> None:
    """Finish a trial that was measured for a question and is no contender."""
    found = run.store.get(trial)
    if found.cause is Cause.VALID and not found.finished:
        decision = Decision(verdict=Verdict.DISCARD, policy=policy, reason=reason)
        await run.desk.append(lambda head: (Decided(trial=trial, decision=decision),))
