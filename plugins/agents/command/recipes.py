"""How known programs are called, and what they print."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from autores.errors import UserError, unknown
from autores.plugins.agents.command.reading import ClaudeReader, CodexReader, PlainReader, Reader
from autores.plugins.agents.command.settings import Settings

PROMPT = "Read the file {prompt_file} and do what it says."
TOOL_TIMEOUT_S = 90


@dataclass(frozen=True, slots=True)
class Place:
    """The files of one session that the program finds beside its workspace."""

    folder: Path
    workspace: Path

    @property
    def prompt(self) -> Path:
        """All that an agent is told."""
        return self.folder / "prompt.md"

    @property
    def session(self) -> Path:
        """What `autores mcp` needs to come in."""
        return self.folder / "session.json"

    @property
    def mcp_config(self) -> Path:
        """The server's command line, in the format that most clients read."""
        return self.folder / "mcp.json"

    @property
    def server(self) -> list[str]:
        """The words of that command line."""
        return [sys.executable, "-m", "autores", "mcp", "--session", str(self.session)]

    def write_config(self) -> None:
        """Write it."""
        command, *arguments = self.server
        servers = {"autores": {"command": command, "args": arguments}}
        self.mcp_config.write_text(json.dumps({"mcpServers": servers}), encoding="utf-8")


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A command line with placeholders, its variables, and how it is read."""

    words: tuple[str, ...]
    reader: Callable[[], Reader] = PlainReader
    variables: Mapping[str, str] = field(default_factory=dict)

    def argv(self, place: Place, settings: Settings) -> list[str]:
        """The command line of one session.

        Raises:
            UserError: It names something that there is not.
        """
        known = {
            "prompt_file": str(place.prompt),
            "session_file": str(place.session),
            "mcp_config": str(place.mcp_config),
            "workspace": str(place.workspace),
            "model": settings.model,
            "dollars": f"{settings.dollars:g}" if settings.dollars is not None else "",
            "server": json.dumps(place.server[0]),
            "server_arguments": json.dumps(place.server[1:]),
        }
        try:
            return [_filled(word, known) for word in self.words]
        except KeyError as error:
            raise UserError(
                f"agent.command.argv names {{{error.args[0]}}}; there are: {', '.join(known)}"
            ) from None


def _filled(word: str, known: Mapping[str, str]) -> str:
    """Braces that are no placeholder stay, so that JSON can be an argument."""
    head, brace, rest = word.partition("{")
    name, end, tail = rest.partition("}")
    if not brace or not end:
        return word
    if not name.isidentifier():
        return head + brace + _filled(rest, known)
    return head + known[name] + _filled(tail, known)


def program(settings: Settings, keys: Sequence[str], *, boxed: bool) -> Program:
    """What the settings ask for.

    Args:
        settings: A known program's name, or any command line.
        keys: Variables with keys that are passed on.
        boxed: Whether it runs in our sandbox and needs none of its own.

    Raises:
        UserError: They ask for nothing, or for something unknown.
    """
    if settings.words:
        return Program(words=settings.words, reader=_reader_of(settings.words[0]))
    if settings.program == "claude":
        return _claude(settings, bare="ANTHROPIC_API_KEY" in keys)
    if settings.program == "codex":
        return _codex(settings, boxed=boxed)
    if settings.program:
        raise unknown("program", settings.program, ("claude", "codex"))
    raise UserError(
        "agent command needs a program: -o agent.command.program=claude, or "
        """-o agent.command.argv='["program", "{prompt_file}"]'"""
    )


def _claude(settings: Settings, *, bare: bool) -> Program:
    """Without `--bare` it uses the login of whoever runs it; with it, the key alone."""
    tools = "mcp__autores,Read,Edit,Grep,Glob"
    words = ["claude", "-p", PROMPT, *(["--bare"] if bare else [])]
    words += ["--model", "{model}"] if settings.model else []
    words += ["--output-format", "stream-json", "--verbose"]
    words += ["--mcp-config", "{mcp_config}", "--strict-mcp-config"]
    words += ["--allowedTools", tools]  # without a terminal all others are denied
    words += ["--max-budget-usd", "{dollars}"] if settings.dollars is not None else []
    variables = {
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "IS_SANDBOX": "1",
        "MCP_TOOL_TIMEOUT": str(TOOL_TIMEOUT_S * 1000),
    }
    return Program(words=tuple(words), reader=ClaudeReader, variables=variables)


def _codex(settings: Settings, *, boxed: bool) -> Program:
    """Two sandboxes do not nest; where ours is off, its own keeps it in the workspace."""
    own = "danger-full-access" if boxed else "workspace-write"
    server = "mcp_servers.autores"
    overrides = (
        'approval_policy="never"',
        f"{server}.command={{server}}",
        f"{server}.args={{server_arguments}}",
        f"{server}.required=true",  # it waits for the server
        f"{server}.startup_timeout_sec={TOOL_TIMEOUT_S}",
        f"{server}.tool_timeout_sec={TOOL_TIMEOUT_S}",
        f'{server}.default_tools_approval_mode="approve"',
    )
    words = ["codex", "exec", "--json", "--skip-git-repo-check", "-s", own, "-C", "{workspace}"]
    words += ["-m", "{model}"] if settings.model else []
    words += [word for override in overrides for word in ("-c", override)]
    return Program(words=(*words, PROMPT), reader=CodexReader)


def _reader_of(word: str) -> Callable[[], Reader]:
    known: dict[str, Callable[[], Reader]] = {"claude": ClaudeReader, "codex": CodexReader}
    return known.get(Path(word).name, PlainReader)
