"""The agent that thinks: Claude through the Messages API."""

from __future__ import annotations

from autores import hookimpl
from autores.config import SettingsBook
from autores.plugins.agents.anthropic.agent import AnthropicAgent
from autores.plugins.agents.anthropic.connection import Connection
from autores.plugins.agents.anthropic.key import Key
from autores.plugins.agents.anthropic.prices import Prices
from autores.plugins.agents.anthropic.settings import Settings

__all__ = ["AnthropicAgent", "Settings", "autores_agent"]


@hookimpl
def autores_agent(settings: SettingsBook) -> AnthropicAgent:
    """Find the key and the prices; the SDK is imported when the first session begins."""
    own = settings.of(Settings)
    own.check()
    prices = Prices.of(own.prices)
    if settings.run.max_dollars is not None or own.session_dollars is not None:
        prices.require(own.models)
    key = Key.find(own.key_file, settings.environment)
    return AnthropicAgent(own, Connection(own, key), prices)
