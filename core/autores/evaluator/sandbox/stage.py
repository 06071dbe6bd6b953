"""The tree that a cell sees, and how root builds it where another uid can reach it.

An interpreter under root's home, a project under a private path: a uid without rights
cannot get there by name. So the child, still root, binds what the cell needs below a small
tmpfs in a mount namespace of its own, before it drops its uid. Nothing of it is seen
outside, and it goes with the child.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from autores.evaluator.sandbox import kernel
from autores.evaluator.sandbox.kernel import Mount

ROOT = next((path for path in ("/mnt", "/media", "/srv") if os.path.isdir(path)), "/tmp")


@dataclass(frozen=True, slots=True)
class Bind:
    """One folder or file, and where it appears."""

    source: Path
    target: str
    writable: bool = False
    """Also: a device node that works."""
    deep: bool = False
    """With what is mounted below it."""


@dataclass(frozen=True, slots=True)
class Stage:
    """The binds of one cell, below `ROOT`."""

    binds: Sequence[Bind]
    links: Sequence[tuple[str, str]] = ()
    """(target, name) of symbolic links."""
    folders: Sequence[str] = ()
    """Empty folders, to be mounted on by others."""

    def enter(self) -> None:
        """Make a private mount namespace with the binds; runs as root in the child."""
        kernel.unshare(kernel.CLONE_NEWNS)
        kernel.mount("none", "/", flags=Mount.RECURSIVE | Mount.SLAVE)
        # Opened first: a source may lie below what is covered now.
        sources = [os.open(bind.source, os.O_PATH | os.O_CLOEXEC) for bind in self.binds]
        kernel.mount("tmpfs", ROOT, "tmpfs", Mount.NO_SUID | Mount.NO_DEV, "mode=0755,size=1m")
        for name in self.folders:
            os.makedirs(ROOT + name)
        for bind, source in zip(self.binds, sources, strict=True):
            _bind(bind, source)
        for target, name in self.links:
            os.symlink(target, ROOT + name)


def add(binds: Sequence[Bind]) -> None:
    """Add to a stage; no source may lie below `ROOT`, which covers it."""
    for bind in binds:
        _bind(bind, os.open(bind.source, os.O_PATH | os.O_CLOEXEC))


def covers(binds: Sequence[Bind]) -> bool:
    """Whether a stage that stands already hides one of the sources."""
    return any(bind.source.is_relative_to(ROOT) for bind in binds)


@dataclass(frozen=True, slots=True)
class Memory:
    """A file system in memory, of a size."""

    target: str
    size: int


def furnish(memory: Sequence[Memory]) -> None:
    """Add to a stage what bubblewrap would: /proc of our own processes alone, memory.

    Raises:
        OSError: the kernel is older than 5.8 and would hide processes from everybody.
    """
    plain = Mount.NO_SUID | Mount.NO_DEV
    kernel.mount("proc", f"{ROOT}/proc", "proc", plain | Mount.NO_EXEC, "hidepid=invisible")
    for place in memory:
        options = f"mode=1777,size={place.size}"
        os.makedirs(ROOT + place.target, exist_ok=True)
        kernel.mount("tmpfs", ROOT + place.target, "tmpfs", plain, options)


def move_in(folder: str) -> None:
    """Make the stage the only file system there is, and go to a folder."""
    kernel.pivot_root(ROOT)
    os.chdir(folder)


def _bind(bind: Bind, source: int) -> None:
    target = ROOT + bind.target
    link = f"/proc/self/fd/{source}"
    if not os.path.lexists(target):
        _make_place(target, folder=os.path.isdir(link))
    deep = Mount.RECURSIVE if bind.deep else 0
    kernel.mount(link, target, flags=Mount.BIND | deep)
    if not bind.writable:
        flags = Mount.REMOUNT | Mount.BIND | Mount.READ_ONLY | Mount.NO_SUID | Mount.NO_DEV
        kernel.mount("none", target, flags=flags)
    os.close(source)


def _make_place(target: str, *, folder: bool) -> None:
    os.makedirs(target if folder else os.path.dirname(target), exist_ok=True)
    if not folder:
        os.close(os.open(target, os.O_CREAT | os.O_WRONLY, 0o644))


def unreachable(path: Path) -> Path | None:
    """The topmost folder on the way that other users may not pass, if there is one."""
    for folder in reversed(path.parents):
        if not folder.stat().st_mode & 0o001:
            return folder
    return None
