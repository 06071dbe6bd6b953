"""`autores session` and `autores mcp`: take part in a run that is at work."""

from __future__ import annotations

import asyncio
import subprocess
import tempfile
from pathlib import Path

import click

from autores.cli.options import located, run_argument
from autores.config import Environment
from autores.control import Caller, Pass, calling, owner_token
from autores.folder import RunFolder
from autores.mcp_proxy import over_http, over_stdio

PATIENCE_S = 50.0
MENU = "[e]dit  [d]iff  [c]heck  [s]ubmit  [t]ool  [q]uit"


@click.command()
@click.option(
    "--session",
    required=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="file of the session, from `autores session` or the agent `command`",
)
@click.option(
    "--http", type=int, metavar="PORT", help="serve HTTP on loopback instead; 0: any port"
)
def mcp(session: Path, http: int | None) -> None:
    """Offer a session's tools over the Model Context Protocol, on standard input and output."""
    known = Pass.read(session)
    if http is None:
        asyncio.run(over_stdio(known))
    else:
        asyncio.run(over_http(known, http, ready=lambda url: click.echo(url, err=True)))


@click.command()
@run_argument
@click.option("--as", "specialist", required=True, metavar="SPECIALIST", help="whose part you take")
@click.option("--editor", help="a command that opens the folder; else you open it yourself")
def session(run: Path, specialist: str, editor: str | None) -> None:
    """Be a specialist: edit a workspace of a run that is at work, and submit it.

    Any MCP client can use the session's tools meanwhile: `autores mcp --session FILE`.
    """
    folder = RunFolder(located(run, Environment.read()))
    asyncio.run(_sit(folder, specialist, editor))


async def _sit(folder: RunFolder, specialist: str, editor: str | None) -> None:
    socket = folder.control
    hello = {"token": owner_token(socket), "open": {"specialist": specialist}}
    async with calling(socket, hello) as caller:
        with tempfile.TemporaryDirectory(prefix="autores-") as place:
            _introduce(caller, socket, Path(place))
            if editor:
                await asyncio.to_thread(_open, editor, caller.about["workspace"])
            await _talk(caller, editor)


def _introduce(caller: Caller, socket: Path, place: Path) -> None:
    about = caller.about
    (place / "prompt.md").write_text(about["prompt"], encoding="utf-8")
    known = Pass(session=about["session"], socket=socket.absolute(), token=about["token"])
    known.write(place / "session.json")
    click.echo(f"session    {about['session']} as {about['specialist']}")
    click.echo(f"workspace  {about['workspace']}")
    click.echo(f"prompt     {place / 'prompt.md'}")
    click.echo(f"tools      autores mcp --session {place / 'session.json'}")


def _open(editor: str, folder: str) -> None:
    subprocess.run([*editor.split(), folder], check=False)


async def _talk(caller: Caller, editor: str | None) -> None:
    """Ask what to do until the session is over or the person leaves."""
    while not caller.over:
        word = (await _asked(MENU)).strip().lower()[:1]
        if word == "q":
            return
        if word == "e" and editor:
            await asyncio.to_thread(_open, editor, caller.about["workspace"])
        elif word == "d":
            click.echo(await caller.call("diff", {}))
        elif word == "c":
            click.echo(await caller.call("check_legality", {}))
        elif word == "s":
            await _submit(caller)
        elif word == "t":
            click.echo(await _tool(caller))


async def _submit(caller: Caller) -> None:
    hypothesis = await _asked("what was changed, and why should it help")
    if not hypothesis.strip():
        return
    answer = await caller.call("submit_trial", {"hypothesis": hypothesis})
    click.echo(answer)
    number = answer.partition("wait_trial(")[2].partition(")")[0]
    while number.isdecimal():
        answer = await caller.call("wait_trial", {"trial": int(number)}, patience=PATIENCE_S)
        if "still being measured" not in answer:
            click.echo(answer)
            return


async def _tool(caller: Caller) -> str:
    """One tool with text arguments: `read_log trial=3 phase=train`."""
    name, *rest = (await _asked("tool and arguments, as in: read_log trial=3")).split()
    pairs = (part.partition("=") for part in rest)
    return await caller.call(name, {key: value for key, _, value in pairs})


async def _asked(question: str) -> str:
    """An end of input leaves."""
    try:
        return await asyncio.to_thread(input, f"{question}: ")
    except EOFError:
        return "q"
