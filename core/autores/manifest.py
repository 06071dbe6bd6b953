"""`run.toml`: all that was resolved when a run began, and what has changed since."""

from __future__ import annotations

import hashlib
import json
import platform
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from importlib import metadata
from pathlib import Path
from typing import Any

import tomli

from autores.errors import UserError
from autores.evaluator.bundle import code_hash

_BARE = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """Tables of plain values; a run is resumed from it."""

    run: Mapping[str, Any]
    """Name, when it began, until when it may go on, what its arm hides."""
    settings: Mapping[str, Any]
    """By dotted name, as they were resolved."""
    limits: Mapping[str, Any]
    """Of one evaluation."""
    versions: Mapping[str, str]
    """Of Python, autores and the distributions of plugins."""
    hashes: Mapping[str, str]
    """Of the evaluator's and the task's code, of knowledge, of the world."""
    machine: Mapping[str, str]

    def write(self, path: Path) -> None:
        """Keep it, whole or not at all."""
        text = "\n".join(_table(f.name, getattr(self, f.name)) for f in fields(self))
        draft = path.with_name(path.name + ".new")
        draft.write_text(text, encoding="utf-8")
        draft.rename(path)

    @classmethod
    def read(cls, path: Path) -> Manifest:
        """Read it back.

        Raises:
            UserError: There is none, or it is damaged.
        """
        try:
            data = tomli.loads(path.read_text(encoding="utf-8"))
            return cls(**{f.name: data[f.name] for f in fields(cls)})
        except OSError:
            raise UserError(f"{path.parent} is not a run: it has no {path.name}") from None
        except (tomli.TOMLDecodeError, KeyError, UnicodeDecodeError) as error:
            raise UserError(f"{path} is damaged: {error}; restore it from a copy") from None

    def changes(self, now: Manifest) -> tuple[str, ...]:
        """What is different now in code, versions, data or machine, one line each."""
        return tuple(
            f"{table}.{name}: {old.get(name, 'nothing')} then, {new.get(name, 'nothing')} now"
            for table in ("versions", "hashes", "machine")
            for old, new in [(getattr(self, table), getattr(now, table))]
            for name in sorted({*old, *new})
            if old.get(name) != new.get(name)
        )


def versions(distributions: Mapping[str, str]) -> dict[str, str]:
    """Of what takes part, by plugin."""
    own = {"python": platform.python_version(), "autores": metadata.version("autores")}
    return own | dict(distributions)


def hashes(*, plugin: str, knowledge: tuple[str, ...], world: str) -> dict[str, str]:
    """Of what scores depend on; `plugin` is the module of the task's."""
    documents = hashlib.sha256("\0".join(knowledge).encode()).hexdigest()
    return {
        "evaluator": code_hash("autores"),
        "task": code_hash(plugin),
        "knowledge": documents,
        "world": world,
    }


def _table(name: str, values: Mapping[str, Any]) -> str:
    lines = [f"{_key(key)} = {_value(value)}" for key, value in values.items() if value is not None]
    return "\n".join([f"[{name}]", *lines, ""])


def _key(key: str) -> str:
    return key if _BARE.fullmatch(key) else _string(key)


def _value(value: Any) -> str:
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{_key(k)} = {_value(v)}' for k, v in value.items())}}}"
    if isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, int | float):
        return repr(value)
    return _string(str(value))


def _string(text: str) -> str:
    """As TOML has it: JSON's escapes, but no pairs of surrogates, and no bare DEL."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
