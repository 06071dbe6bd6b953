"""The group of all commands: loaded when used, described without loading."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import click

from autores import __version__


@dataclass(frozen=True, slots=True)
class Lazy:
    """Where a command is, and what the listing says of it."""

    module: str
    help: str
    attribute: str = ""
    """Where the command's name is no name in Python."""


COMMANDS: Mapping[str, Lazy] = {
    "run": Lazy("running", "Improve a task's recipe; the default command."),
    "resume": Lazy("running", "Go on with a run that ended, was stopped or was killed."),
    "ls": Lazy("trials", "List runs, or the trials of a run."),
    "show": Lazy("trials", "Show all that is known of one trial."),
    "diff": Lazy("trials", "Show what two trials' code differs in."),
    "log": Lazy("trials", "Show how a trial came to be, step by step from the baseline."),
    "tree": Lazy("trials", "Show who was made from whom."),
    "best": Lazy("trials", "Show the best trial, or write its code into a folder."),
    "report": Lazy("reporting", "Write what a run was asked and found as one file."),
    "finalize": Lazy("finalizing", "Put what was kept on a branch of your own repository."),
    "export": Lazy("exporting", "Write a run's lineage or code for other programs."),
    "audit": Lazy("auditing", "Check that no record of a run was changed, cut or inserted."),
    "calibrate": Lazy("claims", "Measure the seed recipe and its noise."),
    "verify": Lazy("claims", "Measure a trial and another on fresh seeds, and judge."),
    "ablate": Lazy("evidence", "Measure what each step to the best contributes."),
    "transfer": Lazy("evidence", "Measure a trial in another profile or world."),
    "certify": Lazy("evidence", "Score the best once on data that nothing was chosen by."),
    "steer": Lazy("steering", "Change the course of a run, on record."),
    "compare": Lazy("comparing", "Run matched arms, and say how they differ."),
    "analyze": Lazy("analysing", "Read a trajectory: costs, repairs, misses, foresight."),
    "import": Lazy("importing", "Take in runs that others recorded.", "import_"),
    "check": Lazy("checking", "Ask a task's gates what they think of a folder."),
    "prepare": Lazy("checking", "Fetch, generate or check a task's data."),
    "tasks": Lazy("listing", "List the installed tasks."),
    "specialists": Lazy("listing", "List the installed specialists."),
    "plugins": Lazy("listing", "List all plugins and where they come from."),
    "config": Lazy("listing", "Show every setting and where its value came from."),
    "session": Lazy("sessions", "Be a specialist yourself, in a run that is at work."),
    "mcp": Lazy("sessions", "Offer a session's tools to any coding agent, over MCP."),
    "doctor": Lazy("diagnosis", "Say what this machine can guarantee."),
}

EXIT_CODES = """\
Exit codes: 0 done, also when a budget ended the run; 1 the run failed; 2 wrong usage;
3 a bug in autores or a plugin; 130 interrupted."""


class LazyGroup(click.Group):
    """Commands are imported when they are used; options alone mean `run`."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command."""
        found = COMMANDS.get(cmd_name)
        if found is None:
            return None
        from autores.config import leave_processors_alone

        leave_processors_alone()
        module = importlib.import_module(f"autores.cli.{found.module}")
        command: click.Command = getattr(module, found.attribute or cmd_name)
        return command

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read options of `run` that stand without its name."""
        if args and args[0].startswith("-") and args[0] not in ("--help", "-h", "--version"):
            args = ["run", *args]
        return super().parse_args(ctx, args)

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        """Find a command; for one that there is not, say which come nearest."""
        from autores.errors import unknown

        if args[0] not in COMMANDS:
            raise unknown("command", args[0], COMMANDS)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands from the table."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, lazy.help) for name, lazy in COMMANDS.items()])


@click.group(
    cls=LazyGroup,
    epilog=EXIT_CODES,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, prog_name="autores")
def autores() -> None:
    """Improve a training recipe with specialist agents, in a loop that can be audited.

    \b
    autores --task toy --max-trials 20      run
    autores resume runs/toy-…               go on
    autores ls runs/toy-…                   look
    """  # noqa: D301
