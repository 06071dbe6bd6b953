"""Hand a change over to be measured, and learn what came of it."""

from __future__ import annotations

from autores.agent import Feedback, Proposal, SessionOver
from autores.fence import quote
from autores.plugins.tools.checks import told
from autores.plugins.tools.lineage import row
from autores.status import Status
from autores.tools import ToolContext, tool

OVER = "Nothing more can be submitted in this session; end your turn."
MARGIN = 5.0
"""Seconds that an answer gets to reach who asked."""


@tool(alone=True)
async def submit_trial(
    context: ToolContext,
    hypothesis: str,
    expected_delta: float | None = None,
    notes: str = "",
    cites: tuple[int, ...] = (),
    merges: tuple[int, ...] = (),
) -> str:
    """Freeze your copy as a trial and have it measured. Answers at once with the trial's number.

    Args:
        hypothesis: One sentence: what was changed, why it should help.
        expected_delta: Signed, in the metric's unit: what the score should change by.
        notes: Anything that who reads the trial later should know.
        cites: Numbers of trials whose evidence you used.
        merges: Numbers of trials from which you took parts over as they stand there, also
            parts that are not yours to edit. They have passed the gates.
    """
    proposal = Proposal(
        hypothesis=hypothesis,
        expected_delta=expected_delta,
        notes=notes,
        cites=cites,
        merges=merges,
        call=context.call,
    )
    try:
        number = await context.session.begin(proposal)
    except SessionOver as error:
        return f"not submitted: {error}. {OVER}"
    return f"submitted as trial {number}; ask wait_trial({number}) for what comes of it"


@tool()
async def wait_trial(context: ToolContext, trial: int) -> str:
    """Wait for what comes of your submission: its status, its score, and what to do about it.

    Args:
        trial: The number that submit_trial gave.
    """
    feedback = await context.session.wait(trial, max(1.0, context.patience - MARGIN))
    if feedback is None:
        return f"trial {trial} is still being measured; call wait_trial({trial}) again"
    return answered(context, feedback)


def answered(context: ToolContext, feedback: Feedback) -> str:
    """What came of a submission, in words."""
    found = feedback.trial
    lines = [row(context, found)]
    lines += [told(feedback.violations)] if feedback.violations else []
    lines += [f"detail: {quote(found.detail, 400)}"] if found.detail else []
    if found.decision is not None and found.decision.reason:
        lines.append(f"decision: {found.decision.reason}")
    if found.status is Status.HARNESS_ABORT:
        lines.append("This was our failure: it says nothing of the idea.")
    if not feedback.more:
        lines.append(OVER)
    elif found.status in (Status.LEAD, Status.KEEP):
        lines.append(f"rebase_to({found.id}) makes it your starting point.")
    else:
        lines.append("Your copy is as you submitted it; undo_edits goes back to where you began.")
    return "\n".join(lines)


TOOLS = (submit_trial, wait_trial)
