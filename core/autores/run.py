"""A run: what its loop, its sessions and its measurements share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from autores.agent import Agent
from autores.config import SettingsBook
from autores.control import Control
from autores.desk import Desk
from autores.executor import Executor
from autores.folder import RunFolder
from autores.gatekeeper import Gates
from autores.laboratory import Laboratory
from autores.lineage.store import LineageStore
from autores.lineage.view import LineageView
from autores.manager import PluginManager
from autores.moves import Move
from autores.probes import Probes
from autores.records import Budget, Specialist, Task
from autores.secret import RunSecret
from autores.steering import Steering
from autores.tools import Tool
from autores.workspace.repository import CodeRepository


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Made once, by `autores.opening`, when a run begins or is resumed."""

    folder: RunFolder
    settings: SettingsBook
    plugins: PluginManager
    task: Task
    specialists: Mapping[str, Specialist]
    budget: Budget
    secret: RunSecret
    store: LineageStore
    desk: Desk
    code: CodeRepository
    """For reading, in the main thread."""
    executor: Executor
    laboratory: Laboratory
    gates: Gates
    agent: Agent
    probes: Probes
    control: Control
    knowledge: tuple[str, ...] = ()
    """Documents for the system prompt."""
    tools: Mapping[str, Tool]
    moves: tuple[Move, ...] = ()
    steering: Steering
    """Follows what people said of the run's course."""
    active: Counter[str] = field(default_factory=Counter)
    """Specialists of the sessions that work now."""

    @property
    def submissions(self) -> int:
        """How many end a session."""
        return self.settings.run.submissions

    def session_name(self, count: int) -> str:
        """For the session that is opened as so manieth; it tells nothing where nothing is shown."""
        name = f"{self.store.head().seq:x}.{count}"
        if self.settings.run.lineage:
            return name
        return self.secret.derive("session", name).hex()[:16]

    def choice(self, name: str) -> int:
        """A number for an agent's own choices: the same in each run with the same `--seed`."""
        seed = self.settings.run.seed
        source = self.secret if seed is None else RunSecret(str(seed).encode())
        return int.from_bytes(source.derive("choice", name)[:8])

    def view(self, *, ending: bool = False, active: tuple[str, ...] = ()) -> LineageView:
        """The whole lineage, for the loop and its policies."""
        return LineageView(
            self.store,
            self.task,
            lineage_on=self.settings.run.lineage,
            ending=ending,
            specialists=tuple(self.specialists),
            active=active,
            steering=self.steering,
        )
