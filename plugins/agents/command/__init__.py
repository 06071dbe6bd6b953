"""Any coding agent with a command line, in the workspace, with our tools over MCP."""

from __future__ import annotations

from autores import hookimpl
from autores.config import SettingsBook
from autores.plugins.agents.command.agent import CommandAgent
from autores.plugins.agents.command.settings import Settings

__all__ = ["CommandAgent", "Settings", "autores_agent"]


@hookimpl
def autores_agent(settings: SettingsBook) -> CommandAgent:
    """Find the program and what it must not see."""
    return CommandAgent.of(settings.of(Settings), settings.environment, settings.run.out)
