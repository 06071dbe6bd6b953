"""Runs a program for each session, watches it, and leaves nothing of it behind."""

from __future__ import annotations

import asyncio
import contextlib
import json
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from autores.agent import Session
from autores.config import Environment, seconds_of
from autores.control import prompt_of
from autores.errors import AutoresError, UserError
from autores.evaluator import shim
from autores.plugins.agents.command.box import Box
from autores.plugins.agents.command.reading import Reader
from autores.plugins.agents.command.recipes import Place, Program, program
from autores.plugins.agents.command.settings import Settings

POLL_S = 0.2
GRACE_S = 5.0
LONGEST_LINE = 8 << 10
MOST_RECORDED = 4 << 20
"""Bytes of a program's output that go into a transcript."""
TASK = """\
# Your task now

Your working folder, {workspace}, is your copy of the recipe; edit its files as you like. All
else goes through the tools of the MCP server `autores`. Propose one change within your
surfaces, check it, submit it once with `submit_trial`, and call `wait_trial` until its status
is there. Submit again only if what came back points to a concrete next change. Then end."""


class ProgramFailed(AutoresError):
    """The program ended without a submission."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandAgent:
    """One agent for all sessions of a run."""

    settings: Settings
    program: Program
    box: Box | None
    variables: Mapping[str, str]
    """The whole environment of the program."""
    secrets: tuple[str, ...]

    @classmethod
    def of(cls, settings: Settings, environment: Environment, runs: Path) -> Self:
        """Find out all that is the same for all sessions.

        Raises:
            UserError: A setting is wrong, or bubblewrap is missing.
        """
        if settings.sandbox not in ("bubblewrap", "off"):
            raise UserError(f"agent.command.sandbox = {settings.sandbox!r}: bubblewrap or off")
        boxed = settings.sandbox == "bubblewrap"
        keys = {name: environment.keys[name] for name in settings.keys if name in environment.keys}
        found = program(settings, tuple(keys), boxed=boxed)
        runs.mkdir(parents=True, exist_ok=True)
        hidden = [runs, environment.data_dir, *map(Path, settings.hidden)]
        return cls(
            settings=settings,
            program=found,
            box=Box.build(environment.path, hidden, [*map(Path, settings.writable)])
            if boxed
            else None,
            variables={
                "PATH": environment.path,
                "HOME": str(Path.home()),
                "LANG": "C.UTF-8",
                "TERM": "dumb",
                **keys,
                **found.variables,
                **settings.variables,
            },
            secrets=tuple(keys.values()),
        )

    async def run(self, session: Session) -> None:
        """Let the program work; see `autores.agent.Agent`."""
        with (
            tempfile.TemporaryDirectory(prefix="autores-session-") as folder,
            session.admit() as known,
        ):
            place = Place(Path(folder), session.workspace.folder.resolve())
            task = TASK.format(workspace=place.workspace)
            place.prompt.write_text(f"{prompt_of(session)}\n\n{task}\n", encoding="utf-8")
            place.write_config()
            known.write(place.session)
            watch = Watch(session, self.settings, self.program.reader(), self.secrets, place)
            code = await watch.follow(self._command(place, known.socket), self.variables)
        self._judge(session, watch, code)

    def _command(self, place: Place, socket: Path) -> list[str]:
        argv = self.program.argv(place, self.settings)
        if self.box is not None:
            seen = [place.prompt, place.session, place.mcp_config, socket.resolve()]
            argv = self.box.around(argv, workspace=place.workspace, readable=seen)
        return shim.command(
            str(place.folder / "ending.json"),
            str(place.folder / "output.log"),
            argv,
            timeout_s=seconds_of(self.settings.limit),
            grace_s=GRACE_S,
        )

    def _judge(self, session: Session, watch: Watch, code: int) -> None:
        reader = watch.reader
        session.record(
            "program",
            {"exit": code, "turns": reader.turns, "session": reader.session, "ended": watch.why},
        )
        if session.submissions:
            return
        if code or reader.error:
            why = reader.error or watch.why or watch.last or f"exit code {code}"
            raise ProgramFailed(f"the program submitted nothing: {why}")


class Watch:
    """One program at work."""

    def __init__(
        self,
        session: Session,
        settings: Settings,
        reader: Reader,
        secrets: tuple[str, ...],
        place: Place,
    ) -> None:
        self.reader = reader
        self.why = ""
        """Why it was ended, if it was."""
        self.last = ""
        """Its last line."""
        self._session = session
        self._settings = settings
        self._secrets = secrets
        self._place = place
        self._recorded = 0
        self._rest = b""

    async def follow(self, command: list[str], variables: Mapping[str, str]) -> int:
        """Run it to its end, or to ours; the exit code when every process of it is dead."""
        log = self._place.folder / "output.log"
        log.touch()
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            cwd=self._place.workspace,
            env=dict(variables),
            start_new_session=True,  # Ctrl-C is for the supervisor
        )
        try:
            with log.open("rb") as output:
                await self._until_ended(process, output)
                self._read(output, last=True)
        finally:
            # Also on a cancellation: nothing outlives the session.
            await _end(process)
            await self._session.charge(self.reader.cost)
        return process.returncode or 0

    async def _until_ended(self, process: asyncio.subprocess.Process, output: Any) -> None:
        ended = asyncio.ensure_future(process.wait())
        idle_since: float | None = None
        while not ended.done():
            await asyncio.wait([ended], timeout=POLL_S)
            self._read(output)
            if self._session.over or self._session.stopping:
                idle_since = idle_since or time.monotonic()
            self.why = self.why or self._limit(idle_since)
            if self.why:
                await _end(process)

    def _limit(self, idle_since: float | None) -> str:
        """Which limit it has reached, if one."""
        own, reader = self._settings, self.reader
        if reader.turns > own.turns:
            return f"more than {own.turns} turns"
        if own.dollars is not None and reader.cost.dollars > own.dollars:
            return f"more than {own.dollars:g} dollars"
        if idle_since and time.monotonic() - idle_since > seconds_of(own.linger):
            return "it did not end when nothing was left to do"
        return ""

    def _read(self, output: Any, *, last: bool = False) -> None:
        *lines, self._rest = (self._rest + output.read()).split(b"\n")
        if last:
            lines.append(self._rest)
        for line in lines:
            if line.strip():
                self._take(line.decode(errors="replace"))

    def _take(self, line: str) -> None:
        for secret in self._secrets:
            line = line.replace(secret, "[key]")
        self.last = line[:300]
        self.reader.feed(line)
        if self._recorded < MOST_RECORDED:
            shown = line[:LONGEST_LINE]
            self._recorded += len(shown)
            self._session.record("output", _plain(shown))


async def _end(process: asyncio.subprocess.Process) -> None:
    """Tell the shim to end everything, and wait until it has."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
    await process.wait()


def _plain(line: str) -> Any:
    try:
        return json.loads(line)
    except ValueError:
        return line
