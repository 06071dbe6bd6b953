"""Settings: `autores.toml`, then `AUTORES_*`, then options. Only here is the environment read."""

from __future__ import annotations

import os
import re
import sys
import types
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from datetime import datetime
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

import tomli

from autores.errors import UserError, unknown

S = TypeVar("S")

FILE_NAME = "autores.toml"
PREFIX = "AUTORES_"


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """What was read of the process environment, once."""

    settings: Mapping[str, str] = field(default_factory=dict)
    """Dotted name to text: `AUTORES_AGENT__EVOLVE__SEED` is `agent.evolve.seed`."""
    data_dir: Path = Path("~/.cache/autores/data")
    cache_dir: Path = Path("~/.cache/autores")
    keys: Mapping[str, str] = field(default_factory=dict, repr=False)
    """API keys by the name of their variable; never written anywhere."""
    path: str = ""
    colour: bool = True
    columns: int | None = None
    terminal: bool = False
    """Somebody looks at standard error on a screen that can be drawn on."""

    @classmethod
    def read(cls, variables: Mapping[str, str] | None = None) -> Environment:
        """Read the environment of this process, or the one given."""
        env = os.environ if variables is None else variables
        own = {k: v for k, v in env.items() if k.startswith(PREFIX)}
        data = own.pop("AUTORES_DATA", None)
        cache_dir = own.pop("AUTORES_CACHE", None) or env.get("XDG_CACHE_HOME")
        root = Path(cache_dir or "~/.cache").expanduser() / "autores"
        return cls(
            settings={k.removeprefix(PREFIX).lower().replace("__", "."): v for k, v in own.items()},
            data_dir=Path(data).expanduser() if data else root / "data",
            cache_dir=root,
            keys={k: v for k, v in env.items() if k.endswith("_API_KEY")},
            path=env.get("PATH", os.defpath),
            colour="NO_COLOR" not in env,
            columns=int(env["COLUMNS"]) if env.get("COLUMNS", "").isdigit() else None,
            terminal=sys.stderr.isatty() and env.get("TERM", "dumb") != "dumb",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """A setting and where it was said."""

    value: Any
    source: str
    """`autores.toml`, `AUTORES_TASK`, `--task`, `-o …`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSettings:
    """What a run needs to be told; each field is a key of `autores.toml` and an option."""

    task: str = field(default="", metadata={"help": "what is improved; `autores tasks` lists them"})
    profile: str = field(default="", metadata={"help": "size of the task; empty for its default"})
    specialists: tuple[str, ...] = field(
        default=(), metadata={"help": "keys or aliases; empty for the task's own"}
    )
    agent: str = field(default="evolve", metadata={"help": "who proposes"})
    executor: str = field(default="local", metadata={"help": "what runs evaluations"})
    policy: str = field(
        default="milestone", metadata={"help": "who decides: milestone, confirm, strict"}
    )
    reporter: str = field(
        default="", metadata={"help": "what shows the run; empty for live on a screen, else plain"}
    )
    store: str = field(
        default="", metadata={"help": "URL of the lineage; empty for SQLite in the run's folder"}
    )
    out: Path = field(
        default=Path("runs"), metadata={"help": "folder in which a run's folder is made"}
    )
    name: str = field(
        default="", metadata={"help": "name of the run's folder; empty for task, date and time"}
    )
    seed: int | None = field(
        default=None, metadata={"help": "makes the run's choices repeatable; never its secrets"}
    )
    sessions: int = field(default=1, metadata={"help": "how many agents work at the same time"})
    submissions: int = field(default=1, metadata={"help": "how many submissions end a session"})
    thinking: str = field(
        default="2h", metadata={"help": "a session ends when its agent has worked so long"}
    )
    grace: str = field(
        default="60s", metadata={"help": "what sessions get to finish when the run ends"}
    )
    retry: str = field(
        default="30s", metadata={"help": "pause after a failed session; doubles up to 15m"}
    )
    give_up: int = field(
        default=10,
        metadata={"help": "sessions without a submission, or lost trials, in a row that end a run"},
    )
    milestone: int = field(
        default=20, metadata={"help": "finished trials between tests of the head for a keep"}
    )
    max_trials: int | None = field(default=None, metadata={"help": "end after so many trials"})
    deadline: str = field(default="", metadata={"help": "end then: 8h, 30m, 2030-01-31T08:00"})
    max_tokens: int | None = field(default=None, metadata={"help": "end after so many tokens"})
    max_dollars: float | None = field(default=None, metadata={"help": "end after so many dollars"})
    max_hours: float | None = field(
        default=None, metadata={"help": "end after so many hours of evaluation"}
    )
    max_gpu_hours: float | None = field(
        default=None, metadata={"help": "end after so many GPU hours"}
    )
    idle_trials: int | None = field(
        default=None, metadata={"help": "end after so many trials without improvement"}
    )
    idle_hours: float | None = field(
        default=None, metadata={"help": "end after so many hours without improvement"}
    )
    arm: str = field(
        default="specialists", metadata={"help": "specialists, generalist or generic:N"}
    )
    lineage: bool = field(
        default=True, metadata={"help": "off: sessions see the head and their own rows alone"}
    )
    early_stop: float = field(
        default=0.0,
        metadata={
            "help": "end trainings early whose loss is above the seed's by this share; 0: none"
        },
    )
    min_level: str = field(
        default="", metadata={"help": "sandbox level below which nothing is promoted"}
    )


@cache
def hints(kind: Any) -> Mapping[str, Any]:
    """The types of a settings class, resolved."""
    return get_type_hints(kind)


def leave_processors_alone() -> None:
    """Keep numpy's arithmetic on one thread, if nobody has said otherwise.

    Ours is small, and threads that wait for more of it would spin on the processors on which
    trials are measured. Evaluations have an environment of their own.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


class SettingsBook:
    """All settings of a run by dotted name, with where each was said."""

    def __init__(
        self,
        values: Mapping[str, Value],
        sections: Mapping[type, str] | None = None,
        environment: Environment | None = None,
    ) -> None:
        """Hold values; `sections` says under which table a settings class lies."""
        self.values = dict(values)
        self.environment = environment or Environment()
        self._sections: dict[type, str] = {RunSettings: ""} | dict(sections or {})
        self._built: dict[type, Any] = {}

    @property
    def run(self) -> RunSettings:
        """What every run has."""
        return self.of(RunSettings)

    def of(self, kind: type[S]) -> S:
        """A plugin's own settings, as its `Settings` class.

        Raises:
            UserError: A value does not fit its field, or a name is unknown.
        """
        if kind not in self._built:
            self._built[kind] = self._build(kind)
        built: S = self._built[kind]
        return built

    def add(self, kind: type, section: str) -> None:
        """Say under which table a settings class lies; done when its plugin is loaded."""
        self._sections[kind] = section

    def source(self, name: str) -> str:
        """Where a setting was said."""
        return self.values[name].source if name in self.values else "default"

    def rows(self) -> list[tuple[str, Any, str, str]]:
        """Name, value, source and help of every setting of what was added."""
        return [
            (_dotted(section, f.name), getattr(self.of(kind), f.name), source, f.metadata["help"])
            for kind, section in self._sections.items()
            for f in fields(kind)
            for source in [self.source(_dotted(section, f.name))]
        ]

    def check_names(self, tables: Iterable[str]) -> None:
        """Refuse names that nobody knows.

        Args:
            tables: The tables of all installed plugins, loaded or not.

        Raises:
            UserError: With the nearest names.
        """
        known = {name for name, *_ in self.rows()}
        loaded, tables = set(self._sections.values()), set(tables)
        for name, value in self.values.items():
            table = name.rpartition(".")[0]
            if name in known or (table in tables and table not in loaded):
                continue
            candidates = known if table in loaded else known | {f"{t}.…" for t in tables}
            raise UserError(f"{value.source}: {unknown('setting', name, candidates)}")

    def _build(self, kind: type[S]) -> S:
        if kind not in self._sections:
            raise KeyError(f"{kind.__module__}.Settings belongs to no loaded plugin")
        section, given = self._sections[kind], {}
        for f in fields(kind):  # type: ignore[arg-type]
            value = self.values.get(_dotted(section, f.name))
            if value is not None:
                given[f.name] = _coerce(
                    value, hints(cast("Hashable", kind))[f.name], _dotted(section, f.name)
                )
            elif _is_required(f):
                raise UserError(f"setting {_dotted(section, f.name)!r} is required; set it")
        return kind(**given)


def _is_required(f: Field[Any]) -> bool:
    return f.default is MISSING and f.default_factory is MISSING


def _dotted(section: str, name: str) -> str:
    return f"{section}.{name}" if section else name


# ------------------------------------------------------------------------------ sources


def gather(
    *,
    file: Path | None,
    environment: Environment,
    options: Mapping[str, Any],
    overrides: Iterable[str] = (),
) -> SettingsBook:
    """Lay the sources over each other, the later over the earlier.

    Args:
        file: An `autores.toml`; None for the one in this folder, if there is one.
        environment: What was read of it.
        options: Command-line options by name; None where one was not given.
        overrides: `-o` arguments, `agent.anthropic.model=…`.
    """
    values = _from_file(file)
    for name, text in environment.settings.items():
        variable = PREFIX + name.upper().replace(".", "__")
        values[name] = Value(value=text, source=variable)
    for name, given in options.items():
        if given is not None:
            values[name] = Value(value=given, source="--" + name.replace("_", "-"))
    for text in overrides:
        name, equals, given = text.partition("=")
        if not equals:
            raise UserError(f"-o {text}: write it as NAME=VALUE")
        values[name.strip()] = Value(value=given, source=f"-o {name.strip()}")
    return SettingsBook(values, environment=environment)


def _from_file(file: Path | None) -> dict[str, Value]:
    path = file or Path(FILE_NAME)
    if not path.exists():
        if file is not None:
            raise UserError(f"{file}: no such file; check --config")
        return {}
    try:
        table = tomli.loads(path.read_text(encoding="utf-8"))
    except (tomli.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not TOML: {error}") from None
    return {name: Value(value=v, source=str(path)) for name, v in _flat(table)}


def _flat(table: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, Any]]:
    for name, value in table.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value


# ----------------------------------------------------------------------------- coercion

_TRUE = {"1", "true", "yes", "on"}
_FALSE = {"0", "false", "no", "off"}


def _coerce(value: Value, kind: Any, name: str) -> Any:
    try:
        return coerce(value.value, kind)
    except (TypeError, ValueError) as error:
        wanted = getattr(kind, "__name__", str(kind))
        raise UserError(
            f"{value.source}: {name} = {value.value!r} is not {wanted}; {error}"
        ) from None


def coerce(value: Any, kind: Any) -> Any:
    """Make a value of a type from text or TOML data.

    Raises:
        ValueError: It does not fit.
    """
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        if value is None or value in ("", "none"):
            return None
        return coerce(value, next(a for a in arguments if a is not types.NoneType))
    if origin is tuple:
        parts = value.split(",") if isinstance(value, str) else value
        cleaned = (p.strip() if isinstance(p, str) else p for p in parts)
        return tuple(coerce(part, arguments[0]) for part in cleaned if part != "")
    if kind is bool:
        return _coerce_bool(value)
    if isinstance(kind, type) and issubclass(kind, Enum | Path | str):
        return kind(value)
    if kind in (int, float):
        return _coerce_number(value, kind)
    raise ValueError(f"settings of type {kind} are not known")


def _coerce_bool(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    word = str(value).lower()
    if word not in _TRUE | _FALSE:
        raise ValueError("say on or off")
    return word in _TRUE


def _coerce_number(value: Any, kind: type[int | float]) -> int | float:
    if isinstance(value, bool) or (kind is int and isinstance(value, float)):
        raise ValueError(f"say a number, as in {kind(1)}")
    return kind(value.replace("_", "") if isinstance(value, str) else value)


# -------------------------------------------------------------------------------- times

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def seconds_of(text: str) -> float:
    """The length of `90s`, `30m`, `8h`, `1d` or `1h30m` in seconds.

    Raises:
        UserError: It is none of these.
    """
    parts = re.findall(r"(\d+(?:\.\d+)?)([smhd])", text)
    if not parts or "".join(n + u for n, u in parts) != text:
        raise UserError(f"{text!r} is not a duration; write 90s, 30m, 8h or 1h30m")
    return sum(float(number) * _UNITS[unit] for number, unit in parts)


def moment_of(text: str, now: float) -> float:
    """UNIX time of a duration from now, or of an ISO date and time in local time."""
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        return now + seconds_of(text)
