"""Begin a run or take one up again: from settings to a `Run` that the loop can work with."""

from __future__ import annotations

import platform
import secrets
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from autores import arms, manifest
from autores.agent import Agent, Closing
from autores.budget import budget_of
from autores.codec import to_json
from autores.config import SettingsBook, Value
from autores.control import Control
from autores.desk import Desk
from autores.errors import RunFailed, UserError
from autores.evaluator.sandbox.level import Level
from autores.events import Body, Calibrated, Created, Marked
from autores.executor import Executor
from autores.folder import RunFolder
from autores.gatekeeper import Gatekeeper
from autores.laboratory import Conditions, Laboratory
from autores.lineage.store import LineageStore, Order, OtherLineage, Query
from autores.loading import Loaded, load
from autores.manager import PluginManager
from autores.manifest import Manifest
from autores.probes import Probes
from autores.reading import store_url
from autores.records import Budget
from autores.run import Run
from autores.secret import NAME, RunSecret
from autores.steering import Steering
from autores.transcript import interrupted
from autores.workspace.repository import CodeRepository

SUPERVISOR = "supervisor"
LEASE = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A run, and who supervises it."""

    run: Run
    owner: str


def begin(settings: SettingsBook, plugins: PluginManager) -> tuple[RunFolder, Loaded]:
    """Make the folder of a new run, and write down all that was resolved.

    Raises:
        UserError: A setting is wrong, or there is such a run already.
    """
    loaded = load(settings, plugins)
    name = settings.run.name or f"{loaded.task.name}-{time.strftime('%Y%m%d-%H%M%S')}"
    folder = RunFolder(Path(settings.run.out) / name)
    if folder.manifest.exists():
        raise UserError(f"{folder.root} is a run already; `autores resume {folder.root}` goes on")
    world = loaded.world(settings.environment.data_dir)
    agent_of(loaded)  # whoever lacks a key learns it before there is a folder
    folder.create()
    if not folder.code.exists():
        CodeRepository.create(folder.code)
    now = time.time()
    budget = budget_of(settings.run, now)
    about = {
        "name": name,
        "began": round(now, 3),
        "deadline": budget.deadline,
        "hidden": list(arms.hidden(settings.run)),
        "plugins": list(plugins.asked),
    }
    _manifest(loaded, about, world).write(folder.manifest)
    return folder, loaded


def take_up(
    root: Path, settings: SettingsBook, plugins: PluginManager, *, accept_changes: bool
) -> tuple[RunFolder, Loaded]:
    """Load what a run was begun with; settings given now lie over those of then.

    Raises:
        UserError: It is no run, or code, data or machine have changed and nobody said that
            this is meant.
    """
    folder = RunFolder(root)
    loaded, then, now = resolved(folder, settings, plugins)
    changes = [c for c in then.changes(now) if not c.startswith("versions.reporter:")]
    if changes and not accept_changes:
        listing = "; ".join(changes)
        raise UserError(
            f"since this run began something changed: {listing}; go on with --accept-changes"
        )
    if changes or dict(now.settings) != dict(then.settings):
        now.write(folder.manifest)
    return folder, loaded


def resolved(
    folder: RunFolder, settings: SettingsBook, plugins: PluginManager
) -> tuple[Loaded, Manifest, Manifest]:
    """What a run was begun with, loaded, with what stands in its manifest and would stand now.

    Raises:
        UserError: It is no run, or one that was imported.
    """
    then = Manifest.read(folder.manifest)
    if "imported" in then.run:
        raise UserError(f"{folder.root} was imported; it can be read and not changed")
    given = {name: Value(value=v, source=str(folder.manifest)) for name, v in then.settings.items()}
    both = SettingsBook(given | settings.values, environment=settings.environment)
    plugins.ask(then.run.get("plugins", ()))
    loaded = load(both, plugins)
    return loaded, then, _manifest(loaded, then.run, loaded.world(both.environment.data_dir))


def _manifest(loaded: Loaded, about: Any, world: str) -> Manifest:
    plugins = loaded.plugins
    return Manifest(
        run=about,
        settings={
            name: _plain(value) for name, value, _, _ in loaded.settings.rows() if name != "name"
        },
        limits=to_json(loaded.limits()),
        versions=manifest.versions(
            {f"{g.singular}:{n}": plugins.is_from(g, n) for g, n in plugins.loaded}
        ),
        hashes=manifest.hashes(plugin=loaded.module, knowledge=loaded.knowledge, world=world),
        machine={"system": platform.system(), "architecture": platform.machine()},
    )


def _plain(value: Any) -> Any:
    """As TOML has it."""
    if isinstance(value, Enum):
        return value.value
    return str(value) if isinstance(value, Path) else value


@asynccontextmanager
async def opened(
    folder: RunFolder, loaded: Loaded, *, secret: RunSecret | None = None
) -> AsyncIterator[Opened]:
    """Open store, code, executor, gates and agent; close them in the end.

    Args:
        folder: The run's.
        loaded: What `begin` or `take_up` has loaded.
        secret: Of a lineage that has not begun; a new one by default.

    Raises:
        UserError: Another supervisor has this run, or the store holds something else.
    """
    owner = f"{platform.node()}:{secrets.token_hex(4)}"
    async with AsyncExitStack() as stack:
        store = _store(folder, loaded)
        stack.callback(store.close)
        if not store.lease(SUPERVISOR, owner, LEASE):
            raise UserError(f"another process works on {folder.root}; stop that one first")
        stack.callback(store.release, SUPERVISOR, owner)
        secret = _begun(store, loaded, secret or RunSecret.draw())
        code = CodeRepository.open(folder.code)
        code.recover()
        stack.callback(code.close)
        desk = Desk(store, code)
        stack.callback(desk.close)
        executor = executor_of(loaded)
        stack.push_async_callback(executor.close)
        gates = await Gatekeeper.start(folder.code, loaded)
        stack.push_async_callback(gates.close)
        run = _run(folder, loaded, store, code, desk, executor, gates, secret, owner)
        if isinstance(run.agent, Closing):
            stack.push_async_callback(run.agent.close)
        await run.control.start()
        stack.push_async_callback(run.control.close)
        await _mend(run)
        yield Opened(run=run, owner=owner)


def _store(folder: RunFolder, loaded: Loaded) -> LineageStore:
    url = store_url(loaded.settings, folder)
    store: LineageStore | None = loaded.plugins.hook.autores_store(url=url)
    if store is None:
        raise UserError(f"no plugin opens the store {url!r}; write sqlite:PATH or memory:")
    return store


def _begun(store: LineageStore, loaded: Loaded, drawn: RunSecret) -> RunSecret:
    """Create the lineage, or make sure that it is this run's; its secret."""
    task = loaded.task
    created = Created(direction=task.metric.direction, task=task.name, profile=task.profile)
    if store.head().created is None:
        store.append(lambda head: () if head.created else (created,), secrets={NAME: drawn.value})
    if store.head().created != created:
        raise OtherLineage(
            f"the store holds {store.head().created}, not {created}; "
            "give this run a store of its own with --store"
        )
    value = store.secret(NAME)
    if value is None:
        raise RunFailed("the lineage has lost its secret; its seeds and keys cannot be derived")
    return RunSecret(value)


def inherit(folder: RunFolder, loaded: Loaded, source: RunFolder) -> None:
    """Give a run that has not begun another run's secret, baseline and calibration.

    Both then measure with the same seeds, and neither calibrates by luck.
    """
    store, other = _store(folder, loaded), _store(source, loaded)
    try:
        secret = other.secret(NAME)
        if store.head().created is not None or secret is None:
            return
        code = CodeRepository.open(folder.code)
        code.seed(Path(loaded.task.recipe.path))
        code.close()
        bodies = list(_up_to_calibration(other))
        store.append(lambda head: bodies, secrets={NAME: secret})
    finally:
        store.close()
        other.close()


def _up_to_calibration(store: LineageStore) -> Iterator[Body]:
    for event in store.since(0):
        if not isinstance(event.body, Marked):
            yield event.body
        if isinstance(event.body, Calibrated):
            return


def executor_of(loaded: Loaded) -> Executor:
    """Build the executor that the settings name.

    Raises:
        UserError: There is no such executor.
    """
    executor: Executor | None = loaded.plugins.hook.autores_executor(settings=loaded.settings)
    if executor is None:
        raise UserError(f"executor {loaded.settings.run.executor!r} builds nothing; see --executor")
    return executor


def agent_of(loaded: Loaded) -> Agent:
    """Build the agent that the settings name.

    Raises:
        UserError: There is no such agent, or it lacks something, such as a key.
    """
    agent: Agent | None = loaded.plugins.hook.autores_agent(settings=loaded.settings)
    if agent is None:
        raise UserError(f"agent {loaded.settings.run.agent!r} builds nothing; see --agent")
    return agent


def _run(
    folder: RunFolder,
    loaded: Loaded,
    store: LineageStore,
    code: CodeRepository,
    desk: Desk,
    executor: Executor,
    gates: Gatekeeper,
    secret: RunSecret,
    owner: str,
) -> Run:
    plugins, settings, task = loaded.plugins, loaded.settings, loaded.task
    conditions = Conditions(
        task=task,
        plugin=loaded.module,
        limits=loaded.limits(),
        data_dir=settings.environment.data_dir,
        world=loaded.world(settings.environment.data_dir),
        hardware=executor.capacity().hardware,
        host=platform.node(),
        owner=owner,
        sandbox=executor.capacity().sandbox,
        min_level=_min_level(store, settings, executor.capacity().sandbox),
    )
    laboratory = Laboratory(
        desk=desk, executor=executor, code=code, folder=folder, secret=secret, conditions=conditions
    )
    offered = plugins.hook.autores_tools(task=task, settings=settings)
    tools = [tool for found in offered for tool in found]  # the task's come last: loaded first
    return Run(
        folder=folder,
        settings=settings,
        plugins=plugins,
        task=task,
        specialists=loaded.specialists,
        budget=_budget(folder, settings),
        secret=secret,
        store=store,
        desk=desk,
        code=code,
        executor=executor,
        laboratory=laboratory,
        gates=gates,
        agent=agent_of(loaded),
        probes=Probes(
            executor=executor,
            task=task,
            limits=conditions.limits,
            folder=folder.probes,
            min_level=conditions.min_level,
            sandbox=conditions.sandbox,
        ),
        control=Control(folder.control),
        knowledge=loaded.knowledge,
        steering=Steering(store),
        tools={tool.name: tool for tool in sorted(tools, key=lambda tool: tool.name)},
        moves=tuple(m for found in plugins.hook.autores_moves(task=task) for m in found),
    )


def _min_level(store: LineageStore, settings: SettingsBook, here: str) -> str:
    """The worst level that anything counts at: by default that of the run's first evaluation.

    Raises:
        UserError: This machine does not reach it.
    """
    looks = store.looks(0) if store.head().next_trial else ()
    first = next((look.evaluation.sandbox for look in looks), "")
    least = settings.run.min_level or first or "none"
    if Level.named(here or least) < Level.named(least):
        raise UserError(
            f"this run wants the sandbox level {least} and this machine reaches {here}; "
            f"`autores doctor` says why, and -o min_level={here} accepts it"
        )
    return least


def _budget(folder: RunFolder, settings: SettingsBook) -> Budget:
    """A deadline given as a duration counts from when the run began."""
    began = Manifest.read(folder.manifest).run["began"]
    return budget_of(settings.run, began)


async def _mend(run: Run) -> None:
    """Bring refs and transcripts up to what the lineage says."""
    unpublished = run.store.head().next_trial - 1 - run.code.refs.packed_through
    if unpublished > 0:
        newest = run.store.query(Query(order=Order.NEWEST, limit=unpublished))
        rows = [(trial.id, trial.submission.commit) for trial in newest]
        await run.desk.refs(lambda code: code.mend(rows))
    marks = [Marked(name="interrupted", text="", session=name) for name in interrupted(run.folder)]
    await run.desk.append(lambda head: marks)
