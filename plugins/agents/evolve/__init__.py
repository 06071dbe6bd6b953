"""Agent `evolve`: an optimiser of recipes that needs no model and no key; see `docs/evolve.md`."""

from __future__ import annotations

from autores import hookimpl
from autores.config import SettingsBook
from autores.plugins.agents.evolve.agent import Evolve
from autores.plugins.agents.evolve.settings import Settings

__all__ = ["Evolve", "Settings", "autores_agent"]


@hookimpl
def autores_agent(settings: SettingsBook) -> Evolve:
    """One for the run."""
    return Evolve(settings.of(Settings))
