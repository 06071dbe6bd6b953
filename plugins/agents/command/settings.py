"""Which program, and what it may use."""

from __future__ import annotations

import ast
import json
import shlex
from dataclasses import dataclass, field

from autores.errors import UserError


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """A known program, or any."""

    program: str = field(default="", metadata={"help": "a known one: claude or codex"})
    argv: str = field(
        default="",
        metadata={
            "help": "any program, as a JSON list or as words; may name {prompt_file}, "
            "{session_file}, {mcp_config}, {workspace}, {model}, {dollars}"
        },
    )
    model: str = field(default="", metadata={"help": "what the program should use"})
    turns: int = field(default=100, metadata={"help": "answers of its model, then it is ended"})
    dollars: float | None = field(default=5.0, metadata={"help": "most dollars of a session"})
    limit: str = field(
        default="12h", metadata={"help": "wall time, waiting included, then it is ended"}
    )
    linger: str = field(
        default="60s", metadata={"help": "what it gets to end when nothing is left to do"}
    )
    sandbox: str = field(
        default="bubblewrap", metadata={"help": "bubblewrap, or off: it sees all that you see"}
    )
    writable: tuple[str, ...] = field(
        default=("~/.claude", "~/.claude.json", "~/.codex"),
        metadata={"help": "what it may write besides the workspace: its own state and login"},
    )
    hidden: tuple[str, ...] = field(
        default=("~/.ssh", "~/.aws", "~/.gnupg", "~/.kube", "~/.netrc", "~/.config/gcloud"),
        metadata={"help": "what it must not see, besides runs and data"},
    )
    keys: tuple[str, ...] = field(
        default=("ANTHROPIC_API_KEY", "OPENAI_API_KEY"),
        metadata={"help": "variables with keys that are passed on where they are set"},
    )
    env: tuple[str, ...] = field(default=(), metadata={"help": "NAME=VALUE for it"})

    @property
    def words(self) -> tuple[str, ...]:
        """The words of `argv`.

        Raises:
            UserError: They cannot be read.
        """
        text = self.argv.strip()
        if not text.startswith("["):
            return tuple(shlex.split(text))
        for read in (json.loads, ast.literal_eval):
            try:
                return tuple(str(word) for word in read(text))
            except (ValueError, SyntaxError):
                continue
        raise UserError(f"agent.command.argv: {text!r} is neither a JSON list nor words")

    @property
    def variables(self) -> dict[str, str]:
        """What `env` says.

        Raises:
            UserError: It says no variable.
        """
        pairs = [text.partition("=") for text in self.env]
        if wrong := [name for name, equals, _ in pairs if not (name and equals)]:
            raise UserError(f"agent.command.env: {wrong[0]!r} is not NAME=VALUE")
        return {name: value for name, _, value in pairs}
