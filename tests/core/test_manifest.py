from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autores.errors import UserError
from autores.manifest import Manifest, hashes, versions

MANIFEST = Manifest(
    run={"name": "one", "began": 12.5, "hidden": ["a", "b"]},
    settings={"task": "toy", "agent.evolve.size": 3, "lineage": True, "specialists": []},
    limits={"wall": {"train": 5.0}, "artifact_bytes": 10},
    versions={"python": "3.11", "task:toy": "autores 1"},
    hashes={"evaluator": "e", "task": "t", "world": "w"},
    machine={"system": "Linux"},
)
SCALARS = st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False)
TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=9)
VALUES = st.recursive(
    SCALARS | TEXT, lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner), max_leaves=4
)


def test_it_is_read_as_it_was_written(tmp_path: Path) -> None:
    MANIFEST.write(tmp_path / "run.toml")
    assert Manifest.read(tmp_path / "run.toml") == MANIFEST
    assert [path.name for path in tmp_path.iterdir()] == ["run.toml"]


@given(st.dictionaries(TEXT, VALUES, max_size=3))
def test_any_plain_values_come_back(
    tmp_path_factory: pytest.TempPathFactory, values: dict[str, Any]
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.toml"
    replace(MANIFEST, settings=values).write(path)
    assert Manifest.read(path).settings == values


def test_what_is_none_is_left_out(tmp_path: Path) -> None:
    replace(MANIFEST, run={"name": "one", "deadline": None}).write(tmp_path / "run.toml")
    assert Manifest.read(tmp_path / "run.toml").run == {"name": "one"}


def test_a_folder_that_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"is not a run: it has no run\.toml"):
        Manifest.read(tmp_path / "run.toml")


@pytest.mark.parametrize("text", ["[run", "[run]\nname = 'one'\n", b"\xff"])
def test_a_damaged_one(tmp_path: Path, text: str | bytes) -> None:
    (tmp_path / "run.toml").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(UserError, match=r"is damaged: .*restore it from a copy"):
        Manifest.read(tmp_path / "run.toml")


def test_changes_are_listed_by_name() -> None:
    now = replace(
        MANIFEST,
        versions={"python": "3.12", "task:toy": "autores 1"},
        hashes={"evaluator": "e", "task": "u"},
        machine={"system": "Linux", "architecture": "arm"},
    )
    assert MANIFEST.changes(now) == (
        "versions.python: 3.11 then, 3.12 now",
        "hashes.task: t then, u now",
        "hashes.world: w then, nothing now",
        "machine.architecture: nothing then, arm now",
    )


def test_other_settings_are_no_change() -> None:
    now = replace(MANIFEST, settings={"task": "other"}, limits={}, run={})
    assert MANIFEST.changes(now) == MANIFEST.changes(MANIFEST) == ()


def test_what_scores_depend_on_is_hashed() -> None:
    toy = "autores.testing.toy"
    found = hashes(plugin=toy, knowledge=("a", "b"), world="w")
    assert found == hashes(plugin=toy, knowledge=("a", "b"), world="w")
    assert found["world"] == "w"
    assert len({found[name] for name in ("evaluator", "task", "knowledge")}) == 3
    for knowledge in ((), ("ab",), ("b", "a")):
        assert hashes(plugin=toy, knowledge=knowledge, world="w")["knowledge"] != found["knowledge"]


def test_versions_of_what_takes_part() -> None:
    assert {"python", "autores", "task:toy"} == set(versions({"task:toy": "autores 1"}))
