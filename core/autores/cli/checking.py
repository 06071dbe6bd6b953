"""`autores check` and `autores prepare`."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Any

import click

from autores.cli.options import given, json_option, run_options, settings_options, tell
from autores.errors import ExitCode, unknown
from autores.gatekeeper import DirectGates
from autores.loading import Loaded, load, load_task
from autores.progress import progress
from autores.records import Severity, Submission, Violation
from autores.rendering import Facts
from autores.workspace.folder import Folder
from autores.workspace.names import RefusedNames
from autores.workspace.radius import edit_size
from autores.workspace.repository import CodeRepository


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--as", "specialist", help="whose surfaces count; else a generalist's")
@run_options
@settings_options
@json_option
def check(folder: Path, specialist: str | None, as_json: bool, **options: Any) -> int:
    """Ask a task's gates what they think of FOLDER, as an edit of the task's recipe.

    Nothing is submitted and nothing of it runs. The exit code is 1 where it is refused.
    """
    options["arm"] = options["arm"] or ("specialists" if specialist else "generalist")
    choice = given(**options)
    with progress("ask the gates"):
        loaded = load(choice.settings, choice.plugins)
        found = asyncio.run(_violations(folder, loaded, specialist))
    text = "\n".join(f"{v.severity.value}: {v}" for v in found) or "no objection"
    tell(Facts(text=text, data=found), as_json=as_json)
    refused = any(v.severity is Severity.REFUSE for v in found)
    return ExitCode.FAILED if refused else ExitCode.DONE


async def _violations(
    folder: Path, loaded: Loaded, specialist: str | None
) -> tuple[Violation, ...]:
    who = specialist or next(iter(loaded.specialists))
    if who not in loaded.specialists:
        raise unknown("specialist", who, loaded.specialists)
    contents = Folder(folder).scan()
    if contents.violations:
        return tuple(contents.violations)
    with tempfile.TemporaryDirectory() as scratch:
        code = CodeRepository.create(Path(scratch) / "code.git")
        seed = code.seed(Path(loaded.task.recipe.path))
        try:
            commit = code.commit(contents.files, [seed])
        except RefusedNames as error:
            return error.violations
        submission = Submission(
            commit=commit,
            tree=code.tree(commit).id,
            parents=(0,),
            hypothesis="",
            specialist=who,
            session="",
            call="check",
            edit=edit_size(code.tree(seed), code.tree(commit), loaded.task.recipe),
        )
        gates = await DirectGates.start(code.path, loaded)
        return await gates.check(submission, loaded.specialists[who])


@click.command()
@run_options
@settings_options
def prepare(**options: Any) -> None:
    """Fetch, generate or check the data of a task, once for this machine."""
    choice = given(**options)
    task, _ = load_task(choice.settings, choice.plugins)
    data_dir = choice.settings.environment.data_dir
    data_dir.mkdir(parents=True, exist_ok=True)
    with progress(f"prepare {task.name}"):
        world = choice.plugins.hook.autores_prepare(task=task, data_dir=data_dir)
    click.echo(f"{task.name} is prepared in {data_dir}" + (f", world {world}" if world else ""))
