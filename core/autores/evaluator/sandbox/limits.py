"""Limits of a cell: control groups where they can be made, else a watchdog that counts."""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from autores.evaluator.sandbox.level import Cell, Stop
from autores.evaluator.sandbox.reaper import below, processes

CGROUPS = Path("/sys/fs/cgroup")
PAGE = os.sysconf("SC_PAGE_SIZE")
BLOCK = 512
MOST_PATIENCE_S = 1.0
"""Between two looks at the disk."""
THREADS_PER_PROCESS = 16
MACHINE_FLOOR = 256 << 20
"""Memory, or disk, that is left to the machine: below it the candidate is stopped."""
FILE_COST = 4096
"""What a name costs at least, so that a million empty files are not free."""


def tasks_allowed(cell: Cell) -> int:
    """Threads and processes together; only a fork bomb comes near."""
    return cell.processes * (THREADS_PER_PROCESS + (os.cpu_count() or 1))


class Group(Protocol):
    """A control group around one cell."""

    def join(self) -> None:
        """Put the calling process in; called between fork and exec."""

    def members(self) -> list[int]:
        """The processes inside, wherever they moved in the tree."""

    def memory_hit(self) -> bool:
        """Whether the kernel killed for memory."""

    def tasks_hit(self) -> bool:
        """Whether a fork was refused."""

    def peak_bytes(self) -> int:
        """The most memory that was held at once."""

    def freeze_forks(self) -> None:
        """Let no process be made any more."""

    def remove(self) -> None:
        """Take the group away; it must be empty."""


@dataclass(slots=True)
class UnifiedGroup:
    """Control groups, version 2."""

    path: Path

    @classmethod
    def create(cls, cell: Cell, name: str) -> UnifiedGroup | None:
        """Make one below our own group or the nearest ancestor that lets us."""
        for parent in _own_unified_groups():
            path = parent / name
            with contextlib.suppress(OSError):
                path.mkdir()
                group = cls(path)
                if group._limit(cell):
                    return group
                path.rmdir()
        return None

    def _limit(self, cell: Cell) -> bool:
        needed = (self.path / "memory.max", self.path / "pids.max")
        if not all(file.exists() for file in needed):
            return False
        _write(self.path / "memory.max", cell.memory_bytes)
        _write(self.path / "pids.max", tasks_allowed(cell))
        for name, value in (("memory.swap.max", 0), ("memory.oom.group", 1)):
            with contextlib.suppress(OSError):
                _write(self.path / name, value)
        return True

    def join(self) -> None:
        """See `Group`."""
        _write(self.path / "cgroup.procs", 0)

    def members(self) -> list[int]:
        """See `Group`."""
        return _members([self.path])

    def memory_hit(self) -> bool:
        """See `Group`."""
        return _counter(self.path / "memory.events", "oom_kill") > 0

    def tasks_hit(self) -> bool:
        """See `Group`."""
        return _counter(self.path / "pids.events", "max") > 0

    def peak_bytes(self) -> int:
        """See `Group`."""
        return _number(self.path / "memory.peak") or _number(self.path / "memory.current")

    def freeze_forks(self) -> None:
        """See `Group`."""
        with contextlib.suppress(OSError):
            _write(self.path / "pids.max", 0)

    def remove(self) -> None:
        """See `Group`."""
        _remove(self.path)


@dataclass(slots=True)
class LegacyGroup:
    """Control groups, version 1: one folder per controller."""

    memory: Path
    tasks: Path

    @classmethod
    def create(cls, cell: Cell, name: str) -> LegacyGroup | None:
        """Make one below our own group of each controller."""
        own = _own_legacy_groups()
        if not {"memory", "pids"} <= own.keys():
            return None
        group = cls(own["memory"] / name, own["pids"] / name)
        try:
            group.memory.mkdir()
            group.tasks.mkdir()
            _write(group.memory / "memory.limit_in_bytes", cell.memory_bytes)
            _write(group.tasks / "pids.max", tasks_allowed(cell))
            with contextlib.suppress(OSError):  # where the kernel counts swap
                _write(group.memory / "memory.memsw.limit_in_bytes", cell.memory_bytes)
        except OSError:
            group.remove()
            return None
        return group

    def join(self) -> None:
        """See `Group`."""
        for path in (self.memory, self.tasks):
            _write(path / "cgroup.procs", 0)

    def members(self) -> list[int]:
        """See `Group`."""
        return _members([self.memory, self.tasks])

    def memory_hit(self) -> bool:
        """See `Group`."""
        return _counter(self.memory / "memory.oom_control", "oom_kill") > 0

    def tasks_hit(self) -> bool:
        """See `Group`."""
        return _counter(self.tasks / "pids.events", "max") > 0

    def peak_bytes(self) -> int:
        """See `Group`."""
        return _number(self.memory / "memory.max_usage_in_bytes")

    def freeze_forks(self) -> None:
        """See `Group`."""
        with contextlib.suppress(OSError):
            _write(self.tasks / "pids.max", 0)

    def remove(self) -> None:
        """See `Group`."""
        _remove(self.memory)
        _remove(self.tasks)


def create_group(cell: Cell, name: str) -> Group | None:
    """The strictest control group that this machine gives, if any."""
    return UnifiedGroup.create(cell, name) or LegacyGroup.create(cell, name)


def _own_unified_groups() -> Iterator[Path]:
    """Our group in the version 2 hierarchy, then its ancestors."""
    try:
        lines = Path("/proc/self/cgroup").read_text().splitlines()
    except OSError:
        return
    for line in lines:
        if line.startswith("0::/"):
            root = CGROUPS if (CGROUPS / "cgroup.controllers").exists() else CGROUPS / "unified"
            own = root / line[4:]
            yield from (path for path in (own, *own.parents) if path.is_relative_to(root))


def _own_legacy_groups() -> dict[str, Path]:
    found = {}
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/cgroup").read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            for controller in controllers.split(","):
                folder = CGROUPS / controller / path.lstrip("/")
                if controller and folder.is_dir():
                    found[controller] = folder
    return found


def _write(path: Path, value: int) -> None:
    file = os.open(path, os.O_WRONLY | os.O_TRUNC | os.O_CLOEXEC)
    try:
        os.write(file, b"%d" % value)
    finally:
        os.close(file)


def _number(path: Path) -> int:
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return 0


def _counter(path: Path, name: str) -> int:
    with contextlib.suppress(OSError, ValueError):
        for line in path.read_text().splitlines():
            key, _, value = line.partition(" ")
            if key == name:
                return int(value)
    return 0


def _members(groups: Iterable[Path]) -> list[int]:
    found: set[int] = set()
    for group in groups:
        with contextlib.suppress(OSError):
            found.update(map(int, (group / "cgroup.procs").read_text().split()))
    return sorted(found - {0})


def _remove(path: Path) -> None:
    # The kernel lets go of a dead member a moment after its parent was told.
    for _ in range(50):
        try:
            path.rmdir()
        except FileNotFoundError:
            return
        except OSError:
            time.sleep(0.002)
        else:
            return


@dataclass(slots=True)
class Watchdog:
    """Counts what no control group counts; asked a few times a second."""

    cell: Cell
    group: Group | None
    out: int
    """Descriptor of the writable folder."""
    tmpfs: Sequence[str] = ()
    """Memory file systems of the cell, as paths below its root; counted when there is no group."""
    folders: Sequence[Path] = ()
    """More writable folders on disk, where /tmp is one; they go with the cell."""
    own: int = 0
    """Processes of the sandbox itself, which do not count."""
    peak: int = 0
    _next_disk: float = field(default=0.0, repr=False)

    def check(self, root: int, init: int | None) -> Stop | None:
        """The limit that is exceeded now, if any.

        Args:
            root: the outermost process.
            init: the first process inside, if not the root: through it its file systems are seen.
        """
        pids = self.group.members() if self.group else [p.pid for p in below([root], processes())]
        if self._out_of_memory(pids, init or root):
            return Stop.MEMORY
        if len(pids) - self.own > self.cell.processes or (self.group and self.group.tasks_hit()):
            return Stop.PROCESSES
        return Stop.DISK if self._disk_exceeded(pids) else None

    def close(self) -> None:
        """Let go of the folders; every process of the cell is dead."""
        os.close(self.out)
        for folder in self.folders:
            shutil.rmtree(folder, ignore_errors=True)

    def _out_of_memory(self, pids: Sequence[int], inside: int) -> bool:
        if self.group:
            return self.group.memory_hit()
        if machine_memory() < MACHINE_FLOOR:
            return True
        files = sum(_tmpfs_used(inside, path) for path in self.tmpfs)
        used = sum(map(_resident, pids))
        if used + files > self.cell.memory_bytes:  # shared pages were counted for each process
            used = sum(map(_proportional, pids))
        used += files + _anonymous_files(pids)
        self.peak = max(self.peak, used)
        return used > self.cell.memory_bytes

    def _disk_exceeded(self, pids: Sequence[int]) -> bool:
        """Looked at less often the longer looking takes: the candidate chooses how much there is."""
        start = time.thread_time()
        if time.monotonic() < self._next_disk:
            return False
        limit = self.cell.disk_bytes
        try:
            used = disk_used(self.out, limit)
            used += sum(_folder_used(folder, limit) for folder in self.folders)
            used += _unlinked(pids, os.fstat(self.out).st_dev)
            room = os.fstatvfs(self.out)
        except OSError:
            return False
        cost = time.thread_time() - start
        self._next_disk = time.monotonic() + min(MOST_PATIENCE_S, max(0.1, 10 * cost))
        return used > limit or room.f_bavail * room.f_frsize < MACHINE_FLOOR


def machine_memory() -> int:
    """Bytes that the machine could still give."""
    return _meminfo("MemAvailable")


def _meminfo(name: str) -> int:
    with contextlib.suppress(OSError):
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith(f"{name}:"):
                return int(line.split()[1]) * 1024
    return 1 << 62


def _resident(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE
    except (OSError, IndexError, ValueError):
        return 0


def _proportional(pid: int) -> int:
    """Resident memory, shared pages divided among who shares them."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return _resident(pid)


def _tmpfs_used(pid: int, path: str) -> int:
    """Bytes in a process's own file system; 0 while it still sees that of the host."""
    seen = f"/proc/{pid}/root{path}"
    try:
        if os.path.exists(path) and os.stat(seen).st_dev == os.stat(path).st_dev:
            return 0
        found = os.statvfs(seen)
    except OSError:
        return 0
    return (found.f_blocks - found.f_bfree) * found.f_frsize


def _open_files(pids: Iterable[int]) -> Iterator[tuple[str, os.stat_result]]:
    """Link and state of each open file, once per file."""
    seen: set[tuple[int, int]] = set()
    for pid in pids:
        with contextlib.suppress(OSError):
            for name in os.listdir(f"/proc/{pid}/fd"):
                with contextlib.suppress(OSError):
                    path = f"/proc/{pid}/fd/{name}"
                    link = os.readlink(path)
                    if not link.endswith(" (deleted)"):
                        continue
                    found = os.stat(path)
                    if (key := (found.st_dev, found.st_ino)) not in seen:
                        seen.add(key)
                        yield link, found


def _anonymous_files(pids: Iterable[int]) -> int:
    """Bytes in memfds; what of them is mapped is counted twice, to the candidate's cost."""
    return sum(
        found.st_blocks * BLOCK for link, found in _open_files(pids) if link.startswith("/memfd:")
    )


def _unlinked(pids: Iterable[int], device: int) -> int:
    """Bytes in files of the disk that have no name any more but are open."""
    return sum(found.st_blocks * BLOCK for _, found in _open_files(pids) if found.st_dev == device)


def _folder_used(path: Path, limit: int) -> int:
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        return disk_used(folder, limit)
    finally:
        os.close(folder)


def disk_used(folder: int, limit: int) -> int:
    """Bytes on disk below a folder; stops counting above the limit, and follows no link."""
    total = 0
    waiting = ["."]
    while waiting and total <= limit:
        total += _scan(folder, waiting.pop(), waiting, limit - total)
    return total


def _scan(folder: int, path: str, waiting: list[str], room: int) -> int:
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        here = os.open(path, flags, dir_fd=folder)
    except (FileNotFoundError, NotADirectoryError):
        return 0
    except OSError:  # closed to us, or too deep: it hides what is in it
        return room + 1
    used = 0
    try:
        with os.scandir(here) as entries:
            for entry in entries:
                with contextlib.suppress(FileNotFoundError):
                    used += max(FILE_COST, entry.stat(follow_symlinks=False).st_blocks * BLOCK)
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(f"{path}/{entry.name}")
                if used > room:
                    break
    finally:
        os.close(here)
    return used
