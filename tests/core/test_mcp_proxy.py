from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

mcp = pytest.importorskip("mcp")

from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client

from autores import opening as opening_module
from autores.control import calling
from autores.gatekeeper import DirectGates
from autores.mcp_proxy import over_http, server
from autores.session import LiveSession
from autores.testing.runs import Opening, Stage, stage

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
EDIT = {"path": "fit.py", "old": "rate = 0.05", "new": "rate = 0.07"}
Play = Callable[..., None]


@pytest.fixture(autouse=True)
def quick_gates(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening_module, "Gatekeeper", DirectGates)


@pytest.fixture
def play(tmp_path: Path) -> Play:
    def played(scene: Callable[[LiveSession, Stage], Awaitable[None]]) -> None:
        async def whole() -> None:
            async with stage(Opening.of(tmp_path)) as at:
                session = at.session("optim")
                await scene(session, at)
                await session.settled()

        asyncio.run(whole())

    return played


def said(result: Any) -> str:
    (block,) = result.content
    return str(block.text)


async def works(client: Any, session: LiveSession) -> None:
    """List, edit, submit, wait: all that a coding agent needs."""
    listed = await client.list_tools()
    tools = {tool.name: tool for tool in listed.tools}
    assert set(tools) == set(session.tools)
    assert tools["edit_file"].input_schema == session.tools["edit_file"].schema
    assert "1 place changed" in said(await client.call_tool("edit_file", EDIT))
    assert "is missing" in said(await client.call_tool("read_file", {}))
    answer = said(await client.call_tool("submit_trial", {"hypothesis": "over MCP"}))
    assert "submitted as trial 1" in answer
    assert "“over MCP”" in said(await client.call_tool("wait_trial", {"trial": 1}))


def test_in_memory(play: Play) -> None:
    async def scene(session: LiveSession, at: Stage) -> None:
        with session.admit() as known:
            async with (
                calling(known.socket, {"token": known.token}) as caller,
                mcp.Client(server(caller)) as client,
            ):
                await works(client, session)

    play(scene)


def test_over_standard_input_and_output(play: Play, tmp_path: Path) -> None:
    async def scene(session: LiveSession, at: Stage) -> None:
        with session.admit() as known:
            known.write(tmp_path / "session.json")
            argv = ["-m", "autores", "mcp", "--session", str(tmp_path / "session.json")]
            program = mcp.StdioServerParameters(command=sys.executable, args=argv)
            async with AsyncExitStack() as stack:
                client = await stack.enter_async_context(mcp.Client(stdio_client(program)))
                await works(client, session)

    play(scene)


def test_over_http_with_the_sessions_token_alone(play: Play) -> None:
    async def scene(session: LiveSession, at: Stage) -> None:
        import httpx2

        url: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        with session.admit() as known:
            serving = asyncio.ensure_future(over_http(known, 0, ready=url.set_result))
            async with httpx2.AsyncClient() as stranger:
                refused = await stranger.post(await url, json={})
                assert refused.status_code == 401
            headers = {"authorization": f"Bearer {known.token}"}
            async with httpx2.AsyncClient(headers=headers) as http:
                transport = streamable_http_client(await url, http_client=http)
                async with mcp.Client(transport) as client:
                    await works(client, session)
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)

    play(scene)
