from __future__ import annotations

from dataclasses import dataclass, field, fields
from enum import Enum
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autores.config import (
    Environment,
    RunSettings,
    SettingsBook,
    Value,
    coerce,
    gather,
    moment_of,
    seconds_of,
)
from autores.errors import UserError


class Colour(Enum):
    RED = "red"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mine:
    size: int = field(default=3, metadata={"help": "how big"})
    names: tuple[str, ...] = field(default=(), metadata={"help": "whose"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Needed:
    key: str = field(metadata={"help": "which"})


def read(**variables: str) -> Environment:
    return Environment.read(variables)


def book(
    place: Path,
    toml: str = "",
    environment: dict[str, str] | None = None,
    options: dict[str, Any] | None = None,
    overrides: tuple[str, ...] = (),
) -> SettingsBook:
    (place / "autores.toml").write_text(toml)
    return gather(
        file=None,
        environment=read(**environment or {}),
        options=options or {},
        overrides=overrides,
    )


# ------------------------------------------------------------------------------ layering


def test_nothing_said_is_the_default(place: Path) -> None:
    settings = book(place)
    assert settings.run == RunSettings()
    assert settings.source("task") == "default"


def test_the_later_source_wins(place: Path) -> None:
    layers: list[tuple[dict[str, Any], str, str]] = [
        ({"toml": "policy = 'one'"}, "one", "autores.toml"),
        ({"environment": {"AUTORES_POLICY": "two"}}, "two", "AUTORES_POLICY"),
        ({"options": {"policy": "three"}}, "three", "--policy"),
        ({"overrides": ("policy=four",)}, "four", "-o policy"),
    ]
    said: dict[str, Any] = {}
    for layer, value, source in layers:
        said |= layer
        settings = book(place, **said)
        assert (settings.run.policy, settings.source("policy")) == (value, source)


def test_options_that_were_not_given_hide_nothing(place: Path) -> None:
    settings = book(place, toml="max_trials = 3", options={"max_trials": None})
    assert settings.run.max_trials == 3
    assert settings.source("max_trials") == "autores.toml"


def test_options_are_named_as_they_are_typed(place: Path) -> None:
    assert book(place, options={"max_trials": 3}).source("max_trials") == "--max-trials"


def test_tables_and_variables_have_dotted_names(place: Path) -> None:
    settings = book(
        place,
        toml="[agent.mine]\nsize = 1\nnames = ['a', 'b']",
        environment={"AUTORES_AGENT__MINE__SIZE": "2"},
    )
    settings.add(Mine, "agent.mine")
    assert settings.of(Mine) == Mine(size=2, names=("a", "b"))
    assert settings.source("agent.mine.size") == "AUTORES_AGENT__MINE__SIZE"
    assert settings.of(Mine) is settings.of(Mine)


def test_rows_show_value_source_and_help(place: Path) -> None:
    settings = book(place, overrides=("agent.mine.size=7",))
    settings.add(Mine, "agent.mine")
    rows = {name: rest for name, *rest in settings.rows()}
    assert rows["agent.mine.size"] == [7, "-o agent.mine.size", "how big"]
    assert rows["agent.mine.names"] == [(), "default", "whose"]
    assert rows["policy"][1] == "default"


def test_another_file_can_be_named(place: Path) -> None:
    (place / "other.toml").write_text("task = 'toy'")
    settings = gather(file=place / "other.toml", environment=read(), options={})
    assert settings.run.task == "toy"
    assert settings.source("task") == str(place / "other.toml")


@pytest.mark.parametrize("setting", [f.name for f in fields(RunSettings)])
def test_every_setting_of_a_run_has_help(setting: str) -> None:
    (found,) = (f for f in fields(RunSettings) if f.name == setting)
    assert found.metadata["help"]


# -------------------------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"toml": "polici = 'x'"}, "autores.toml: unknown setting 'polici'; known: policy"),
        (
            {"environment": {"AUTORES_TSK": "x"}},
            "AUTORES_TSK: unknown setting 'tsk'; known: task",
        ),
        (
            {"overrides": ("agent.mine.sise=1",)},
            "-o agent.mine.sise: unknown setting 'agent.mine.sise'; known: agent.mine.size",
        ),
        (
            {"overrides": ("agent.mime.size=1",)},
            "-o agent.mime.size: unknown setting 'agent.mime.size'; known: agent.mine.size",
        ),
    ],
)
def test_unknown_names_come_with_the_nearest(
    place: Path, said: dict[str, Any], message: str
) -> None:
    settings = book(place, **said)
    settings.add(Mine, "agent.mine")
    with pytest.raises(UserError) as caught:
        settings.check_names(["agent.mine", "agent.other"])
    assert str(caught.value).startswith(message)


def test_settings_of_plugins_that_are_not_loaded_are_left_alone(place: Path) -> None:
    settings = book(place, toml="[agent.other]\nanything = 1")
    settings.check_names(["agent.other"])


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"toml": "max_trials = 'many'"}, "autores.toml: max_trials = 'many' is not"),
        ({"toml": "max_trials = 2.5"}, "autores.toml: max_trials = 2.5 is not"),
        ({"environment": {"AUTORES_LINEAGE": "maybe"}}, "AUTORES_LINEAGE: lineage = 'maybe'"),
        ({"options": {"sessions": "two"}}, "--sessions: sessions = 'two' is not int"),
    ],
)
def test_values_that_do_not_fit_say_where_they_stand(
    place: Path, said: dict[str, Any], message: str
) -> None:
    with pytest.raises(UserError) as caught:
        _ = book(place, **said).run
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def test_a_required_setting_is_asked_for(place: Path) -> None:
    settings = book(place)
    settings.add(Needed, "agent.needed")
    with pytest.raises(UserError, match=r"setting 'agent\.needed\.key' is required"):
        settings.of(Needed)


def test_settings_of_nobody_are_a_bug(place: Path) -> None:
    with pytest.raises(KeyError, match="belongs to no loaded plugin"):
        book(place).of(Mine)


def test_a_file_that_is_none(place: Path) -> None:
    with pytest.raises(UserError, match=r"no\.toml: no such file; check --config"):
        gather(file=Path("no.toml"), environment=read(), options={})
    with pytest.raises(UserError, match=r"autores\.toml: not TOML"):
        book(place, toml="task = ")


def test_an_override_has_a_value(place: Path) -> None:
    with pytest.raises(UserError, match="-o policy: write it as NAME=VALUE"):
        book(place, overrides=("policy",))


# --------------------------------------------------------------------------- environment


def test_what_is_read_of_the_environment() -> None:
    environment = read(
        AUTORES_TASK="toy",
        AUTORES_DATA="/data",
        XDG_CACHE_HOME="/cache",
        ANTHROPIC_API_KEY="secret",
        PATH="/bin",
        COLUMNS="72",
        NO_COLOR="",
        HOME="/home/somebody",
    )
    assert environment.settings == {"task": "toy"}
    assert environment.data_dir == Path("/data")
    assert environment.cache_dir == Path("/cache/autores")
    assert (environment.path, environment.columns, environment.colour) == ("/bin", 72, False)
    assert environment.keys == {"ANTHROPIC_API_KEY": "secret"}
    assert "secret" not in repr(environment)


def test_data_lie_in_the_cache_unless_said_otherwise() -> None:
    assert read(XDG_CACHE_HOME="/c").data_dir == Path("/c/autores/data")
    assert read(AUTORES_CACHE="/own", XDG_CACHE_HOME="/c").cache_dir == Path("/own/autores")


# ------------------------------------------------------------------------------ coercion


@pytest.mark.parametrize(
    ("value", "kind", "made"),
    [
        ("3", int, 3),
        ("1_000", int, 1000),
        (3, float, 3.0),
        ("2.5", float, 2.5),
        ("on", bool, True),
        ("No", bool, False),
        (True, bool, True),
        ("red", Colour, Colour.RED),
        ("a/b", Path, Path("a/b")),
        ("", int | None, None),
        ("none", float | None, None),
        (None, int | None, None),
        ("7", int | None, 7),
        ("a, b,", tuple[str, ...], ("a", "b")),
        ([1, 2], tuple[int, ...], (1, 2)),
        ("", tuple[str, ...], ()),
    ],
)
def test_text_and_toml_become_values(value: Any, kind: Any, made: Any) -> None:
    assert coerce(value, kind) == made


@pytest.mark.parametrize(
    ("value", "kind"),
    [("x", int), (True, int), (1.5, int), ("2", bool), ("blue", Colour), ("a", dict)],
)
def test_what_does_not_fit_is_refused(value: Any, kind: Any) -> None:
    with pytest.raises(ValueError):
        coerce(value, kind)


@given(st.integers() | st.floats(allow_nan=False))
def test_numbers_come_back_from_their_text(number: float) -> None:
    assert coerce(repr(number), type(number)) == number


# --------------------------------------------------------------------------------- times


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("30m", 1800), ("8h", 28800), ("1d", 86400), ("1h30m", 5400), ("0.5h", 1800)],
)
def test_durations(text: str, seconds: float) -> None:
    assert seconds_of(text) == seconds
    assert moment_of(text, 1000.0) == 1000.0 + seconds


@given(st.integers(0, 99), st.integers(0, 99), st.integers(0, 99), st.integers(0, 99))
def test_durations_add_up(days: int, hours: int, minutes: int, seconds: int) -> None:
    expected = ((days * 24 + hours) * 60 + minutes) * 60 + seconds
    assert seconds_of(f"{days}d{hours}h{minutes}m{seconds}s") == expected


@pytest.mark.parametrize("text", ["", "8", "h", "8 h", "1h-", "8w", "-1h"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(UserError, match="is not a duration; write 90s, 30m, 8h or 1h30m"):
        seconds_of(text)


def test_a_deadline_can_be_a_date() -> None:
    assert moment_of("2030-01-31T08:00+00:00", 0.0) == 1896076800.0


def test_values_are_kept_with_their_source() -> None:
    settings = SettingsBook({"task": Value(value="toy", source="run.toml")})
    assert (settings.run.task, settings.source("task")) == ("toy", "run.toml")
