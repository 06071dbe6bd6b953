"""A session's tools over the Model Context Protocol: a thin proxy to the run's socket.

The trial belongs to the run and not to the call: `submit_trial` answers at once, `wait_trial`
before clients lose patience, and whoever hangs up has lost nothing.
"""

from __future__ import annotations

import asyncio
import hmac
import importlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from autores import __version__
from autores.control import Caller, Pass, calling
from autores.errors import UserError

NAME = "autores"
STARTING_S = 0.02
INSTRUCTIONS = "The tools of one session of autores. Submit with submit_trial, then wait_trial."


def server(caller: Caller) -> Any:
    """An MCP server that passes calls on."""
    types, lowlevel = _sdk("mcp.types"), _sdk("mcp.server.lowlevel")

    async def list_tools(context: Any, params: Any) -> Any:
        tools = [
            types.Tool(name=t["name"], description=t["description"], inputSchema=t["schema"])
            for t in caller.about["tools"]
        ]
        return types.ListToolsResult(tools=tools)

    async def call_tool(context: Any, params: Any) -> Any:
        answer = await caller.call(params.name, params.arguments or {})
        return types.CallToolResult(content=[types.TextContent(type="text", text=answer)])

    return lowlevel.Server(
        NAME,
        version=__version__,
        instructions=INSTRUCTIONS,
        on_list_tools=list_tools,
        on_call_tool=call_tool,
    )


async def over_stdio(known: Pass) -> None:
    """Serve on standard input and output until the client hangs up."""
    stdio = _sdk("mcp.server.stdio")
    async with calling(known.socket, {"token": known.token}) as caller:
        found = server(caller)
        async with stdio.stdio_server() as (reading, writing):
            await found.run(reading, writing, found.create_initialization_options())


async def over_http(known: Pass, port: int, *, ready: Callable[[str], None]) -> None:
    """Serve on loopback to whoever has the session's token as bearer.

    Args:
        known: The session.
        port: 0 for any.
        ready: Told the URL when it can be used.
    """
    uvicorn = _sdk("uvicorn")
    async with calling(known.socket, {"token": known.token}) as caller:
        app = guarded(server(caller).streamable_http_app(), known.token)
        config = uvicorn.Config(app, host="127.0.0.1", port=port, log_level="warning")
        found = uvicorn.Server(config)
        with config.bind_socket() as socket:
            serving = asyncio.ensure_future(found.serve(sockets=[socket]))
            try:
                while not found.started and not serving.done():
                    await asyncio.sleep(STARTING_S)
                ready(f"http://127.0.0.1:{socket.getsockname()[1]}/mcp")
                await asyncio.shield(serving)
            finally:
                found.should_exit = True
                await serving


App = Callable[[Any, Any, Any], Awaitable[None]]


def guarded(app: App, token: str) -> App:
    """Let requests with the token pass, and nobody else."""

    async def guard(scope: Mapping[str, Any], receive: Any, send: Any) -> None:
        headers = dict(scope.get("headers", ()))
        given = headers.get(b"authorization", b"").removeprefix(b"Bearer ")
        if scope["type"] != "http" or hmac.compare_digest(given, token.encode()):
            await app(scope, receive, send)
            return
        await send({"type": "http.response.start", "status": 401, "headers": []})
        await send({"type": "http.response.body", "body": b"give the session's token as bearer"})

    return guard


def _sdk(module: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError:
        raise UserError("MCP needs its SDK: pip install 'autores[mcp]'") from None
