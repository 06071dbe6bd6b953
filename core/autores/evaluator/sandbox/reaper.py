"""Find every process of a tree, also the ones that left it, and end them all."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from autores.evaluator.sandbox import kernel

PATIENCE_S = 10.0
"""A process that SIGKILL does not end for so long is stuck in the kernel."""


STRIKES = 20
"""How often orphans are struck between two looks at all processes."""


class Unkillable(Exception):
    """A process survives SIGKILL: the machine is not usable any more."""


@dataclass(frozen=True, slots=True)
class Process:
    """What the kernel says of one process."""

    pid: int
    parent: int
    session: int
    dead: bool
    """A zombie, that only has to be waited for."""


@dataclass(frozen=True, slots=True)
class Used:
    """What processes have used."""

    cpu_seconds: float = 0.0
    preemptions: int = 0


def used_by(pid: int) -> Used:
    """What a living process has used, with the children that it waited for."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
        threads = os.listdir(f"/proc/{pid}/task")
        switched = sum(_preemptions(f"/proc/{pid}/task/{thread}/status") for thread in threads)
    except (OSError, ValueError, IndexError):
        return Used()
    return Used(sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK"), switched)


def _preemptions(path: str) -> int:
    with contextlib.suppress(OSError):
        for line in Path(path).read_text().splitlines():
            name, _, value = line.partition(":")
            if name == "nonvoluntary_ctxt_switches":
                return int(value)
    return 0


def processes() -> Iterator[Process]:
    """All processes that this one can see."""
    if not os.path.isdir("/proc/self"):
        yield from _processes_by_ps()
        return
    for name in os.listdir("/proc"):
        if name.isdigit():
            with contextlib.suppress(OSError, ValueError, IndexError):
                # The command's name is in parentheses and may hold anything, also these.
                fields = Path("/proc", name, "stat").read_text(errors="replace")
                state, parent, _, session = fields.rpartition(")")[2].split()[:4]
                yield Process(int(name), int(parent), int(session), state in "ZX")


def children() -> list[int]:
    """Our own children, quickly; empty where the kernel keeps no list."""
    found: list[int] = []
    with contextlib.suppress(OSError):
        for thread in os.listdir("/proc/self/task"):
            with open(f"/proc/self/task/{thread}/children") as file:
                found += map(int, file.read().split())
    return found


def _processes_by_ps() -> Iterator[Process]:
    """On macOS, where a process group stands for the session that `ps` does not tell."""
    command = ["/bin/ps", "-A", "-o", "pid=,ppid=,pgid=,stat="]
    for line in subprocess.check_output(command, text=True).splitlines():
        pid, parent, group, state = line.split()[:4]
        yield Process(int(pid), int(parent), int(group), state.startswith("Z"))


def below(roots: Iterable[int], everything: Iterable[Process]) -> list[Process]:
    """The processes at and under the roots, and what is left of the roots' sessions."""
    known: dict[int, Process] = {}
    children: dict[int, list[int]] = {}
    for process in everything:
        known[process.pid] = process
        for above in {process.parent, process.session}:
            children.setdefault(above, []).append(process.pid)
    found: dict[int, Process] = {}
    wanted = list(roots)
    while wanted:
        pid = wanted.pop()
        if pid in known and pid not in found:
            found[pid] = known[pid]
            wanted += children.get(pid, ())
    return list(found.values())


@dataclass(slots=True)
class Reaper:
    """Ends the trees that this process started; orphans are adopted, so that none escapes.

    A candidate is started in a session of its own and cannot come back into ours. So an
    adopted child of another session was a candidate's, and belongs to whoever ends first.
    """

    roots: set[int] = field(default_factory=set)
    """The trees that are running: their roots are ours, and not orphans."""
    used: dict[int, Used] = field(default_factory=dict)
    """What the reaped processes of each root used, with the children that they waited for."""

    def _orphans(self, everything: Iterable[Process]) -> list[int]:
        if sys.platform != "linux":  # orphans are adopted by pid 1
            return []
        here, session = os.getpid(), os.getsid(0)
        return [
            process.pid
            for process in everything
            if process.parent == here
            and process.session != session
            and process.pid not in self.roots
        ]

    def _strike(self, root: int) -> None:
        """Kill adopted children on sight, and wait for those that are dead.

        What forks and exits all the time is gone before a look at all processes is over, and
        the dead that it leaves make each look longer than the last.
        """
        session = os.getsid(0)
        for pid in children():
            with contextlib.suppress(ProcessLookupError):
                if pid not in self.roots and os.getsid(pid) != session:
                    kill(pid)
                    self.reap(root, pid)

    def reap(self, root: int, pid: int) -> int | None:
        """Wait for one child, if it is dead; its status."""
        try:
            reaped, status, used = os.wait4(pid, os.WNOHANG)
        except ChildProcessError:
            return None
        if not reaped:
            return None
        self.add(root, Used(used.ru_utime + used.ru_stime, used.ru_nivcsw))
        return status

    def add(self, root: int, more: Used) -> None:
        """Count something to a root."""
        known = self.used.get(root, Used())
        self.used[root] = Used(
            known.cpu_seconds + more.cpu_seconds, known.preemptions + more.preemptions
        )

    def end(
        self,
        root: int,
        *,
        others: Callable[[], Iterable[int]] = tuple,
        uid: int | None = None,
    ) -> int | None:
        """Kill a tree and all orphans until nothing is left; the root's status if it had one.

        Args:
            root: the process that was started.
            others: more processes that belong to it, such as those of its control group.
            uid: its user, if all processes of that user belong to our trees.

        Raises:
            Unkillable: some process survives.
        """
        deadline = time.monotonic() + PATIENCE_S
        status: int | None = None
        if uid is not None and self.roots <= {root}:
            kill_user(uid)
        while True:
            for _ in range(STRIKES):
                self._strike(root)
            everything = list(processes())
            tree = below({root, *self._orphans(everything), *others()}, everything)
            if not tree:
                return status
            for process in tree:
                if not process.dead:
                    kill(process.pid)
            for process in tree:
                if process.parent == os.getpid():
                    reaped = self.reap(root, process.pid)
                    status = reaped if process.pid == root and reaped is not None else status
            if time.monotonic() > deadline:
                raise Unkillable(f"{len(tree)} processes survive SIGKILL")
            time.sleep(0.001)

    def end_namespace(self, root: int, init: int) -> int | None:
        """Kill a PID namespace: its init is dead only when all in it are.

        Args:
            root: our child; it is dead when its status is known.
            init: its child, the first process inside, which we adopt if the root goes first.
        """
        # What its init ends is reaped by nobody, so that the kernel's sums leave it out.
        for pid in {p.pid for p in below([root], processes())} - {root, init}:
            self.add(root, used_by(pid))
        kill(init)
        kill(root)
        status = self._await(root, root)
        self._await(root, init)
        return status

    def _await(self, root: int, pid: int) -> int | None:
        """Wait for the death of a child, or learn that it is not ours any more."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            status = self.reap(root, pid)
            if status is not None or not _is_child(pid):
                return status
            if time.monotonic() > deadline:
                raise Unkillable(f"process {pid} survives SIGKILL")
            time.sleep(0.0005)


def _is_child(pid: int) -> bool:
    try:
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True


def kill(pid: int) -> None:
    """SIGKILL, if it still exists."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, signal.SIGKILL)


def kill_user(uid: int) -> None:
    """SIGKILL to all of a user at one blow: no fork is quick enough to escape it."""
    with contextlib.suppress(OSError):
        subprocess.run(
            ["/bin/sh", "-c", "kill -KILL -1"],
            user=uid,
            group=uid,
            extra_groups=[],
            env={},
            cwd="/",
            stderr=subprocess.DEVNULL,
            check=False,
        )


def become_subreaper() -> bool:
    """Adopt orphans; False where the system has no such thing (macOS)."""
    try:
        kernel.become_subreaper()
    except (AttributeError, OSError):
        return False
    return True
