"""`autores audit`."""

from __future__ import annotations

from pathlib import Path

import click

from autores.cli.options import json_option, located, run_argument, tell
from autores.config import Environment
from autores.errors import ExitCode, UserError
from autores.lineage.audit import audit as audited
from autores.progress import progress
from autores.reading import reading
from autores.rendering import Facts


@click.command()
@run_argument
@click.option("--head", "head_hash", help="hash, or its beginning, that a report printed")
@json_option
def audit(run: Path, head_hash: str | None, as_json: bool) -> int:
    """Check that no record of RUN was changed, cut, reordered or inserted.

    A cut tail shows only against a hash that was printed before: give it with --head. The
    exit code is 1 where anything was found.
    """
    environment = Environment.read()
    with reading(located(run, environment), environment) as found:
        if not found.store.head().seq:
            raise UserError(f"{run} was imported from a table, which has no chain to check")
        with progress("check every record"):
            findings = audited(found.store, found.code, head_hash)
        head = found.store.head()
    sound = f"sound: {head.seq} events, {head.next_trial} trials, head {head.hash}"
    text = "\n".join(map(str, findings)) or sound
    data = {"sound": not findings, "findings": findings, "head_hash": head.hash, "events": head.seq}
    tell(Facts(text=text, data=data), as_json=as_json)
    return ExitCode.FAILED if findings else ExitCode.DONE
