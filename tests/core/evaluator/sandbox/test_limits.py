from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from autores.evaluator.sandbox import limits
from autores.evaluator.sandbox.level import Cell, Stop
from autores.evaluator.sandbox.limits import (
    LegacyGroup,
    UnifiedGroup,
    Watchdog,
    create_group,
    disk_used,
    tasks_allowed,
)

MIB = 1 << 20


@pytest.fixture
def cell(tmp_path: Path) -> Cell:
    (tmp_path / "out").mkdir()
    return Cell(
        argv=("true",), code=tmp_path, out=tmp_path / "out", memory_bytes=64 * MIB, processes=4
    )


@pytest.fixture
def out(cell: Cell) -> Iterator[int]:
    descriptor = os.open(cell.out, os.O_RDONLY)
    yield descriptor
    os.close(descriptor)


class Counted:
    """A group that says what a test tells it."""

    def __init__(self, *, memory: bool = False, tasks: bool = False, pids: int = 0) -> None:
        self.memory, self.tasks, self.pids = memory, tasks, pids

    def join(self) -> None: ...

    def members(self) -> list[int]:
        return list(range(1_000_000, 1_000_000 + self.pids))

    def memory_hit(self) -> bool:
        return self.memory

    def tasks_hit(self) -> bool:
        return self.tasks

    def peak_bytes(self) -> int:
        return 0

    def freeze_forks(self) -> None: ...

    def remove(self) -> None: ...


@pytest.mark.parametrize(
    ("group", "stop"),
    [
        (Counted(), None),
        (Counted(memory=True), Stop.MEMORY),
        (Counted(tasks=True), Stop.PROCESSES),
        (Counted(pids=4), None),
        (Counted(pids=5), Stop.PROCESSES),
        (Counted(memory=True, tasks=True, pids=9), Stop.MEMORY),
    ],
)
def test_what_a_group_counted_decides(
    cell: Cell, out: int, group: Counted, stop: Stop | None
) -> None:
    assert Watchdog(cell, group, out).check(os.getpid(), None) is stop


def test_without_a_group_the_watchdog_counts(cell: Cell, out: int) -> None:
    roomy = replace(cell, memory_bytes=1 << 40, processes=10_000)
    watchdog = Watchdog(roomy, None, out)
    assert watchdog.check(os.getpid(), None) is None
    assert watchdog.peak > 0
    tight = Watchdog(replace(roomy, memory_bytes=MIB), None, out)
    assert tight.check(os.getpid(), None) is Stop.MEMORY


def test_the_machine_keeps_a_rest(cell: Cell, out: int, monkeypatch: pytest.MonkeyPatch) -> None:
    roomy = replace(cell, memory_bytes=1 << 40, processes=10_000)
    monkeypatch.setattr(limits, "machine_memory", lambda: limits.MACHINE_FLOOR - 1)
    assert Watchdog(roomy, None, out).check(os.getpid(), None) is Stop.MEMORY


def test_memory_files_count(cell: Cell, out: int) -> None:
    store = os.memfd_create("held")
    os.write(store, bytes(8 * MIB))
    found = limits._anonymous_files([os.getpid(), os.getpid()])
    os.close(store)
    assert 8 * MIB <= found < 64 * MIB


def test_the_hosts_own_file_systems_are_not_the_cells() -> None:
    assert limits._tmpfs_used(os.getpid(), "/tmp") == 0


def test_disk_counts_names_blocks_and_files_without_a_name(cell: Cell, out: int) -> None:
    roomy = replace(cell, disk_bytes=MIB)
    group = Counted()
    assert Watchdog(roomy, group, out).check(1, None) is None
    (cell.out / "a").mkdir()
    (cell.out / "a" / "b").write_bytes(bytes(2 * MIB))
    assert Watchdog(roomy, group, out).check(1, None) is Stop.DISK


def test_a_closed_folder_hides_nothing(cell: Cell, out: int) -> None:
    if os.geteuid() == 0:
        pytest.skip("nothing is closed to root")
    (cell.out / "closed").mkdir(mode=0)
    assert disk_used(out, MIB) > MIB
    (cell.out / "closed").chmod(0o700)


def test_links_and_holes_cost_what_they_hold(cell: Cell, out: int, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_bytes(bytes(4 * MIB))
    (cell.out / "link").symlink_to(tmp_path / "elsewhere")
    (cell.out / "loop").symlink_to(cell.out)
    with open(cell.out / "sparse", "wb") as file:
        file.truncate(1 << 30)
    assert disk_used(out, 1 << 40) == 3 * limits.FILE_COST


def test_counting_stops_above_the_limit(cell: Cell, out: int) -> None:
    for index in range(100):
        (cell.out / str(index)).touch()
    assert disk_used(out, 10 * limits.FILE_COST) == 11 * limits.FILE_COST


def test_what_a_cell_leaves_goes_with_it(cell: Cell, tmp_path: Path) -> None:
    (tmp_path / "tmp" / "deep").mkdir(parents=True)
    descriptor = os.open(cell.out, os.O_RDONLY)
    Watchdog(cell, None, descriptor, folders=[tmp_path / "tmp"]).close()
    assert not (tmp_path / "tmp").exists()
    with pytest.raises(OSError):
        os.fstat(descriptor)


def test_a_group_limits_and_is_taken_away(cell: Cell) -> None:
    group = create_group(cell, f"autores-test-{os.getpid()}")
    if group is None:
        pytest.skip("no control group can be made here")
    child = os.fork()
    if child == 0:
        group.join()
        os.kill(os.getpid(), 19)
        os._exit(0)
    os.waitpid(child, os.WUNTRACED)
    try:
        assert group.members() == [child]
        assert not group.memory_hit() and not group.tasks_hit()
    finally:
        os.kill(child, 9)
        os.waitpid(child, 0)
        group.remove()
    paths = [getattr(group, name) for name in group.__slots__]
    assert not any(path.exists() for path in paths)


def test_version_two_is_read_from_its_files(cell: Cell, tmp_path: Path) -> None:
    group = UnifiedGroup(tmp_path)
    (tmp_path / "memory.events").write_text("low 0\nmax 7\noom 1\noom_kill 1\n")
    (tmp_path / "pids.events").write_text("max 0\n")
    (tmp_path / "memory.peak").write_text("123\n")
    (tmp_path / "cgroup.procs").write_text("7\n9\n0\n")
    assert group.memory_hit() and not group.tasks_hit()
    assert (group.peak_bytes(), group.members()) == (123, [7, 9])
    for name in ("memory.max", "pids.max", "memory.swap.max", "memory.oom.group"):
        (tmp_path / name).touch()
    assert group._limit(cell)
    assert (tmp_path / "memory.max").read_text() == str(cell.memory_bytes)
    assert (tmp_path / "pids.max").read_text() == str(tasks_allowed(cell))
    group.freeze_forks()
    assert (tmp_path / "pids.max").read_text() == "0"
    (tmp_path / "pids.max").unlink()
    assert not group._limit(cell)


def test_version_one_is_read_from_its_files(tmp_path: Path) -> None:
    group = LegacyGroup(tmp_path, tmp_path)
    (tmp_path / "memory.oom_control").write_text("oom_kill_disable 0\nunder_oom 0\noom_kill 0\n")
    (tmp_path / "pids.events").write_text("max 3\n")
    (tmp_path / "memory.max_usage_in_bytes").write_text("456")
    assert group.tasks_hit() and not group.memory_hit()
    assert group.peak_bytes() == 456
