"""The run's door: a socket through which programs and people take part in sessions.

One connection, lines of JSON. The first says a token; a session's token opens that session,
the owner's token a new one, which ends with the connection. Every other line asks for a tool:

    {"token": "…"}                                  ->  {"session": "…", "tools": […], …}
    {"token": "…", "open": {"specialist": "optim"}} ->  the same, of a new session
    {"id": 1, "tool": "diff", "arguments": {}, "call": "…", "patience": 50}
                                                    ->  {"id": 1, "answer": "…", "over": false}
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import json
import os
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from autores.agent import Agent, Session
from autores.errors import AutoresError, UserError

LONGEST_LINE = 8 << 20
PATIENCE_S = 50.0
"""What callers wait for an answer at most, where they say nothing else."""
Host = Callable[[str, Agent], Awaitable[None]]
"""Lets an agent work in a new session of a specialist; returns when it has ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass:
    """What lets somebody into one session."""

    session: str
    socket: Path
    token: str = field(repr=False)

    def write(self, path: Path, *, socket: Path | None = None) -> None:
        """Keep it in a file that its owner alone can read; `socket` is where it lies there."""
        told = {
            "session": self.session,
            "socket": str(socket or self.socket),
            "token": self.token,
        }
        _write_private(path, json.dumps(told))

    @classmethod
    def read(cls, path: Path) -> Pass:
        """Read such a file.

        Raises:
            UserError: It is none.
        """
        try:
            told = json.loads(path.read_text(encoding="utf-8"))
            return cls(session=told["session"], socket=Path(told["socket"]), token=told["token"])
        except (OSError, ValueError, KeyError, TypeError):
            raise UserError(f"{path}: no file of a session; `autores session` makes one") from None


class Control:
    """The server, in the supervisor."""

    def __init__(self, socket: Path) -> None:
        """Nothing listens yet.

        Args:
            socket: Where it will.
        """
        self.host: Host | None = None
        """Set by the loop while it runs."""
        self._socket = socket
        self._owner = socket.with_suffix(".token")
        self._sessions: dict[bytes, Session] = {}
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Listen; only this user may connect."""
        self._socket.unlink(missing_ok=True)
        _write_private(self._owner, secrets.token_urlsafe(24))
        with _reachable(self._socket) as name:
            mask = os.umask(0o177)
            try:
                self._server = await asyncio.start_unix_server(
                    self._serve, name, limit=LONGEST_LINE
                )
            finally:
                os.umask(mask)

    async def close(self) -> None:
        """Let nobody in any more, and show everybody out."""
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._socket.unlink(missing_ok=True)
        self._owner.unlink(missing_ok=True)

    @contextmanager
    def admit(self, session: Session) -> Iterator[Pass]:
        """Let whoever has the pass use the session's tools, as long as this lasts."""
        token = secrets.token_urlsafe(24)
        self._sessions[_digest(token)] = session
        try:
            yield Pass(session=session.brief.id, socket=self._socket.absolute(), token=token)
        finally:
            del self._sessions[_digest(token)]

    # --------------------------------------------------------------------- connections

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await self._meet(reader, writer)
        except (ConnectionError, ValueError, asyncio.CancelledError):
            return
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = _object(await reader.readline())
        token = str(asked.get("token", ""))
        if "open" in asked and self._is_owner(token):
            specialist = str(_dict(asked["open"]).get("specialist", ""))
            await self._visit(specialist, reader, writer)
        elif session := self._sessions.get(_digest(token)):
            await _Desk(session, reader, writer).work()
        else:
            await _say(writer, {"error": "this token opens nothing; the session may have ended"})

    async def _visit(
        self, specialist: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        if self.host is None:
            await _say(writer, {"error": "the run is not at work now; try again in a moment"})
            return
        visitor = _Visitor(reader, writer)
        try:
            await self.host(specialist, visitor)
        except AutoresError as error:
            await _say(writer, {"error": str(error)})

    def _is_owner(self, token: str) -> bool:
        known = self._owner.read_text(encoding="utf-8")
        return hmac.compare_digest(token.encode(), known.encode())


class _Visitor:
    """An agent that does what comes over a connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def run(self, session: Session) -> None:
        with session.admit() as known:
            desk = _Desk(session, self._reader, self._writer)
            await desk.work({"token": known.token})


class _Desk:
    """Answers one connection's calls, several at a time."""

    def __init__(
        self, session: Session, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._session = session
        self._reader = reader
        self._writer = writer

    async def work(self, more: Mapping[str, Any] | None = None) -> None:
        """Answer until the other side hangs up; what it has submitted goes on in the run.

        Args:
            more: What the other side is told besides in the beginning.
        """
        await _say(self._writer, {**described(self._session), **(more or {})})
        calls: set[asyncio.Task[None]] = set()
        try:
            while line := await self._reader.readline():
                call = asyncio.create_task(self._answer(_object(line)))
                calls.add(call)
                call.add_done_callback(calls.discard)
        finally:
            for call in calls:
                call.cancel()
            await asyncio.gather(*calls, return_exceptions=True)

    async def _answer(self, asked: Mapping[str, Any]) -> None:
        answer = await self._session.call(
            str(asked.get("tool", "")),
            _dict(asked.get("arguments")),
            call=str(asked.get("call", "")),
            patience=float(asked.get("patience", PATIENCE_S)),
        )
        told = {"id": asked.get("id"), "answer": answer, "over": self._session.over}
        with contextlib.suppress(ConnectionError):
            await _say(self._writer, told)


def described(session: Session) -> dict[str, Any]:
    """What who comes in is told first."""
    return {
        "session": session.brief.id,
        "specialist": session.brief.specialist.key,
        "workspace": str(session.workspace.folder.absolute()),
        "prompt": prompt_of(session),
        "tools": [
            {"name": tool.name, "description": tool.description, "schema": tool.schema}
            for tool in session.tools.values()
        ],
    }


def prompt_of(session: Session) -> str:
    """All that an agent is told, as one text."""
    return "\n\n".join((*session.instructions, session.context))


# ------------------------------------------------------------------------------- client


class Caller:
    """One connection to a session."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, about: Mapping[str, Any]
    ) -> None:
        self.about = about
        """What `described` says."""
        self.over = False
        """Whether the session has had all that it may have."""
        self._writer = writer
        self._waiting: dict[int, asyncio.Future[str]] = {}
        self._reading = asyncio.ensure_future(self._read(reader))

    async def call(
        self, tool: str, arguments: Mapping[str, Any], *, patience: float = PATIENCE_S
    ) -> str:
        """Use a tool of the session."""
        number = len(self._waiting)
        self._waiting[number] = asyncio.get_running_loop().create_future()
        told = {
            "id": number,
            "tool": tool,
            "arguments": dict(arguments),
            "call": secrets.token_hex(8),
            "patience": patience,
        }
        try:
            await _say(self._writer, told)
            return await self._waiting[number]
        except ConnectionError:
            return "the run has hung up; the session is over"

    def close(self) -> None:
        """Leave."""
        self._reading.cancel()
        self._writer.close()

    async def _read(self, reader: asyncio.StreamReader) -> None:
        while line := await reader.readline():
            answer = _object(line)
            self.over = bool(answer.get("over"))
            waiting = self._waiting.get(answer.get("id", -1))
            if waiting is not None and not waiting.done():
                waiting.set_result(str(answer.get("answer", "")))
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(ConnectionError("hung up"))


@asynccontextmanager
async def calling(socket: Path, hello: Mapping[str, Any]) -> AsyncIterator[Caller]:
    """Come into a session.

    Args:
        socket: Of the run.
        hello: The first line: a token, and perhaps what to open.

    Raises:
        UserError: Nobody listens there, or it does not let us in.
    """
    try:
        with _reachable(socket) as name:
            reader, writer = await asyncio.open_unix_connection(name, limit=LONGEST_LINE)
    except OSError:
        raise UserError(
            f"nobody works on {socket.parent} now; start it with `autores resume {socket.parent}`"
        ) from None
    await _say(writer, hello)
    about = _object(await reader.readline())
    if "error" in about or not about:
        writer.close()
        raise UserError(str(about.get("error", "the run has hung up")))
    caller = Caller(reader, writer, about)
    try:
        yield caller
    finally:
        caller.close()


def owner_token(socket: Path) -> str:
    """What opens new sessions of a run that is at work.

    Raises:
        UserError: It is not at work.
    """
    try:
        return socket.with_suffix(".token").read_text(encoding="utf-8")
    except OSError:
        raise UserError(
            f"nobody works on {socket.parent} now; start it with `autores resume {socket.parent}`"
        ) from None


# -------------------------------------------------------------------------------- lines


async def _say(writer: asyncio.StreamWriter, told: Mapping[str, Any]) -> None:
    writer.write(json.dumps(told).encode() + b"\n")
    await writer.drain()


def _object(line: bytes) -> dict[str, Any]:
    return _dict(json.loads(line) if line else None)


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def _write_private(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)


@contextmanager
def _reachable(socket: Path) -> Iterator[str]:
    """A name for it that is short enough: the kernel takes 107 bytes."""
    folder = os.open(socket.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        short = f"/proc/self/fd/{folder}/{socket.name}"
        yield short if os.path.isdir("/proc/self/fd") else str(socket)
    finally:
        os.close(folder)
