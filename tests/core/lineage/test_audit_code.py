"""An audit against a real repository."""

from __future__ import annotations

from pathlib import Path

import pytest

from autores.events import Accepted
from autores.lineage.audit import audit
from autores.lineage.store import LineageStore, create
from autores.plugins.stores.memory import MemoryStore
from autores.testing.stores import CREATED, submission, write
from autores.workspace.repository import CodeRepository


@pytest.fixture
def code(tmp_path: Path) -> CodeRepository:
    return CodeRepository.create(tmp_path / "code.git")


@pytest.fixture
def store(code: CodeRepository) -> LineageStore:
    store = MemoryStore()
    create(store, CREATED)
    commits = [code.seed({"train.py": b"x = 0\n"})]
    commits += [code.commit({"train.py": b"x = %d\n" % n}, commits[:1]) for n in (1, 2)]
    for trial, commit in enumerate(commits):
        write(store, Accepted(trial=trial, submission=submission(trial, commit=commit)))
        code.publish({trial: commit})
    return store


@pytest.mark.parametrize("packed", [False, True])
def test_a_moved_tag_is_found(code: CodeRepository, store: LineageStore, packed: bool) -> None:
    if packed:
        code.refs.pack()
    assert audit(store, code) == ()
    code.refs.point("refs/tags/trial/0001", store.get(2).submission.commit)
    (finding,) = audit(store, code)
    assert finding.trial == 1


def test_a_lost_object_is_found(code: CodeRepository, store: LineageStore) -> None:
    commit = store.get(2).submission.commit
    (code.path / "objects" / commit[:2] / commit[2:]).unlink()
    fresh = CodeRepository.open(code.path)
    assert any(finding.trial == 2 for finding in audit(store, fresh))


def test_a_commit_from_elsewhere_is_found(code: CodeRepository, store: LineageStore) -> None:
    stray = code.commit({"train.py": b"x = 3\n"}, [store.get(2).submission.commit])
    write(store, Accepted(trial=3, submission=submission(3, commit=stray)))
    (finding,) = audit(store, code)
    assert (finding.trial, "was made from" in finding.message) == (3, True)
