from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from autores.errors import UserError
from autores.plugins.executors.hostlock import HostLock

MakeLock = Callable[[], HostLock]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[MakeLock]:
    """Locks of several supervisors of one machine."""
    made: list[HostLock] = []

    def one() -> HostLock:
        made.append(HostLock(tmp_path / "locks"))
        return made[-1]

    yield one
    for lock in made:
        lock.close()


def test_jobs_of_several_supervisors_share_the_host(make: MakeLock) -> None:
    assert all([make().share(), make().share()])


def test_the_host_is_taken_only_when_nobody_else_has_a_job(make: MakeLock) -> None:
    one, other = make(), make()
    assert one.share()
    assert not other.take()
    one.release()
    assert other.take()
    assert not one.share()
    assert not one.take()
    other.release()
    assert one.share()


def test_nobody_begins_while_one_waits_for_the_host(make: MakeLock) -> None:
    running, waiting, third = make(), make(), make()
    assert running.share()
    assert waiting.announce()
    assert not running.share()  # a second job beside its first
    assert not third.share()
    assert not third.announce()
    waiting.renounce()
    assert third.share()


def test_who_took_the_host_lets_others_wait_for_it(make: MakeLock) -> None:
    one, other = make(), make()
    assert one.take()
    assert other.announce()
    assert not other.take()
    one.release()
    assert other.take()


def test_lock_lasts_as_long_as_a_process_of_the_job(make: MakeLock, tmp_path: Path) -> None:
    dies, other = HostLock(tmp_path / "locks"), make()
    assert dies.share()
    waits = "import sys; sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", waits], stdin=subprocess.PIPE, pass_fds=[dies.descriptor]
    ) as job:
        dies.close()
        assert not other.take()
        job.communicate()
    assert other.take()


def test_all_users_of_the_machine_may_lock(make: MakeLock, tmp_path: Path) -> None:
    make()
    folder = tmp_path / "locks"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o1777
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o666}


def test_a_link_in_the_place_of_a_lock_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "target").touch()
    (tmp_path / "host.lock").symlink_to(tmp_path / "target")
    with pytest.raises(UserError, match=r"set executor\.local\.locks"):
        HostLock(tmp_path)


def test_a_pipe_in_the_place_of_a_lock_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "host.lock")
    with pytest.raises(UserError, match=r"host\.lock is not a file"):
        HostLock(tmp_path)
