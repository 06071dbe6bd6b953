"""The full level: bubblewrap, started under a host uid that is not root."""

from __future__ import annotations

import contextlib
import json
import os
import re
import select
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from autores.evaluator.sandbox import launch, seccomp, stage, tree
from autores.evaluator.sandbox.base import HostSandbox, hand_over
from autores.evaluator.sandbox.contained import RunningCell
from autores.evaluator.sandbox.environment import Environment
from autores.evaluator.sandbox.launch import Setup
from autores.evaluator.sandbox.level import Cell, Level
from autores.evaluator.sandbox.limits import Group, Watchdog
from autores.evaluator.sandbox.stage import Bind, Stage
from autores.evaluator.sandbox.understudy import FIRST_KEPT, Gone, Process, Understudy
from autores.evaluator.sandbox.users import SpareUser

OLDEST, WITH_USERNS_SWITCH = (0, 7), (0, 8)
"""Versions of bubblewrap that know `--size`, and `--disable-userns`."""
PROGRAMS = "/usr/bin:/usr/local/bin:/bin"
UID_INSIDE = "1000"
STARTED_WITHIN_S = 20.0
STAGED_DEVICES = ("--dev-bind", f"{stage.ROOT}/dev", "/dev")
"""One mount, where bubblewrap's own /dev takes a dozen and two milliseconds."""
OWN_PROCESSES = 2
"""bubblewrap outside, and its init inside."""


def version() -> tuple[int, ...] | None:
    """The version of bubblewrap, if there is one that can be used."""
    program = shutil.which("bwrap", path=PROGRAMS)
    if program is None:
        return None
    told = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    numbers = re.search(r"(\d+)\.(\d+)", told.stdout)
    found = (int(numbers[1]), int(numbers[2])) if numbers else (0, 0)
    return found if found >= OLDEST else None


class Bubblewrap(HostSandbox):
    """Own user, PID, mount, network, IPC, UTS and cgroup namespaces for each cell."""

    level = Level.FULL
    links = False

    def __init__(self, environment: Environment | None = None, scratch: Path | None = None) -> None:
        """See `HostSandbox`.

        Raises:
            OSError: there is no bubblewrap that can be used.
        """
        found = version()
        if found is None:
            raise FileNotFoundError("bubblewrap 0.7 or newer is not installed")
        super().__init__(environment, scratch)
        self._program = shutil.which("bwrap", path=PROGRAMS) or "bwrap"
        self._no_userns = ["--disable-userns"] if found >= WITH_USERNS_SWITCH else []
        self.user = SpareUser.claim() if os.geteuid() == 0 else None
        self._uid = self.user.uid if self.user else None
        self._tree = tree.Tree.create(self.environment, self.view, self.folder)
        self._understudy = self._engage()

    def close(self) -> None:
        """See `HostSandbox`."""
        if self._understudy:
            self._understudy.dismiss()
        super().close()

    def spawn(self, cell: Cell) -> RunningCell:
        """Start a cell; see `Sandbox`."""
        filter_program = seccomp.program(internet=True, affinity=cell.cpus is None)
        group = self.new_group(cell)
        out = hand_over(cell.out, self._uid)
        with contextlib.ExitStack() as stack:
            arguments = stack.enter_context(_in_memory(_joined(self._arguments(cell))))
            filters = stack.enter_context(_in_memory(filter_program))
            reading, writing = os.pipe()
            stack.callback(os.close, reading)
            with contextlib.closing(os.fdopen(writing, "wb")):
                process, output = self._start(cell, group, (arguments, filters, writing))
            init = _first_inside(reading)
        watchdog = Watchdog(cell, group, out, tmpfs=("/tmp", "/dev/shm"), own=OWN_PROCESSES)
        running = self.watch(process, output, watchdog, init)
        if init is None:
            running.wait()
            raise OSError(f"bubblewrap failed: {running.output.head.decode(errors='replace')}")
        return running

    def _start(
        self, cell: Cell, group: Group | None, descriptors: tuple[int, int, int]
    ) -> tuple[Process | subprocess.Popen[bytes], int]:
        """Let the understudy become bubblewrap; without one, fork now."""
        variables = tree.inside(cell).variables(cell)
        setup = Setup(cell=cell, group=group, steps=(), limit_tasks=self._uid is not None)
        own = _own_binds(cell)
        if self._understudy is not None and not stage.covers(own):
            understudy, self._understudy = self._understudy, None
            steps = [partial(stage.add, own), *self._drop()]
            command = self._command(cell, range(FIRST_KEPT, FIRST_KEPT + len(descriptors)))
            with contextlib.suppress(Gone):
                output = understudy.order(
                    command, variables, replace(setup, steps=steps), keep=descriptors
                )
                self._understudy = self._engage()  # the next one, while this one starts
                return _after(understudy, output), output
        steps = [partial(self._stage(own).enter), *self._drop()] if self.user else []
        command = self._command(cell, descriptors)
        setup = replace(setup, steps=steps)
        return launch.start(command, variables, setup, cwd=Path("/"), keep=descriptors)

    def _engage(self) -> Understudy | None:
        """Only who builds a stage gains by an understudy."""
        return Understudy(self._stage(()).enter) if self.user else None

    def _stage(self, own: Sequence[Bind]) -> Stage:
        return Stage(
            [*self._tree.binds, *tree.device_binds(()), *own],
            [*self._tree.links, *tree.DEV_LINKS],
            folders=("/proc", "/dev/shm", "/tmp", "/run"),
        )

    def _drop(self) -> list[partial[None]]:
        return [partial(launch.become, self._uid)] if self._uid is not None else []

    def _command(self, cell: Cell, descriptors: Sequence[int]) -> list[str]:
        arguments, filters, told = map(str, descriptors)
        return [
            *(self._program, "--args", arguments, "--seccomp", filters, "--info-fd", told),
            *("--", *tree.inside(cell).command(cell)),
        ]

    def _arguments(self, cell: Cell) -> list[str]:
        return [
            *("--unshare-user", "--uid", UID_INSIDE, "--gid", UID_INSIDE, *self._no_userns),
            *("--unshare-all", "--hostname", tree.HOSTNAME, "--cap-drop", "ALL"),
            *("--die-with-parent", "--new-session"),
            *(self._unstaged(cell) if self._uid is None else _staged(cell)),
            # The settings of one's own namespaces could be changed; nobody needs to.
            *("--proc", "/proc", "--ro-bind", "/proc/sys", "/proc/sys"),
            *(_devices(cell.gpus) if self._uid is None else STAGED_DEVICES),
            *("--size", str(cell.shm_bytes), "--tmpfs", "/dev/shm"),
            *("--size", str(cell.tmp_bytes), "--tmpfs", "/tmp", "--dir", "/tmp/home"),
            # /dev is memory too, and of no fixed size; so is the root, where it is no stage.
            *("--remount-ro", "/dev", *(("--remount-ro", "/") if self._uid is None else ())),
            *("--chdir", "/code"),
        ]

    def _unstaged(self, cell: Cell) -> Iterator[str]:
        """What root stages, said to bubblewrap."""
        for target, name in self._tree.links:
            yield from ("--symlink", target, name)
        for bind in self._tree.of(cell):
            option = "--bind" if bind.writable else "--ro-bind"
            yield from (option, str(bind.source), bind.target)
        if Path("/sys/fs/cgroup").exists():
            yield from ("--ro-bind", str(self._tree.empty), "/sys/fs/cgroup")


def _own_binds(cell: Cell) -> list[Bind]:
    """What differs from cell to cell."""
    return [*tree.of_cell(cell), *tree.gpu_binds(cell.gpus)]


def _after(understudy: Understudy, output: int) -> Process:
    try:
        return understudy.started()
    except OSError:
        os.close(output)
        raise


def _staged(cell: Cell) -> Iterator[str]:
    yield from ("--ro-bind", stage.ROOT, "/")
    for bind in tree.of_cell(cell):
        if bind.writable:
            yield from ("--bind", stage.ROOT + bind.target, bind.target)


def _devices(gpus: Sequence[int]) -> Iterator[str]:
    yield from ("--dev", "/dev")
    for path in tree.gpu_nodes(gpus):
        yield from ("--dev-bind-try", path, path)


def _joined(arguments: Sequence[str]) -> bytes:
    return b"".join(os.fsencode(argument) + b"\0" for argument in arguments)


@contextlib.contextmanager
def _in_memory(content: bytes) -> Iterator[int]:
    """A descriptor to read something from, without a file."""
    descriptor = os.memfd_create("autores", os.MFD_CLOEXEC)
    try:
        os.write(descriptor, content)
        os.lseek(descriptor, 0, os.SEEK_SET)
        yield descriptor
    finally:
        os.close(descriptor)


def _first_inside(reading: int) -> int | None:
    """The init of the new PID namespace; None when bubblewrap failed before it."""
    told = b""
    deadline = time.monotonic() + STARTED_WITHIN_S
    while not told.rstrip().endswith(b"}"):
        ready, _, _ = select.select([reading], [], [], max(0.0, deadline - time.monotonic()))
        part = os.read(reading, 4096) if ready else b""
        if not part:
            return None
        told += part
    return int(json.loads(told)["child-pid"])
