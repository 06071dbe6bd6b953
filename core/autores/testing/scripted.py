"""An agent without judgement: plays a list of edits, or changes one number at random."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from autores import hookimpl
from autores.agent import Exhausted, Proposal, Session
from autores.config import SettingsBook
from autores.errors import UserError

_NUMBER = re.compile(rb"^(\w+) = (\d+(?:\.\d+)?)", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What it plays."""

    path: str = field(
        default="",
        metadata={"help": "JSON list of {hypothesis, path, old, new}; empty: random numbers"},
    )


class Scripted:
    """Hands out the edits of a file in order, one to each session."""

    def __init__(self, edits: list[Mapping[str, Any]] | None) -> None:
        """Play these edits, or random ones if there are none."""
        self._edits = edits
        self._next = 0

    async def run(self, session: Session) -> None:
        """Submit one edit."""
        if self._edits is None:
            await session.submit(_random_edit(session))
            return
        if self._next >= len(self._edits):
            raise Exhausted("the script has been played")
        edit = self._edits[self._next]
        self._next += 1
        session.workspace.replace(edit["path"], edit["old"], edit["new"])
        await session.submit(
            Proposal(
                hypothesis=edit.get("hypothesis", f"edit {self._next}"),
                expected_delta=edit.get("expected_delta"),
            )
        )


def _random_edit(session: Session) -> Proposal:
    """One number of one file, up or down by a factor."""
    draw = random.Random(session.brief.seed)
    files = dict(session.workspace.snapshot())
    places = [
        (path, match)
        for path, content in sorted(files.items())
        if path.endswith(".py")
        for match in _NUMBER.finditer(content)
    ]
    path, match = draw.choice(places)
    old = match[2].decode()
    value = float(old) * 2 ** draw.uniform(-2.0, 2.0)
    new = f"{value:.6g}" if "." in old else str(max(1, round(value)))
    content = files[path]
    files[path] = content[: match.start(2)] + new.encode() + content[match.end(2) :]
    name = match[1].decode()
    return Proposal(hypothesis=f"{name} from {old} to {new}", files=files)


@hookimpl
def autores_agent(settings: SettingsBook) -> Scripted:
    """Read the script."""
    path = settings.of(Settings).path
    if not path:
        return Scripted(None)
    try:
        edits = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: not a script of edits: {error}") from None
    return Scripted(edits)
