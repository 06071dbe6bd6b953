"""The file system of a cell, where one can be built: full, and partial under root."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from autores.evaluator.sandbox.environment import Environment, View
from autores.evaluator.sandbox.launch import Inside
from autores.evaluator.sandbox.level import Cell
from autores.evaluator.sandbox.stage import Bind

INSIDE = Inside(
    python=Path("/env/bin/python"),
    code=Path("/code"),
    out=Path("/out"),
    harness=Path("/harness"),
    data=Path("/data"),
    sockets=Path("/run/autores"),
    tmp=Path("/tmp"),
)
HOSTNAME = "trial"
ETC_COPIED = ("ld.so.cache", "localtime")
ETC_BOUND = (Path("/etc/alternatives"),)
ETC_WRITTEN = {
    "hosts": f"127.0.0.1 localhost {HOSTNAME}\n::1 localhost\n",  # without it torchrun hangs
    "passwd": "trial:x:1000:1000::/tmp/home:/bin/sh\n",
    "group": "trial:x:1000:\n",
    "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
}
NODES = tuple(Path("/dev", name) for name in ("null", "zero", "full", "random", "urandom"))
DEV_LINKS = tuple(
    (f"/proc/self/{target}", f"/dev/{name}")
    for target, name in (("fd", "fd"), ("fd/0", "stdin"), ("fd/1", "stdout"), ("fd/2", "stderr"))
)
GPU_NODES = ("nvidiactl", "nvidia-uvm", "nvidia-uvm-tools", "nvidia-modeset")
USR_LINKS = ("bin", "sbin", "lib", "lib64")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """What is the same for all cells of a sandbox: system, interpreter, allowed packages."""

    binds: tuple[Bind, ...]
    links: tuple[tuple[str, str], ...]
    """(target, name) of symbolic links."""
    empty: Path
    """An empty folder, to hide things behind."""

    @classmethod
    def create(cls, environment: Environment, view: View, folder: Path) -> Tree:
        """Prepare it; what has to be written goes into the folder."""
        empty = folder / "empty"
        empty.mkdir(mode=0o755)
        binds = [Bind(Path("/usr"), "/usr", deep=True), Bind(_write_etc(folder / "etc"), "/etc")]
        binds += [Bind(path, str(path)) for path in ETC_BOUND if path.is_dir()]
        binds += [Bind(tree, str(tree)) for tree in environment.trees]
        binds += [Bind(empty, str(path)) for path in environment.hidden]
        binds += [Bind(Path("/sys"), "/sys")] if Path("/sys/devices").exists() else []
        binds += [Bind(view.root, "/env")]
        for package, place in view.holes:
            binds.append(Bind(package, f"/env/{place.relative_to(view.root)}"))
        links = ((f"usr/{name}", f"/{name}") for name in USR_LINKS if Path("/", name).exists())
        return cls(binds=tuple(binds), links=tuple(links), empty=empty)

    def of(self, cell: Cell) -> list[Bind]:
        """With the folders of a cell."""
        return [*self.binds, *of_cell(cell)]


def inside(cell: Cell) -> Inside:
    """Where a cell finds its folders in the tree."""
    return replace(
        INSIDE,
        harness=INSIDE.harness if cell.harness else None,
        data=INSIDE.data if cell.data else None,
        sockets=INSIDE.sockets if cell.sockets else None,
    )


def gpu_nodes(gpus: Sequence[int]) -> tuple[str, ...]:
    """The device nodes of a lease; the common ones only with a device of one's own."""
    return tuple(
        f"/dev/{name}" for name in (*GPU_NODES, *(f"nvidia{index}" for index in gpus)) if gpus
    )


def device_binds(gpus: Sequence[int]) -> list[Bind]:
    """The device nodes of a cell that exist on this machine."""
    nodes = [Bind(path, str(path), writable=True) for path in NODES if path.exists()]
    return [*nodes, *gpu_binds(gpus)]


def gpu_binds(gpus: Sequence[int]) -> list[Bind]:
    """Those that are of its lease."""
    paths = map(Path, gpu_nodes(gpus))
    return [Bind(path, str(path), writable=True) for path in paths if path.exists()]


def of_cell(cell: Cell) -> Iterator[Bind]:
    """The folders of a cell."""
    yield Bind(cell.out, str(INSIDE.out), writable=True)
    wanted = (
        (cell.code, INSIDE.code),
        (cell.harness, INSIDE.harness),
        (cell.data, INSIDE.data),
        (cell.sockets, INSIDE.sockets),
    )
    for source, target in wanted:
        if source:
            yield Bind(source, str(target))


def _write_etc(folder: Path) -> Path:
    folder.mkdir(mode=0o755)
    for name, text in ETC_WRITTEN.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o644)
    for name in ETC_COPIED:
        if Path("/etc", name).exists():
            shutil.copyfile(Path("/etc", name), folder / name)
            (folder / name).chmod(0o644)
    for path in ETC_BOUND:
        (folder / path.name).mkdir(mode=0o755)
    return folder
