"""What a run meets besides `kill -9`: no space, no rights, a second supervisor."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from autores.config import Environment
from autores.errors import RunFailed, UserError
from autores.lineage.audit import audit
from autores.lineage.store import Query
from autores.plugins.stores.sqlite import SqliteStore
from autores.testing.runs import Played, play, play_on


def _sound(played: Played) -> int:
    with played.reading() as found:
        assert audit(found.store, found.code) == ()
        return len(found.store.query(Query()))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 3 MiB."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(place)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a small file system takes the right to mount one")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def test_a_full_disk_fails_the_run_and_loses_nothing(small_disk: Path) -> None:
    (small_disk / "ballast").write_bytes(b"x" * (1 << 20))
    with pytest.raises((RunFailed, OSError)):
        play(small_disk, max_trials=2000, sessions=2, reporter__plain__quiet="on")
    (small_disk / "ballast").unlink()
    left = Played(root=small_disk / "run", environment=_environment(small_disk), reason="")
    before = _sound(left)
    again = play_on(left, max_trials=before + 1)
    assert again.reason.startswith("used up")
    assert _sound(again) >= before


def test_two_supervisors_do_not_share_a_run(tmp_path: Path) -> None:
    played = play(tmp_path, max_trials=1)
    other = SqliteStore(played.root / "lineage.db")
    assert other.lease("supervisor", "somebody else", 60)
    with pytest.raises(UserError, match="another process works on"):
        play_on(played, max_trials=2)
    other.release("supervisor", "somebody else")
    other.close()
    assert _sound(play_on(played, max_trials=2)) == 3


def test_a_store_of_another_task_is_refused(tmp_path: Path) -> None:
    store = f"sqlite:{tmp_path / 'shared.db'}"
    play(tmp_path, max_trials=1, store=store)
    with pytest.raises(UserError, match="give this run a store of its own"):
        play(tmp_path, max_trials=1, store=store, name="other", profile="slow")


def test_a_run_that_exists_is_not_begun_again(tmp_path: Path) -> None:
    play(tmp_path, max_trials=1)
    with pytest.raises(UserError, match="autores resume"):
        play(tmp_path, max_trials=1)


def _environment(folder: Path) -> Environment:
    return Environment(data_dir=folder / "data", cache_dir=folder / "cache")
