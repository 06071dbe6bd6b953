from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from autores import hookimpl, opening
from autores.config import Environment, SettingsBook, gather
from autores.errors import UserError
from autores.events import Accepted, Marked
from autores.folder import RunFolder
from autores.gatekeeper import DirectGates
from autores.lineage.store import OtherLineage
from autores.manager import Group, PluginManager
from autores.manifest import Manifest
from autores.moves import Move
from autores.opening import begin, opened, take_up
from autores.run import Run
from autores.secret import BYTES, RunSecret
from autores.testing.inline import Inline
from autores.testing.scripted import Scripted
from autores.testing.stores import submission
from autores.tools import Tool

OpenRun = Callable[..., AbstractAsyncContextManager[Run]]
CHOICE = {
    "task": "toy",
    "agent": "scripted",
    "executor": "inline",
    "policy": "strict",
    "name": "one",
    "reporter": "quiet",
}


def settings(**options: Any) -> SettingsBook:
    return gather(file=None, environment=Environment.read(), options=CHOICE | options)


def again(**options: Any) -> SettingsBook:
    return gather(file=None, environment=Environment.read(), options=options)


def take_up_one(*, accept_changes: bool = False, **options: Any) -> RunFolder:
    root = Path("runs/one")
    return take_up(root, again(**options), PluginManager(), accept_changes=accept_changes)[0]


# ------------------------------------------------------------------------------ beginning


def test_the_least_level_is_that_of_the_runs_first_evaluation() -> None:
    def least(first: str | None, here: str, **options: Any) -> str:
        looks = [SimpleNamespace(evaluation=SimpleNamespace(sandbox=first))] if first else []
        head = SimpleNamespace(next_trial=int(first is not None))
        store: Any = SimpleNamespace(head=lambda: head, looks=lambda trial: looks)
        return opening._min_level(store, settings(**options), here)

    assert least(None, "full") == "none"
    assert least("partial", "full") == "partial"
    assert least("full", "") == "full"
    assert least("full", "partial", min_level="partial") == "partial"
    for first, options in (("full", {}), (None, {"min_level": "full"})):
        with pytest.raises(UserError, match=r"wants the sandbox level full and .* reaches partial"):
            least(first, "partial", **options)


def test_a_run_begins(open_run: OpenRun) -> None:
    async def scene() -> None:
        async with open_run(store="") as run:
            assert run.folder.root == Path("runs/one")
            assert isinstance(run.agent, Scripted)
            assert isinstance(run.executor, Inline)
            created = run.store.head().created
            assert created is not None
            assert (created.task, run.store.head().seq) == ("toy", 1)
            assert run.folder.lineage.exists()
            assert run.laboratory.conditions.hardware == "inline"
            assert not run.store.lease("supervisor", "somebody else", 1.0)

    asyncio.run(scene())


def test_all_that_was_resolved_is_written_down(place: Path) -> None:
    folder, _ = begin(settings(seed=7, deadline="2h", lineage=False), PluginManager())
    manifest = Manifest.read(folder.manifest)
    assert manifest.run["name"] == "one"
    assert manifest.run["deadline"] == pytest.approx(manifest.run["began"] + 7200, abs=0.01)
    assert len(manifest.run["hidden"]) == 3
    assert (manifest.settings["task"], manifest.settings["seed"]) == ("toy", 7)
    assert manifest.settings["policy"] == "strict"
    assert "gates.scope" in manifest.settings
    assert manifest.versions["task:toy"].startswith("autores ")
    assert manifest.limits["wall"] == {"train": 5.0}
    assert all(manifest.hashes[name] for name in ("evaluator", "task", "knowledge", "world"))


def test_a_run_without_a_name_is_named_after_its_task(place: Path) -> None:
    folder, _ = begin(settings(name=""), PluginManager())
    assert folder.root.name.startswith("toy-2")


def test_a_run_that_is_there_is_not_begun_again(place: Path) -> None:
    begin(settings(), PluginManager())
    with pytest.raises(UserError, match="runs/one is a run already; `autores resume runs/one`"):
        begin(settings(), PluginManager())


def test_what_plugins_bring_to_a_run(open_run: OpenRun) -> None:
    async def answer(context: object, arguments: object) -> str:
        return "42"

    tool = Tool(name="size", description="How big it is.", run=answer)
    move = Move(name="m", surface="optimizer", title="Do it", path="fit.py", pieces=())
    brings = SimpleNamespace(
        autores_tools=hookimpl(lambda task: [tool] if task.name == "toy" else []),
        autores_moves=hookimpl(lambda task: [move] if task.name == "toy" else []),
    )

    async def scene() -> None:
        plugins = PluginManager()
        plugins.register(brings, "brings")
        async with open_run(plugins) as run:
            assert run.tools["size"] is tool
            assert run.moves == (move,)

    asyncio.run(scene())


def test_choices_are_repeated_with_the_seed_alone(
    open_run: OpenRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def choices(**settings: Any) -> list[int]:
        async with open_run(**settings) as run:
            return [run.choice(name) for name in ("a", "b")]

    one = asyncio.run(choices(name="one", seed=3))
    assert len(set(one)) == 2
    assert asyncio.run(choices(name="two", seed=3)) == one
    assert asyncio.run(choices(name="three", seed=4)) != one
    two = asyncio.run(choices(name="four", seed=None))
    monkeypatch.setattr(RunSecret, "draw", lambda: RunSecret(b"t" * BYTES))
    assert asyncio.run(choices(name="five", seed=None)) != two


def test_an_agent_that_lacks_its_key_leaves_no_folder(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    with pytest.raises(UserError, match="ANTHROPIC_API_KEY"):
        begin(settings(agent="anthropic"), PluginManager())
    assert not Path("runs").exists()


# -------------------------------------------------------------------------- taking it up


def test_it_is_taken_up_as_it_was_begun(place: Path) -> None:
    folder, _ = begin(settings(seed=7, max_trials=3), PluginManager())
    before = folder.manifest.read_bytes()
    root = Path("runs/one")
    _, loaded = take_up(root, again(), PluginManager(), accept_changes=False)
    run = loaded.settings.run
    assert (run.task, run.policy, run.seed, run.max_trials) == ("toy", "strict", 7, 3)
    assert folder.manifest.read_bytes() == before


def test_what_is_said_now_lies_over_what_was_said_then(place: Path) -> None:
    begin(settings(max_trials=3), PluginManager())
    folder = take_up_one(max_trials=9)
    assert Manifest.read(folder.manifest).settings["max_trials"] == 9


def test_changes_are_told_and_asked_about(place: Path) -> None:
    folder, _ = begin(settings(), PluginManager())
    text = folder.manifest.read_text()
    world = Manifest.read(folder.manifest).hashes["world"]
    folder.manifest.write_text(text.replace(world, "another"))
    with pytest.raises(UserError) as caught:
        take_up_one()
    assert f"hashes.world: another then, {world} now" in str(caught.value)
    assert str(caught.value).endswith("go on with --accept-changes")
    take_up_one(accept_changes=True)
    take_up_one()  # and what was accepted is asked about no more
    assert Manifest.read(folder.manifest).hashes["world"] == world


def test_a_folder_that_is_no_run(place: Path) -> None:
    with pytest.raises(UserError, match=r"runs/one is not a run: it has no run\.toml"):
        take_up_one()


def test_a_deadline_counts_from_the_beginning(place: Path) -> None:
    folder, loaded = begin(settings(deadline="2h"), PluginManager())
    began = Manifest.read(folder.manifest).run["began"]

    async def scene() -> None:
        async with opened(folder, loaded) as found:
            assert found.run.budget.deadline == began + 7200

    asyncio.run(scene())


# ------------------------------------------------------------------------------- opening


def test_one_supervisor_at_a_time(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("autores.opening.Gatekeeper", DirectGates)
    folder, loaded = begin(settings(), PluginManager())
    _, other = take_up(folder.root, again(), PluginManager(), accept_changes=False)

    async def scene() -> None:
        async with opened(folder, loaded):
            with pytest.raises(UserError, match="another process works on runs/one"):
                async with opened(folder, other):
                    pass
        async with opened(folder, other) as found:
            assert found.run.store.head().seq == 1

    asyncio.run(scene())


def test_a_store_of_another_task_is_refused(
    place: Path, install: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("autores.opening.Gatekeeper", DirectGates)
    url = f"sqlite:{place / 'shared.db'}"

    async def scene(**options: Any) -> None:
        async with opened(*begin(settings(store=url, **options), PluginManager())):
            pass

    asyncio.run(scene())
    with pytest.raises(OtherLineage, match="give this run a store of its own with --store"):
        asyncio.run(scene(profile="slow", name="two"))


def test_what_a_killed_supervisor_left_is_mended(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("autores.opening.Gatekeeper", DirectGates)
    folder, loaded = begin(settings(), PluginManager())

    async def killed() -> None:
        async with opened(folder, loaded) as found:
            run = found.run
            seed = run.code.seed(Path(run.task.recipe.path))
            commit = run.code.commit({"fit.py": b"degree = 1\n"}, [seed])
            rows = [submission(0, commit=seed, session=""), submission(1, commit=commit)]
            bodies = [Accepted(trial=n, submission=row) for n, row in enumerate(rows)]
            run.store.append(lambda head: bodies)
            folder.transcript("a.1", is_open=True).write_text("{}\n")

    async def resumed() -> tuple[list[str], list[int]]:
        async with opened(folder, loaded) as found:
            events = found.run.store.since(0)
            marks = [e.body for e in events if isinstance(e.body, Marked)]
            published = sorted(found.run.code.published())
            return [m.session for m in marks if m.name == "interrupted"], published

    asyncio.run(killed())
    assert asyncio.run(resumed()) == (["a.1"], [0, 1])
    assert folder.transcript("a.1").exists()


def test_plugins_that_were_switched_off_stay_off(place: Path) -> None:
    plugins = PluginManager()
    plugins.ask(["no:augment"])
    folder, _ = begin(settings(), plugins)
    _, loaded = take_up(folder.root, again(), PluginManager(), accept_changes=False)
    assert "augment" not in loaded.plugins.installed(Group.SPECIALIST)
