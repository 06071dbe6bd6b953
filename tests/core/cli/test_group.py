from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest

from autores import __version__, cli
from autores.cli.group import COMMANDS
from autores.errors import ExitCode, PluginError, RunFailed, UserError

Command = Callable[..., Any]

HELP = """
import sys
from autores import cli
assert cli.run(["--help"]) == 0
heavy = {"torch", "anthropic", "numpy", "pygit2", "rich", "tomli"}
loaded = {name.split(".")[0] for name in sys.modules}
own = [n for n in sys.modules if n.startswith(("autores.plugins", "autores.tasks",
    "autores.specialists", "autores.testing"))]
print(sorted(heavy & loaded) + own, file=sys.stderr)
"""


def test_help_imports_nothing_heavy_and_no_plugin(place: Path) -> None:
    told = subprocess.run(
        [sys.executable, "-W", "error", "-c", HELP], capture_output=True, text=True, check=True
    )
    assert told.stderr == "[]\n"
    assert all(name in told.stdout for name in COMMANDS)


def test_help_says_what_exit_codes_mean(command: Command) -> None:
    said = command("--help")
    assert said.code == 0
    for code in ("0 done", "1 the run failed", "2 wrong usage", "3 a bug", "130 interrupted"):
        assert code in " ".join(said.out.split())
    assert command("-h").out == said.out


def test_version(command: Command) -> None:
    assert command("--version").out == f"autores, version {__version__}\n"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_there_and_helps(command: Command, name: str) -> None:
    said = command(name, "--help")
    assert said.code == 0
    assert f"autores {name}" in said.out
    assert COMMANDS[name].help.endswith(".")
    assert "\\b" not in said.out  # click's mark of lines that are not joined


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_has_help(name: str) -> None:
    found = cli.autores.get_command(click.Context(cli.autores), name)
    assert found is not None
    options = [p for p in found.params if isinstance(p, click.Option)]
    assert [o.name for o in options if not o.help] == []


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["rum"], "unknown command 'rum'; known: run"),
        (["--tsk", "toy"], "No such option '--tsk'"),
        (["ls", "--serch", "x"], "No such option '--serch'"),
        (["--task", "tyo"], "unknown task 'tyo'; known: toy"),
        (["--task", "toy", "--agent", "evlve"], "unknown agent 'evlve'; known: evolve"),
        (["--task", "toy", "--specialists", "optimm"], "unknown specialist 'optimm'"),
        (["--task", "toy", "-o", "polici=x"], "unknown setting 'polici'; known: policy"),
        (["--task", "toy", "--max-trials", "many"], "--max-trials: max_trials = 'many'"),
        (["--task", "toy", "--deadline", "soon"], "'soon' is not a duration"),
        (["--task", "toy", "-p", "a_module_that_is_not"], "cannot be imported"),
        (["--task", "toy", "-p", "no:toy"], "'toy' is switched off; drop `-p no:toy`"),
        (["--config", "no.toml", "--task", "toy"], "no.toml: no such file; check --config"),
        (["run"], "name a task with --task"),
        (["show", "nothing", "1"], "there is no run 'nothing'"),
        (["show", "runs/one"], "Missing argument 'TRIAL'"),
    ],
    ids=lambda given: " ".join(given) if isinstance(given, list) else "",
)
def test_wrong_usage_is_one_line_and_exit_2(
    command: Command, arguments: list[str], says: str
) -> None:
    said = command(*arguments)
    assert said.code == ExitCode.USAGE
    assert said.out == ""
    assert said.err.startswith("autores: ")
    assert said.err.count("\n") == 1
    assert says in said.err


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UserError("mend it"), ExitCode.USAGE),
        (PluginError("a", "b 1", "is broken", "mend it"), ExitCode.USAGE),
        (RunFailed("mend it"), ExitCode.FAILED),
        (KeyboardInterrupt(), ExitCode.INTERRUPTED),
        (click.Abort(), ExitCode.INTERRUPTED),
        (click.UsageError("mend it"), ExitCode.USAGE),
    ],
)
def test_each_error_has_its_exit_code(
    command: Command, monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int
) -> None:
    monkeypatch.setattr(cli.autores, "main", raising(error))
    said = command("run")
    assert said.code == code
    assert said.err.startswith("autores: ")
    assert said.err.count("\n") == 1


def test_a_bug_shows_its_traceback(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli.autores, "main", raising(ZeroDivisionError("oops")))
    said = command("run")
    assert said.code == ExitCode.BUG
    assert "Traceback" in said.err and "ZeroDivisionError: oops" in said.err
    assert said.err.endswith("please report it\n")


def test_who_stops_reading_breaks_nothing(place: Path) -> None:
    script = (
        f"{sys.executable} -W error -m autores config --task toy --json | head -c 1 >/dev/null;"
        " echo ${PIPESTATUS[0]}"
    )
    told = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)
    assert (told.stdout, told.stderr) == ("0\n", "")


def raising(error: BaseException) -> Callable[..., None]:
    def fail(*_: object, **__: object) -> None:
        raise error

    return fail
