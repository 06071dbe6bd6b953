from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from autores.agent import Exhausted, Proposal
from autores.config import SettingsBook, Value
from autores.errors import UserError
from autores.testing import scripted, toy
from autores.testing.scripted import Scripted
from autores.workspace.repository import CodeRepository
from autores.workspace.workspace import Workspace

RECIPE = {"fit.py": b"degree = 4\nrate = 0.05  # of descent\nname = 'x'\n", "notes.md": b"n = 1\n"}
EDITS = [
    {"hypothesis": "Faster", "path": "fit.py", "old": "0.05", "new": "0.1", "expected_delta": -0.1},
    {"path": "fit.py", "old": "degree = 4", "new": "degree = 5"},
]


class Session:
    """As much of a session as the agent uses."""

    def __init__(self, workspace: Workspace, seed: int = 0) -> None:
        self.workspace = workspace
        self.brief = SimpleNamespace(seed=seed)
        self.proposals: list[Proposal] = []

    async def submit(self, proposal: Proposal) -> None:
        self.proposals.append(proposal)


@pytest.fixture
def session(tmp_path: Path) -> Callable[..., Session]:
    code = CodeRepository.create(tmp_path / "code.git")
    commit = code.seed(RECIPE)
    recipe = toy.autores_task(profile="").recipe

    def session(seed: int = 0) -> Session:
        workspace = Workspace(code, tmp_path / f"work-{seed}", recipe)
        workspace.checkout(commit)
        return Session(workspace, seed)

    return session


def agent(path: str) -> Scripted:
    settings = SettingsBook(
        {"agent.scripted.path": Value(value=path, source="-o")},
        {scripted.Settings: "agent.scripted"},
    )
    return scripted.autores_agent(settings)


def test_edits_are_played_one_to_a_session(session: Callable[..., Session], tmp_path: Path) -> None:
    (tmp_path / "edits.json").write_text(json.dumps(EDITS))
    player = agent(str(tmp_path / "edits.json"))
    first, second = session(1), session(2)
    asyncio.run(player.run(first))
    asyncio.run(player.run(second))
    assert first.proposals == [Proposal(hypothesis="Faster", expected_delta=-0.1)]
    assert b"rate = 0.1 " in first.workspace.snapshot()["fit.py"]
    assert second.proposals == [Proposal(hypothesis="edit 2")]
    assert second.workspace.snapshot()["fit.py"].startswith(b"degree = 5\nrate = 0.05")
    with pytest.raises(Exhausted, match="the script has been played"):
        asyncio.run(player.run(session(3)))


def test_without_a_script_one_number_changes(session: Callable[..., Session]) -> None:
    changed = set()
    for seed in range(1, 30):
        working = session(seed)
        asyncio.run(Scripted(None).run(working))
        (proposal,) = working.proposals
        assert proposal.files is not None
        assert proposal.files["notes.md"] == RECIPE["notes.md"]
        old, new = RECIPE["fit.py"].splitlines(), proposal.files["fit.py"].splitlines()
        assert sum(a != b for a, b in zip(old, new, strict=True)) <= 1
        changed.add(proposal.hypothesis.split()[0])
    assert changed == {"degree", "rate"}


def test_random_numbers_are_the_same_with_the_same_seed(session: Callable[..., Session]) -> None:
    one, two = session(7), session(7)
    for working in (one, two):
        asyncio.run(Scripted(None).run(working))
    assert one.proposals == two.proposals


@pytest.mark.parametrize("text", [None, "[", "\xff"])
def test_a_script_that_is_none(tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "edits.json"
    if text is not None:
        path.write_bytes(text.encode("latin-1"))
    with pytest.raises(UserError, match="not a script of edits"):
        agent(str(path))
