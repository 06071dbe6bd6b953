"""The `autores` command. Nothing but click is imported before a command is chosen."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Sequence

from autores.cli.group import autores
from autores.errors import AutoresError, ExitCode


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command and leave with its exit code."""
    sys.exit(run(arguments))


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command; the exit code."""
    import click

    try:
        result = autores.main(arguments, prog_name="autores", standalone_mode=False)
        return result if isinstance(result, int) else ExitCode.DONE
    except AutoresError as error:
        click.echo(f"autores: {error}", err=True)
        return error.exit_code
    except click.exceptions.Exit as end:
        return end.exit_code
    except click.ClickException as error:
        click.echo(f"autores: {error.format_message()}", err=True)
        return ExitCode.USAGE
    except (KeyboardInterrupt, click.Abort):
        click.echo("autores: interrupted", err=True)
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        sys.stderr.close()  # whoever read our output has gone; nothing is left to be said
        return ExitCode.DONE
    except Exception:  # noqa: BLE001  nothing above us could say it better
        traceback.print_exc()
        click.echo("autores: this is a bug in autores or in a plugin; please report it", err=True)
        return ExitCode.BUG
