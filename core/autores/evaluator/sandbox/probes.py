"""Try to break each guarantee inside the very profile that will be used, and say what held.

A guarantee is ENFORCED only if every attempt on it failed. What ends processes, counts memory
or weighs a disk is WATCHDOG where a loop of ours does it rather than the kernel.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Self

from autores.evaluator.sandbox import attempts, reaper, seccomp
from autores.evaluator.sandbox.base import HostSandbox
from autores.evaluator.sandbox.launch import on_the_host
from autores.evaluator.sandbox.level import (
    Cell,
    Ending,
    Enforcement,
    Finding,
    Guarantee,
    Level,
    Stop,
)
from autores.evaluator.sandbox.limits import tasks_allowed

CALLS = (
    *("unshare", "mount", "bpf", "io_uring_setup", "userfaultfd", "perf_event_open", "keyctl"),
    *("settimeofday", "ptrace", "shmget"),
)
SHELL_VARIABLES = ("PWD", "OLDPWD", "SHLVL", "_", "LC_CTYPE")
PATIENCE_S = 60.0
MEMORY_LIMIT, MEMORY_TAKEN = 192 << 20, 512 << 20
TASKS_LIMIT = 8
DISK_LIMIT, DISK_TAKEN = 16 << 20, 64 << 20

Tried = Mapping[str, list[tuple[str, bool]]]


class Bait:
    """What lies about on the host for a candidate to find."""

    def __init__(self, folder: Path) -> None:
        """Lay it out."""
        self.marker = f"autores-{secrets.token_hex(8)}"
        self.folder = folder
        for name, mode in (("secret", 0o600), ("readable", 0o644), ("writable", 0o666)):
            self._write(name, mode)
        self._write("result", 0o600)
        (folder / "shared").mkdir()
        (folder / "shared").chmod(0o777)
        self.tcp, self.udp = (
            socket.create_server(("127.0.0.1", 0)),
            socket.socket(type=socket.SOCK_DGRAM),
        )
        self.udp.bind(("127.0.0.1", 0))
        self.tcp.setblocking(False)
        self.udp.setblocking(False)
        self.paths, self.abstract = socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX)
        self.paths.bind(str(folder / "socket"))
        (folder / "socket").chmod(0o666)
        self.inherited = os.dup2(self.tcp.fileno(), 200, inheritable=True)
        if sys.platform == "linux":
            self.abstract.bind(f"\0{self.marker}")
            self.abstract.listen()
        self.paths.listen()
        self.victim = _start_victim(self.marker)

    def _write(self, name: str, mode: int) -> None:
        path = self.folder / name
        path.write_text(self.marker)
        path.chmod(mode)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.victim.kill()
        self.victim.communicate()  # closes its input, too
        os.close(self.inherited)
        for held in (self.tcp, self.udp, self.paths, self.abstract):
            held.close()

    def _accept(self) -> None:
        self.tcp.accept()[0].close()

    def targets(self, variables: Mapping[str, str]) -> str:
        """What the attempts are told: a candidate could guess as much."""
        names = ("secret", "readable", "writable", "result", "shared", "socket")
        facts: dict[str, Any] = {name: str(self.folder / name) for name in names}
        return json.dumps(
            facts
            | {
                "marker": self.marker,
                "key": int(self.marker[-7:], 16),
                "abstract": self.marker,
                "tcp": self.tcp.getsockname()[1],
                "udp": self.udp.getsockname()[1],
                "pid": self.victim.pid,
                "variables": [*variables, *SHELL_VARIABLES],
                "descriptors": list(range(3, 256)),
                "calls": _call_numbers(),
            }
        )

    def came_through(self) -> Iterator[tuple[str, str, bool]]:
        """What only the host can tell: (guarantee, attempt, whether it got through)."""
        yield "network", "send to a TCP port of the host", _came(self._accept)
        yield "network", "send to a UDP port", _came(partial(self.udp.recv, 8))
        yield "processes", "signal it", self.victim.poll() is not None
        names = ("secret", "readable", "writable", "result")
        untouched = all((self.folder / name).read_text() == self.marker for name in names)
        yield "host", "change a file", not untouched
        yield "host", "leave a file", any((self.folder / "shared").iterdir())


def _start_victim(marker: str) -> subprocess.Popen[bytes]:
    """A process of our own user that ends at the first signal."""
    return subprocess.Popen(
        ["/bin/sh", "-c", "read line; exit", marker],
        stdin=subprocess.PIPE,
        env={"MARKER": marker},
    )


def _came(take: Callable[[], object]) -> bool:
    try:
        take()
    except BlockingIOError:
        return False
    return True


def _call_numbers() -> dict[str, int]:
    if not seccomp.supported():
        return {}
    column = seccomp.ARCHITECTURES[os.uname().machine].column
    numbers = {name: seccomp.REFUSED[name][column] for name in CALLS}
    return {name: number for name, number in numbers.items() if number is not None}


def probe(sandbox: HostSandbox) -> tuple[Finding, ...]:
    """Probe every guarantee at this level; takes a second or two.

    Raises:
        OSError: a cell cannot be started at this level.
    """
    folder = Path(tempfile.mkdtemp(prefix="autores-probes-")).resolve()
    folder.chmod(0o755)
    try:
        return _Probes(sandbox, folder).findings()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class _Probes:
    def __init__(self, sandbox: HostSandbox, folder: Path) -> None:
        self._sandbox = sandbox
        self._folder = folder
        self._code = folder / "code"
        self._code.mkdir(mode=0o755)
        shutil.copyfile(attempts.__file__, self._code / "attempts.py")
        (self._code / "attempts.py").chmod(0o644)

    def findings(self) -> tuple[Finding, ...]:
        """One for each guarantee."""
        tried = self._attempts()
        named = {str(guarantee.value): guarantee for guarantee in Guarantee}
        found = {named[name]: _finding(named[name], rows) for name, rows in tried.items()}
        if self._sandbox.level is not Level.FULL:  # no PID namespace
            survival = found[Guarantee.SURVIVAL]
            held = Enforcement.WATCHDOG if survival.holds else Enforcement.NOT_ENFORCED
            found[Guarantee.SURVIVAL] = replace(survival, enforcement=held)
        found |= {finding.guarantee: finding for finding in self._limits()}
        return tuple(found[guarantee] for guarantee in Guarantee)

    def _attempts(self) -> dict[str, list[tuple[str, bool]]]:
        (self._folder / "bait").mkdir(mode=0o755)
        with Bait(self._folder / "bait") as bait:
            cell = self._cell("all", "")
            told = on_the_host(cell, cell.code, cell.out).variables(cell)
            tried = self._told("all", bait.targets(told))
            survivors = _running_with(bait.marker, bait.victim.pid)
            tried |= self._told("state", bait.targets(told))
            for guarantee, attempt, through in bait.came_through():
                tried[guarantee].append((attempt, through))
            tried["survival"] = [
                (f"let {attempts.DAEMONS} daemons live on", bool(survivors)),
            ]
        for pid in survivors:
            reaper.kill(pid)
        tried["score"] = [
            row
            for guarantee, part in (("host", "result"), ("processes", "signal"), ("kernel", "time"))
            for row in tried[guarantee]
            if part in row[0]
        ]
        return tried

    def _told(self, what: str, targets: str) -> dict[str, list[tuple[str, bool]]]:
        running = self._sandbox.spawn(self._cell(what, targets))
        ending = running.wait(PATIENCE_S) or running.kill()
        said = running.output.head
        with contextlib.suppress(ValueError):
            tried = json.loads(said)
            return {name: [(a, bool(b)) for a, b in rows] for name, rows in tried.items()}
        shown = said.decode(errors="replace").strip().splitlines()[-1:]
        raise OSError(f"a probe did not run: {_how(ending)} {' '.join(shown)}")

    def _cell(self, what: str, given: str, **limits: int) -> Cell:
        out = Path(tempfile.mkdtemp(prefix="out-", dir=self._folder))
        argv = ("python", "attempts.py", what, given)
        return Cell(argv=argv, code=self._code, out=out, **limits)  # type: ignore[arg-type]

    def _limits(self) -> Iterator[Finding]:
        group = self._sandbox.new_group(self._cell("", ""))
        # Root that is not confined leaves its group.
        by_kernel = group is not None and self._sandbox.level is not Level.NONE
        if group:
            group.remove()
        yield self._limit(
            Guarantee.MEMORY,
            Stop.MEMORY,
            f"{MEMORY_TAKEN >> 20} MiB in memory files under {MEMORY_LIMIT >> 20} MiB",
            self._cell("memory", str(MEMORY_TAKEN), memory_bytes=MEMORY_LIMIT),
            by_kernel=by_kernel,
        )
        cell = self._cell("tasks", "", processes=TASKS_LIMIT)
        count = tasks_allowed(cell) + 50
        yield self._limit(
            Guarantee.TASKS,
            Stop.PROCESSES,
            f"{count} processes under {TASKS_LIMIT}",
            self._cell("tasks", str(count), processes=TASKS_LIMIT),
            by_kernel=by_kernel,
        )
        yield self._limit(
            Guarantee.DISK,
            Stop.DISK,
            f"{DISK_TAKEN >> 20} MiB in small files under {DISK_LIMIT >> 20} MiB",
            self._cell("disk", str(DISK_TAKEN), disk_bytes=DISK_LIMIT),
            by_kernel=False,
        )

    def _limit(
        self, guarantee: Guarantee, stop: Stop, what: str, cell: Cell, *, by_kernel: bool
    ) -> Finding:
        running = self._sandbox.spawn(cell)
        ending = running.wait(PATIENCE_S) or running.kill()
        held = Enforcement.ENFORCED if by_kernel else Enforcement.WATCHDOG
        stopped = ending.stopped_by is stop
        return Finding(
            guarantee=guarantee,
            enforcement=held if stopped else Enforcement.NOT_ENFORCED,
            evidence=f"{what}: {'stopped' if stopped else _how(ending)}",
        )


def _finding(guarantee: Guarantee, rows: list[tuple[str, bool]]) -> Finding:
    through = [attempt for attempt, got in rows if got]
    if through:
        evidence = f"{len(through)} of {len(rows)} attempts got through: {', '.join(through)}"
    elif len(rows) > 1:
        evidence = f"{len(rows)} attempts failed, among them to {rows[0][0]}"
    else:
        evidence = f"an attempt failed: {rows[0][0]}"
    held = Enforcement.NOT_ENFORCED if through else Enforcement.ENFORCED
    return Finding(guarantee=guarantee, enforcement=held, evidence=evidence)


def _how(ending: Ending) -> str:
    if ending.stopped_by:
        return f"stopped for {ending.stopped_by.value}"
    return (
        f"ended by {signal.Signals(ending.signal).name}" if ending.signal else f"exit {ending.code}"
    )


def _running_with(marker: str, known: int) -> list[int]:
    """The processes whose command line holds the marker, but one."""
    return [pid for pid, line in _command_lines() if marker in line and pid != known]


def _command_lines() -> Iterator[tuple[int, str]]:
    if not os.path.isdir("/proc/self"):
        yield from _command_lines_by_ps()
        return
    for process in reaper.processes():
        with contextlib.suppress(OSError):
            yield process.pid, Path(f"/proc/{process.pid}/cmdline").read_text(errors="replace")


def _command_lines_by_ps() -> Iterator[tuple[int, str]]:
    """On macOS."""
    listed = subprocess.check_output(["/bin/ps", "-A", "-ww", "-o", "pid=,command="], text=True)
    for row in listed.splitlines():
        pid, _, line = row.strip().partition(" ")
        yield int(pid), line
