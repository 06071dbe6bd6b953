"""`autores steer`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from autores.cli.options import json_option, located, run_argument, tell
from autores.config import Environment
from autores.errors import UserError
from autores.events import Steered
from autores.reading import Reading, reading
from autores.records import Trial
from autores.rendering import Facts
from autores.steering import Action, Course, Steering

_NEEDS_TEXT = (Action.HINT, Action.BLOCK, Action.BLOCK_IDEA, Action.QUEUE, Action.DROP)


@click.command()
@run_argument
@click.argument("action", required=False, type=click.Choice([action.value for action in Action]))
@click.argument("what", required=False, default="")
@json_option
def steer(run: Path, action: str | None, what: str, as_json: bool) -> None:
    """Change the course of RUN, on record: every report says that it was steered.

    \b
    hint TEXT         every session is told this from now on
    pin TRIAL         sessions start from this trial; `unpin` ends that
    block KNOB        refuse edits of a symbol or setting, such as train.py::lr
    block-idea WORDS  refuse hypotheses that have all these words
    queue TEXT        one session works on this
    drop TEXT         take a hint, a block or a queued idea back
    stop [WHY]        end the run once its sessions have finished

    Without an action: what holds now.
    """  # noqa: D301
    environment = Environment.read()
    with reading(located(run, environment), environment) as found:
        steering = Steering(found.store)
        if action is not None:
            event = _event(found, steering.course, Action(action), what.strip())
            found.store.append(lambda head: (event,))
        course = steering.course
        tell(Facts(text="\n".join(_lines(course)), data=course), as_json=as_json)


def _event(found: Reading, course: Course, action: Action, what: str) -> Steered:
    if found.manifest.settings.get("lineage") is False and action is not Action.STOP:
        raise UserError("sessions of this run see nothing but their own rows: it cannot be steered")
    if action in _NEEDS_TEXT and not what:
        raise UserError(f"say what: autores steer RUN {action.value} TEXT")
    if action is Action.DROP and what not in _texts(course):
        raise UserError(f"nothing says {what!r}; `autores steer RUN` lists what holds")
    trial = _pinned(found, what).id if action is Action.PIN else None
    return Steered(action=action.value, text=what, trial=trial)


def _pinned(found: Reading, what: str) -> Trial:
    """A trial that sessions can start from."""
    if not what.isdecimal():
        raise UserError("pin takes the number of a trial")
    trial = found.store.get(int(what))
    if not trial.finished or not trial.visible:
        raise UserError(f"trial {trial.id} is no place to start from: it is hidden or not finished")
    return trial


def _texts(course: Course) -> set[str]:
    several = (course.hints, course.knobs, course.ideas, course.queued)
    return {said.text for saids in several for said in saids}


def _lines(course: Course) -> Iterator[str]:
    for name, saids in (
        ("hint", course.hints),
        ("blocked", course.knobs),
        ("blocked idea", course.ideas),
        ("queued", course.queued),
    ):
        yield from (f"{name:<13} {said.text}" for said in saids)
    if course.pinned is not None:
        yield f"pinned        trial {course.pinned}"
    yield f"steered       {course.changes} times"
