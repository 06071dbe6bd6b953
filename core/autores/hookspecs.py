"""All hooks, in the order in which a run meets them: the file that a plugin's author reads.

A plugin is a module (or an object) with functions of these names, marked with
`@autores.hookimpl`. An implementation may leave out arguments that it does not need. Hooks
are synchronous and never cross a process. Records are frozen; nothing that a hook receives
may be kept beyond the call unless its text says so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from collections.abc import Iterable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from autores.agent import Agent, Section, SessionBrief
    from autores.config import SettingsBook
    from autores.evaluator.arena import Arena
    from autores.evaluator.request import EvaluationRequest
    from autores.events import Event
    from autores.executor import Executor
    from autores.lineage.store import LineageStore
    from autores.lineage.view import LineageView
    from autores.moves import Move
    from autores.records import (
        Decision,
        Limits,
        Outcome,
        Specialist,
        Submission,
        Task,
        Tree,
        Trial,
        Violation,
    )
    from autores.scene import Scene
    from autores.tools import Tool
    from autores.turns import Turn
    from autores.verify import Check

hookspec = pluggy.HookspecMarker("autores")

# ------------------------------------------------------------------------- environment


@hookspec(firstresult=True)
def autores_task(profile: str) -> Task | None:
    """Describe the environment.

    Called when a run, a check or a listing uses the task, in the supervisor and again in
    the worker that runs the gates. Must be cheap: no data is read here.

    Args:
        profile: What the user asked for; empty for the task's default.

    Returns:
        The task in that profile.

    Raises:
        UserError: There is no such profile.
    """


@hookspec(firstresult=True)
def autores_prepare(task: Task, data_dir: Path) -> str | None:
    """Fetch, generate or check the task's data.

    Called before a run's first evaluation and by `autores prepare`. Idempotent: what is
    there and whole is kept. What no candidate may see goes under a folder `held_out` of
    mode 0700.

    Args:
        task: In its profile.
        data_dir: Where prepared data lies on this machine; shared by all runs.

    Returns:
        The world's id where the data are drawn from a secret key: scores compare only
        within one world. None or an empty string where there is no such thing.

    Raises:
        UserError: Something is missing that the user can supply.
    """


@hookspec(firstresult=True)
def autores_budget(task: Task) -> Limits | None:
    """Say what one evaluation may use.

    Called once when a run opens. The limits are written into `run.toml` and into every
    request; the evaluator enforces them.

    Args:
        task: In its profile.

    Returns:
        The limits of one evaluation.
    """


@hookspec
def autores_legality(
    task: Task,
    submission: Submission,
    tree: Tree,
    specialist: Specialist,
    settings: SettingsBook,
) -> Iterable[Violation] | None:
    """Object to a submission before anything of it runs.

    Called in a worker process with a plugin manager of its own, which is killed at its time
    limit. All implementations are asked: the built-in gates, the task's own, anyone's.

    Args:
        task: In its profile.
        submission: What was frozen, with the edit's measured size.
        tree: The files of the commit; `tree.parent` is the tree that was edited.
        specialist: Who submits.
        settings: The run's settings; `settings.of(Settings)` are the plugin's own.

    Returns:
        What is wrong, in which place, and what would mend it; empty if nothing is. One
        violation of severity `refuse` refuses the submission. None: nothing is wrong.
    """


@hookspec(firstresult=True)
def autores_evaluate(request: EvaluationRequest, tree: Tree, arena: Arena) -> Outcome | None:
    """Measure one commit.

    Called in the evaluator process, which has loaded the task plugin alone. The candidate's
    code must never be imported here: `arena.spawn` runs it in its sandbox.

    Args:
        request: What is to be measured, with which seeds, limits and thresholds.
        tree: The files of the commit, already checked against its hash.
        arena: Spawns phases of the candidate, keeps the clocks, weighs the artifact.

    Returns:
        The outcome. Failures of the candidate are raised by the arena and become outcomes
        by themselves; any other exception is a `harness_abort`.
    """


@hookspec
def autores_tools(task: Task, settings: SettingsBook) -> Iterable[Tool] | None:
    """Offer tools to agents.

    Called once per run. All implementations are asked.

    Args:
        task: In its profile.
        settings: The run's settings.

    Returns:
        Tools, such as a projection of the artifact's size; `autores.tools.tool` makes them of
        functions. The task's own replaces a bundled one of the same name.
    """


@hookspec
def autores_moves(task: Task) -> Iterable[Move] | None:
    """Offer small named edits of the recipe to agents that search without a model.

    Called once per run. All implementations are asked.

    Args:
        task: In its profile.

    Returns:
        Moves; each applies only where the text that it replaces stands exactly once.
    """


# ------------------------------------------------------------------------- specialists


@hookspec
def autores_specialists() -> Iterable[Specialist] | None:
    """Offer points of view on recipes.

    Called once when a run opens; all installed specialist modules are loaded for it.

    Returns:
        Specialists; keys and aliases must be new.
    """


# ----------------------------------------------------------------------------- lineage


@hookspec(firstresult=True)
def autores_store(url: str) -> LineageStore | None:
    """Open or create the lineage that a URL names.

    Called once per run with the plugin whose name is the URL's scheme.

    Args:
        url: Such as `sqlite:runs/one/lineage.db`.

    Returns:
        The store, or None if the scheme is not this plugin's.

    Raises:
        UserError: The place cannot be opened, is locked, or is of a newer version.
    """


# -------------------------------------------------------------------------------- loop


@hookspec(firstresult=True)
def autores_agent(settings: SettingsBook) -> Agent | None:
    """Build the agent that works in the sessions.

    Called once per run. One agent serves all sessions, at the same time.

    Args:
        settings: The run's settings; `settings.of(Settings)` are the plugin's own.

    Returns:
        The agent.
    """


@hookspec(firstresult=True)
def autores_executor(settings: SettingsBook) -> Executor | None:
    """Build what runs evaluation jobs.

    Called once per run, in the main thread, inside the event loop.

    Args:
        settings: The run's settings; `settings.of(Settings)` are the plugin's own.

    Returns:
        The executor.
    """


@hookspec
def autores_context(
    view: LineageView, session: SessionBrief, settings: SettingsBook
) -> Iterable[Section] | None:
    """Tell a session where the run stands.

    Called when a session begins. All implementations are asked; sections are shown in the
    order of their `rank`, each cut to its own cap in bytes.

    Args:
        view: The lineage, already restricted to what this session's arm may see.
        session: Whose turn it is, from which trial.
        settings: The run's settings.

    Returns:
        Sections of text; none if there is nothing to say.
    """


@hookspec(firstresult=True)
def autores_next(view: LineageView, settings: SettingsBook) -> Turn | None:
    """Choose who works next, and from where.

    Called when one of the session slots is free. Stops at the first answer.

    Args:
        view: The whole lineage.
        settings: The run's settings; the specialists of the run stand in `view.specialists`.

    Returns:
        The specialist and the trial to start from. The bundled default goes round the
        specialists, each from the head.
    """


@hookspec(firstresult=True)
def autores_decide(trial: Trial, view: LineageView, settings: SettingsBook) -> Decision | None:
    """Decide on a trial from the records alone.

    Called after each valid outcome of the trial and, at milestones, for the head. Must be a
    pure function: an audit asks again and compares.

    Args:
        trial: With all that was measured of it.
        view: The whole lineage, as it is now.
        settings: The run's settings; `settings.of(Settings)` are the policy's own.

    Returns:
        Discard, lead or keep; or a request for further measurements.
    """


@hookspec
def autores_conditions(
    task: Task, trial: tuple[Outcome, ...], against: tuple[Outcome, ...]
) -> Iterable[Check] | None:
    """Add a task's own terms to the verdict of `autores verify`.

    Called once when fresh looks at both sides have been made. All implementations are asked.
    Significance, and the gates on pooled counts, are checked without this.

    Args:
        task: In its profile.
        trial: Outcomes of the fresh looks at the trial that is claimed to be better.
        against: Of those at the other, in the same order.

    Returns:
        Named conditions, each of which must hold, such as a least effect.
    """


@hookspec(firstresult=True)
def autores_certification(task: Task, data_dir: Path) -> str | None:
    """Say what the certification part of the held-out data is.

    Called by `autores certify`. A task that answers measures on that part alone when a request's
    evaluation has `split` `CERTIFICATION`.

    Args:
        task: In its profile.
        data_dir: Where `autores_prepare` has put the data.

    Returns:
        What it is, for people, such as `a withheld shard`; None where there is no such part.
    """


# ------------------------------------------------------------------------------ events


@hookspec
def autores_watch(scene: Scene, settings: SettingsBook) -> AbstractContextManager[object] | None:
    """Show a run, or follow it, from its beginning to its end.

    Called once when a run begins to work or is taken up again. What is returned is entered
    before the first event is handed over and left after the last, also when the run fails. It
    may have hooks of its own, methods that are marked with `hookimpl`: most have
    `autores_event`.

    Args:
        scene: What does not change, and a way to look at the rest. May be kept.
        settings: The run's settings; `settings.of(Settings)` are the plugin's own.

    Returns:
        A context manager; None where there is nothing to watch.
    """


@hookspec
def autores_event(event: Event, view: LineageView, settings: SettingsBook) -> None:
    """Notice what was appended.

    Called for every event in the order of the chain, at least once, off the critical path;
    after a crash the last few come again. All implementations are called. What one raises
    is logged, and the run goes on.

    Args:
        event: One link of the chain.
        view: The whole lineage, as it is now, which may be later than the event.
        settings: The run's settings.
    """
