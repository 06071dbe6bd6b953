from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from autores.evaluator.sandbox import bubblewrap, tree
from autores.evaluator.sandbox.base import HostSandbox
from autores.evaluator.sandbox.bubblewrap import Bubblewrap
from autores.evaluator.sandbox.environment import discover

if TYPE_CHECKING:
    from conftest import Lab

pytestmark = pytest.mark.full


@pytest.fixture
def full(lab: Lab) -> Iterator[HostSandbox]:
    with lab.open(Bubblewrap) as sandbox:
        yield sandbox


def test_the_tree_is_an_allow_list(full: HostSandbox, lab: Lab) -> None:
    source = "import os; print(*sorted(os.listdir('/')), *sorted(os.listdir('/run')))"
    shown = set(lab.said(lab.run(full, source)).split())
    private = {"home", "root", "var", "opt", "mnt", "srv", "boot"} & shown
    assert {"code", "out", "env", "usr", "tmp"} <= shown
    # The interpreter may lie in somebody's home, of which then nothing else is seen.
    assert private <= {Path(os.path.realpath("/proc/self/exe")).parts[1]}


def test_only_its_own_processes_exist(full: HostSandbox, lab: Lab) -> None:
    source = "import os; print(*[name for name in os.listdir('/proc') if name.isdigit()])"
    assert len(lab.said(lab.run(full, source)).split()) <= 3


def test_only_an_empty_loopback_is_there_and_works(full: HostSandbox, lab: Lab) -> None:
    source = """
        import socket
        print(*(name for _, name in socket.if_nameindex()))
        server = socket.create_server(("localhost", 0))
        socket.create_connection(server.getsockname())
        print(socket.gethostname())
    """
    assert lab.said(lab.run(full, source)).split() == ["lo", "trial"]


def test_nothing_but_its_folders_is_writable(full: HostSandbox, lab: Lab) -> None:
    source = """
        import os
        for folder, folders, files in os.walk("/"):
            if folder.startswith(("/proc", "/sys")):
                folders[:] = []
            elif os.access(folder, os.W_OK):
                print(folder)
    """
    writable = set(lab.said(lab.run(full, source)).split())
    terminals = {"/dev/pts"}  # no file can be made there
    assert writable - terminals == {"/out", "/tmp", "/tmp/home", "/dev/shm"}


def test_memory_file_systems_have_their_sizes(full: HostSandbox, lab: Lab) -> None:
    source = """
        import os
        for path in ("/tmp", "/dev/shm"):
            room = os.statvfs(path)
            print(room.f_blocks * room.f_frsize >> 20)
    """
    sizes = {"tmp_bytes": 32 << 20, "shm_bytes": 48 << 20}
    assert lab.said(lab.run(full, source, **sizes)).split() == ["32", "48"]


def test_the_device_of_a_lease_is_there_and_works(
    full: HostSandbox, lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`/dev/tty` stands for a device, of which every machine has one."""
    if full.user is None:
        pytest.skip("bubblewrap makes its own nodes where root does not")
    monkeypatch.setattr(tree, "gpu_nodes", lambda gpus: ("/dev/tty",) if gpus else ())
    look = """
        import os, stat
        node = os.stat("/dev/tty") if os.path.exists("/dev/tty") else None
        print(node and (stat.S_ISCHR(node.st_mode), node.st_rdev), end=" ")
        if node:
            try:
                os.open("/dev/tty", os.O_RDWR)
            except OSError as error:
                print(os.strerror(error.errno))  # a device answers: this session has no terminal
    """
    number = os.stat("/dev/tty").st_rdev
    for gpus, said in (((0,), f"(True, {number}) {os.strerror(errno.ENXIO)}"), ((), "None")):
        assert lab.said(lab.run(full, look, gpus=gpus)) == said


def test_no_device_of_the_host_is_there_without_a_lease(full: HostSandbox, lab: Lab) -> None:
    shown = lab.said(lab.run(full, "import os; print(*os.listdir('/dev'))")).split()
    assert not [name for name in shown if name.startswith(("nvidia", "sd", "vd", "kvm", "mem"))]


def test_its_own_user_is_nobody_here(full: HostSandbox, lab: Lab) -> None:
    assert lab.said(lab.run(full, "import os; print(os.getuid(), os.getgid())")) == "1000 1000"
    running = full.spawn(lab.cell("import time; time.sleep(300)"))
    owner = Path(f"/proc/{running.pid}").stat().st_uid
    running.kill()
    assert owner != 0
    assert owner == (full.user.uid if full.user else os.geteuid())


def test_a_folder_that_is_not_there_is_an_error_and_leaves_nothing(
    full: HostSandbox, lab: Lab
) -> None:
    cell = lab.cell("", data=lab.folder / "missing")
    with pytest.raises(OSError):
        full.spawn(cell)


def test_a_version_is_only_told_of_what_can_be_used(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(bubblewrap, "PROGRAMS", str(tmp_path))
    assert bubblewrap.version() is None
    program = tmp_path / "bwrap"
    program.write_text("#!/bin/sh\necho bubblewrap 0.4.1\n")
    program.chmod(0o755)
    assert bubblewrap.version() is None
    with pytest.raises(FileNotFoundError, match="not installed"):
        Bubblewrap()
    program.write_text("#!/bin/sh\necho bubblewrap 0.11.0\n")
    assert bubblewrap.version() == (0, 11)


def test_who_is_not_root_says_it_all_to_bubblewrap(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as somebody:
        somebody.setattr(os, "geteuid", lambda: 1000)
        full = Bubblewrap(discover(()))
    source = """
        import os
        open("/out/x", "w").close()
        for folder in ("/", "/dev", "/proc", "/code"):
            try:
                os.mkdir(f"{folder}/made")
            except OSError:
                continue
            print("made a folder in", folder)
        print(os.getuid())
    """
    with full:
        assert full.user is None
        assert lab.said(lab.run(full, source)) == "1000"
