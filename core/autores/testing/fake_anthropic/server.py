"""The server: HTTP/1.1 on loopback, in a thread with an event loop of its own."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import threading
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from autores.testing.fake_anthropic.events import encoded, events, message
from autores.testing.fake_anthropic.exchange import Brain, Fault, Refusal, Reply, Request, Usage
from autores.testing.fake_anthropic.manners import objection
from autores.testing.fake_anthropic.meter import Meter, output_tokens

KEY = "sk-ant-test-0123456789abcdef"
"""Accepted by default."""
_REASONS = {200: "OK", 400: "Bad Request", 401: "Unauthorized", 404: "Not Found"}
_SETTLE_S = 0.05
"""Before a reset, so that a client has read what was sent: a reset may overtake it."""


class FakeAnthropic:
    """Serves as long as its `with` block lasts."""

    def __init__(
        self,
        brain: Brain,
        *,
        keys: tuple[str, ...] = (KEY,),
        window: int = 1_000_000,
        remembers: bool = True,
    ) -> None:
        """Play a service.

        Args:
            brain: What answers.
            keys: That are accepted.
            window: Tokens of the longest prompt.
            remembers: Whether requests are kept; many of them take much memory.
        """
        self._brain = brain
        self._keys = keys
        self._window = window
        self._meter = Meter()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._server: asyncio.Server
        self._connections: set[asyncio.StreamWriter] = set()
        self._remembers = remembers
        self.count = 0
        """Of requests."""
        self.requests: list[Request] = []
        self.sent = Usage()
        """The sum of the usage that clients were told."""

    @property
    def url(self) -> str:
        """For `base_url`."""
        host, port = self._server.sockets[0].getsockname()[:2]
        return f"http://{host}:{port}"

    def __enter__(self) -> Self:
        self._thread.start()
        started = asyncio.start_server(self._serve, "127.0.0.1", 0)
        self._server = asyncio.run_coroutine_threadsafe(started, self._loop).result()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _close(self) -> None:
        self._server.close()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        for writer in list(self._connections):
            writer.transport.abort()
        await asyncio.sleep(0.01)

    # --------------------------------------------------------------------- connections

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections.add(writer)
        try:
            while request := await self._read(reader):
                if not await self._answer(request, writer):
                    return
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            return
        finally:
            self._connections.discard(writer)
            writer.close()

    async def _read(self, reader: asyncio.StreamReader) -> Request | None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        except asyncio.IncompleteReadError:
            return None
        first, *rest = head.rstrip().split("\r\n")
        pairs = (line.partition(":") for line in rest)
        headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
        data = await reader.readexactly(int(headers.get("content-length", 0)))
        request = Request(
            number=self.count,
            path=first.split()[1].partition("?")[0],
            headers=headers,
            body=json.loads(data) if data else {},
        )
        self.count += 1
        if self._remembers:
            self.requests.append(request)
        return request

    async def _answer(self, request: Request, writer: asyncio.StreamWriter) -> bool:
        """Answer; whether the connection goes on."""
        usage = Usage()
        answer: Reply | Refusal | None = self._refused(request)
        if answer is None:
            usage = self._meter.prompt(request.body)
            answer = self._too_long(usage) or self._brain(request)
        if isinstance(answer, Refusal):
            await asyncio.sleep(answer.pause)
            return await _send_json(writer, answer.status, answer.body, answer.headers)
        if answer.fault is Fault.NOTHING:
            return False
        if request.path.endswith("/count_tokens"):
            return await _send_json(writer, 200, {"input_tokens": usage.prompt})
        model = request.body["model"]
        if not request.body.get("stream"):
            self.sent += usage + Usage(output_tokens=output_tokens(answer))
            whole = message(answer, request.number, model, usage)
            return await _send_json(writer, 200, whole)
        return await self._stream(request.number, model, usage, answer, writer)

    def _refused(self, request: Request) -> Refusal | None:
        bearer = request.headers.get("authorization", "").removeprefix("Bearer ")
        key = request.headers.get("x-api-key") or bearer
        if key not in self._keys:
            # The key stands in the message, so that tests see who lets it out.
            said = f"invalid x-api-key: {key}"
            return Refusal(status=401, kind="authentication_error", message=said)
        if not request.path.startswith("/v1/messages"):
            return Refusal(status=404, kind="not_found_error", message=request.path)
        wrong = objection({"max_tokens": 1, **request.body})
        return Refusal(status=400, kind="invalid_request_error", message=wrong) if wrong else None

    def _too_long(self, usage: Usage) -> Refusal | None:
        if usage.prompt <= self._window:
            return None
        said = f"prompt is too long: {usage.prompt} tokens > {self._window} maximum"
        return Refusal(status=400, kind="invalid_request_error", message=said)

    async def _stream(
        self, number: int, model: str, usage: Usage, reply: Reply, writer: asyncio.StreamWriter
    ) -> bool:
        await _send_head(writer, number)
        for position, (event, told) in enumerate(events(reply, number, model, usage)):
            if reply.fault is not None and position == reply.after:
                await _break(reply.fault, encoded(event), writer)
                return False
            if reply.pause:
                await asyncio.sleep(reply.pause)
            await _send_chunk(writer, encoded(event))
            self.sent += told
        writer.write(b"0\r\n\r\n")
        await writer.drain()
        return True


# ------------------------------------------------------------------------------- sending


async def _send_json(
    writer: asyncio.StreamWriter,
    status: int,
    body: Mapping[str, Any],
    headers: Mapping[str, str] | None = None,
) -> bool:
    data = json.dumps(body).encode()
    lines = [
        f"HTTP/1.1 {status} {_REASONS.get(status, 'Error')}",
        "content-type: application/json",
        f"content-length: {len(data)}",
        *(f"{name}: {value}" for name, value in (headers or {}).items()),
    ]
    writer.write("\r\n".join([*lines, "", ""]).encode() + data)
    await writer.drain()
    return True


async def _send_head(writer: asyncio.StreamWriter, number: int) -> None:
    writer.write(
        b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
        b"transfer-encoding: chunked\r\nrequest-id: req_%06d\r\n\r\n" % number
    )
    await writer.drain()


async def _send_chunk(writer: asyncio.StreamWriter, data: bytes) -> None:
    writer.write(b"%x\r\n%s\r\n" % (len(data), data))
    await writer.drain()


async def _break(fault: Fault, event: bytes, writer: asyncio.StreamWriter) -> None:
    match fault:
        case Fault.HANG_UP:
            await _send_chunk(writer, event[: len(event) // 2])
        case Fault.RESET:
            await asyncio.sleep(_SETTLE_S)
            raw: socket.socket = writer.get_extra_info("socket")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()
        case Fault.MALFORMED:
            await _send_chunk(writer, b"event: content_block_delta\ndata: {'broken\n\n")
            await _end(writer)
        case Fault.ERROR_EVENT:
            said = Refusal(status=529, kind="overloaded_error", message="Overloaded").body
            await _send_chunk(writer, encoded(said))
            await _end(writer)
        case _:
            await _end(writer)


async def _end(writer: asyncio.StreamWriter) -> None:
    writer.write(b"0\r\n\r\n")
    await writer.drain()
