"""The partial level, in two ways: as root in namespaces, else by Landlock alone.

`Staged` needs root with CAP_SYS_ADMIN: another uid sees the tree of the full level, in mount,
network and IPC namespaces of its own. `Restricted` needs nothing but Landlock: another uid
where root can drop to one that still reaches what it needs, else the same one without
capabilities. In both, a double fork is found by our loop rather than ended by the kernel.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from autores.evaluator.sandbox import kernel, landlock, launch, seccomp, stage, tree
from autores.evaluator.sandbox.base import HostSandbox
from autores.evaluator.sandbox.contained import RunningCell
from autores.evaluator.sandbox.environment import Environment
from autores.evaluator.sandbox.landlock import Rules
from autores.evaluator.sandbox.level import Cell, Level
from autores.evaluator.sandbox.stage import Memory, Stage
from autores.evaluator.sandbox.users import SpareUser

NAMESPACES = kernel.CLONE_NEWNET | kernel.CLONE_NEWIPC | kernel.CLONE_NEWUTS
SYSTEM_FOLDERS = ("/usr", "/bin", "/sbin", "/lib", "/lib64", "/proc", "/sys", "/dev/fd")
SYSTEM_FILES = ("ld.so.cache", "hosts", "nsswitch.conf", "passwd", "group", "localtime")
SHARED_MEMORY = Path("/dev/shm")


class Staged(HostSandbox):
    """Namespaces made by root itself, another uid, Landlock where there is one, seccomp."""

    level = Level.PARTIAL
    links = False

    def __init__(self, environment: Environment | None = None, scratch: Path | None = None) -> None:
        """See `HostSandbox`.

        Raises:
            OSError: this process may not make namespaces.
        """
        if not seccomp.supported() or os.geteuid() != 0:
            raise PermissionError("only root can make namespaces without bubblewrap")
        if not kernel.has_capability(kernel.CAP_SYS_ADMIN):
            raise PermissionError("root may not make namespaces here (no CAP_SYS_ADMIN)")
        super().__init__(environment, scratch)
        self.user = SpareUser.claim()
        self._uid = self.user.uid
        self._tree = tree.Tree.create(self.environment, self.view, self.folder)

    def spawn(self, cell: Cell) -> RunningCell:
        """Start a cell; see `Sandbox`."""
        devices = tree.device_binds(cell.gpus)
        binds = [*self._tree.of(cell), *devices]
        whole = Stage(binds, (*self._tree.links, *tree.DEV_LINKS), folders=("/proc", "/run"))
        memory = (Memory("/tmp", cell.tmp_bytes), Memory(str(SHARED_MEMORY), cell.shm_bytes))
        writable = [Path(place) for place in ("/tmp", "/dev/shm", *(d.target for d in devices))]
        filters = seccomp.program(internet=True, affinity=cell.cpus is None)
        steps = (
            partial(whole.enter),
            partial(kernel.unshare, NAMESPACES),
            kernel.raise_loopback,
            partial(socket.sethostname, tree.HOSTNAME),
            partial(stage.furnish, memory),
            partial(stage.move_in, str(tree.INSIDE.code)),
            partial(
                _restrict_if_possible, Rules(read=[Path("/")], write=[tree.INSIDE.out, *writable])
            ),
            kernel.forbid_capabilities,
            partial(launch.become, self._uid),
            kernel.drop_capabilities,
            launch.die_with_parent,
            launch.make_home,
            partial(kernel.install_filter, filters),
        )
        return self.run(
            cell,
            tree.inside(cell),
            steps,
            uid=self._uid,
            tmpfs=tuple(place.target for place in memory),
        )


def _restrict_if_possible(rules: Rules) -> None:
    """Landlock as a second wall; the first one stands without it."""
    if abi := kernel.landlock_abi():
        landlock.restrict(rules.ruleset(abi))


class Restricted(HostSandbox):
    """Landlock and seccomp on the host's own file system; no namespaces."""

    level = Level.PARTIAL

    def __init__(self, environment: Environment | None = None, scratch: Path | None = None) -> None:
        """See `HostSandbox`.

        Raises:
            OSError: the kernel's Landlock does not reach far enough.
        """
        self._abi = kernel.landlock_abi() if seccomp.supported() else 0
        if self._abi < landlock.WITH_SCOPE:
            raise OSError(f"Landlock 6 is needed (Linux 6.12), here it is {self._abi}")
        super().__init__(environment, scratch)
        self.user = SpareUser.claim() if os.geteuid() == 0 else None
        (self.folder / "tmp").mkdir(mode=0o755)
        self._read, self._listed = self._readable()

    def _readable(self) -> tuple[list[Path], list[Path]]:
        """What every cell may read, and of which folders only the names."""
        found = [*map(Path, SYSTEM_FOLDERS), *(Path("/etc", name) for name in SYSTEM_FILES)]
        found = [*found, *self.environment.trees, *self.environment.packages, self.view.root]
        whole: list[Path] = []
        listed: list[Path] = []
        for path in found:
            for part, all_of_it in landlock.without(path, self.environment.hidden):
                (whole if all_of_it else listed).append(part)
        return whole, listed

    def spawn(self, cell: Cell) -> RunningCell:
        """Start a cell; see `Sandbox`."""
        uid = self.user.uid if self.user and self._reaches(cell) else None
        tmp = launch.temporary_folder(self.folder / "tmp", uid)
        inside = launch.on_the_host(cell, self.view.python, tmp)
        filters = seccomp.program(
            internet=cell.loopback, affinity=cell.cpus is None, shared_user=uid is None
        )
        steps: list[Callable[[], None]] = [
            partial(os.chdir, cell.code),
            *([kernel.forbid_capabilities] if self.user else []),
            *([partial(launch.become, uid)] if uid is not None else []),
            kernel.drop_capabilities,
            partial(self._restrict, self._rules(cell, tmp)),
            launch.die_with_parent,
            partial(kernel.install_filter, filters),
        ]
        return self.run(cell, inside, steps, uid=uid, folders=[tmp])

    def _restrict(self, rules: Rules) -> None:
        landlock.restrict(rules.ruleset(self._abi))

    def _rules(self, cell: Cell, tmp: Path) -> Rules:
        folders = (cell.code, cell.harness, cell.data, cell.sockets)
        devices = (bind.source for bind in tree.device_binds(cell.gpus))
        ranks = [SHARED_MEMORY] if cell.loopback else []
        return Rules(
            read=[*self._read, *(folder for folder in folders if folder)],
            write=[cell.out, tmp, *devices, *ranks],
            listed=self._listed,
            tcp=cell.loopback,
        )

    def _reaches(self, cell: Cell) -> bool:
        """Whether another uid gets to what the cell needs."""
        return not any(map(stage.unreachable, self._needed(cell)))

    def _needed(self, cell: Cell) -> Iterator[Path]:
        environment = self.environment
        yield from (cell.code, cell.out, environment.interpreter, self.view.python)
        yield from (*environment.trees, *environment.packages)
        yield from (path for path in (cell.harness, cell.data, cell.sockets) if path)
