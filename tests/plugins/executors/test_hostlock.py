from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from autores.errors import UserError
from autores.plugins.executors.hostlock import DeviceLocks, HostLock

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


# ------------------------------------------------------------------------------ devices


MakeDevices = Callable[[], DeviceLocks]


@pytest.fixture
def devices(tmp_path: Path) -> Iterator[MakeDevices]:
    """Locks of several supervisors on the same three devices."""
    made: list[DeviceLocks] = []

    def one() -> DeviceLocks:
        made.append(DeviceLocks(tmp_path / "locks", (0, 1, 2)))
        return made[-1]

    yield one
    for locks in made:
        locks.close()


def test_a_device_of_another_supervisor_is_passed_over(devices: MakeDevices) -> None:
    one, other = devices(), devices()
    assert one.take((0, 1, 2), 1, alone=True) == (0,)
    assert other.take((0, 1, 2), 1, alone=True) == (1,)
    assert one.take((2, 1), 1, alone=False) == (2,)
    assert other.take((2, 0), 1, alone=False) == (2,)


def test_a_device_is_alone_or_shared(devices: MakeDevices) -> None:
    one, other = devices(), devices()
    assert one.take((0,), 1, alone=False) == other.take((0,), 1, alone=False) == (0,)
    assert one.take((0,), 1, alone=False) == (0,)  # a second job of ours
    one.release((0,))
    assert devices().take((0,), 1, alone=True) is None
    other.release((0,))
    one.release((0,))


def test_all_devices_or_none(devices: MakeDevices) -> None:
    one, other = devices(), devices()
    assert one.take((1,), 1, alone=True) == (1,)
    assert other.take((0, 1), 2, alone=True) is None
    other.renounce()
    assert one.take((0,), 1, alone=True) == (0,)


def test_who_waits_for_devices_is_not_overtaken(devices: MakeDevices) -> None:
    one, waiting, younger = devices(), devices(), devices()
    assert one.take((0,), 1, alone=True) == (0,)
    assert waiting.take((0, 1, 2), 3, alone=True) is None
    assert younger.take((1,), 1, alone=True) is None
    one.release((0,))
    assert waiting.take((0, 1, 2), 3, alone=True) == (0, 1, 2)
    waiting.release((0, 1, 2))
    assert younger.take((1,), 1, alone=True) == (1,)


def test_a_device_lock_lasts_while_a_job_has_its_file(tmp_path: Path) -> None:
    dead, other = (DeviceLocks(tmp_path / "locks", (0,)) for _ in range(2))
    assert dead.take((0,), 1, alone=True) == (0,)
    (inherited,) = map(os.dup, dead.descriptors((0,)))
    dead.close()
    assert other.take((0,), 1, alone=True) is None
    os.close(inherited)
    assert other.take((0,), 1, alone=True) == (0,)
    other.close()
