from __future__ import annotations

import pytest

from autores.errors import AutoresError, ExitCode, PluginError, RunFailed, UserError, unknown


def test_exit_codes_are_what_the_help_says() -> None:
    assert [int(code) for code in ExitCode] == [0, 1, 2, 3, 130]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UserError("x"), ExitCode.USAGE),
        (PluginError("a", "b 1", "c", "d"), ExitCode.USAGE),
        (RunFailed("x"), ExitCode.FAILED),
        (AutoresError("x"), ExitCode.FAILED),
    ],
)
def test_each_error_knows_its_exit_code(error: AutoresError, code: ExitCode) -> None:
    assert error.exit_code is code


def test_a_plugin_error_names_plugin_distribution_problem_and_fix() -> None:
    error = PluginError("golf", "golf-task 1.2", "has no autores_task", "write that function")
    assert str(error) == ("plugin 'golf' (golf-task 1.2): has no autores_task; write that function")


@pytest.mark.parametrize(
    ("name", "known", "says"),
    [
        ("toi", ["toy", "nanochat"], "unknown task 'toi'; known: toy"),
        ("zzz", ["toy", "nanochat"], "unknown task 'zzz'; known: nanochat, toy"),
        ("toy", [], "unknown task 'toy'; known: none is installed"),
    ],
)
def test_unknown_names_come_with_the_nearest(name: str, known: list[str], says: str) -> None:
    assert str(unknown("task", name, known)) == says


def test_a_message_does_not_list_everything() -> None:
    message = str(unknown("setting", "zzz", [f"a{number:02}" for number in range(40)]))
    assert message.endswith("a10, a11 and 28 more")
