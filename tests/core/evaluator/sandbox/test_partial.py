from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from autores.evaluator.sandbox import kernel, launch
from autores.evaluator.sandbox.environment import Environment
from autores.evaluator.sandbox.partial import Restricted, Staged

if TYPE_CHECKING:
    from conftest import Lab

WHERE = "import os; print(os.getcwd(), os.getuid(), *sorted(os.listdir('/proc')))"
UP = "import time; print('up', flush=True); time.sleep(300)"


def system_python() -> Environment:
    """An interpreter that every user can reach, unlike one in somebody's home."""
    path = Path("/usr/bin/python3")
    if not path.exists():
        pytest.skip("no interpreter under /usr")
    return Environment(
        interpreter=path.resolve(), trees=(), hidden=(), packages=(), descriptions=()
    )


def test_root_builds_the_tree_of_the_full_level(lab: Lab) -> None:
    with lab.open(Staged) as staged:
        folder, uid, *shown = lab.said(lab.run(staged, WHERE)).split()
        assert staged.user and int(uid) == staged.user.uid != 0
    assert folder == "/code"
    assert len([name for name in shown if name.isdigit()]) == 1  # hidepid
    with lab.open(Staged) as staged:
        source = "import os; print(*(p for p in os.listdir('/') if os.access('/' + p, os.W_OK)))"
        assert set(lab.said(lab.run(staged, source)).split()) == {"out", "tmp"}


def test_root_gives_it_a_loopback_of_its_own(lab: Lab) -> None:
    source = """
        import socket
        print(*(name for _, name in socket.if_nameindex()))
        server = socket.create_server(("127.0.0.1", 0))
        socket.create_connection(server.getsockname())
    """
    with lab.open(Staged) as staged:
        assert lab.said(lab.run(staged, source)) == "lo"


def test_memory_file_systems_count_where_no_group_does(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("autores.evaluator.sandbox.base.create_group", lambda cell, name: None)
    source = """
        import time
        with open("/tmp/x", "wb") as file:
            file.write(bytes(200 << 20))
        time.sleep(20)
    """
    with lab.open(Staged) as staged:
        ending = lab.run(staged, source, memory_bytes=128 << 20).poll()
        assert ending and ending.stopped_by and ending.stopped_by.value == "memory"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may make namespaces")
def test_who_may_not_make_namespaces_is_told_so() -> None:
    with pytest.raises(PermissionError, match="only root"):
        Staged()


def test_root_without_the_capability_is_told_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(kernel, "has_capability", lambda capability: False)
    with pytest.raises(PermissionError, match="CAP_SYS_ADMIN"):
        Staged()


@pytest.mark.parametrize("abi", [0, 5])
def test_too_old_a_landlock_is_no_containment(abi: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel, "landlock_abi", lambda: abi)
    with pytest.raises(OSError, match=f"Landlock 6 is needed .* it is {abi}"):
        Restricted()


def test_the_hosts_paths_are_seen_and_only_the_cells_are_open(lab: Lab) -> None:
    (lab.folder / "secret").write_text("shh")
    source = """
        import os, sys
        print(os.getcwd())
        for path in sys.argv[1:]:
            try:
                os.listdir(path) if os.path.isdir(path) else open(path).read()
                print("got", path)
            except OSError:
                pass
    """
    with lab.open(Restricted) as restricted:
        paths = (str(lab.folder / "secret"), "/", str(Path.home()), "/tmp", "/var", "/etc/shadow")
        assert lab.said(lab.run(restricted, source, *paths)) == str(lab.code)


def test_another_user_where_it_reaches_what_it_needs(lab: Lab) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can become another user")
    lab.open(Restricted).close()
    with Restricted(system_python()) as restricted:
        uid = lab.said(lab.run(restricted, WHERE)).split()[1]
        assert restricted.user and int(uid) == restricted.user.uid
        (lab.folder / "private").mkdir(mode=0o700)
        (lab.folder / "private" / "data").mkdir(mode=0o755)
        data = lab.folder / "private" / "data"
        source = WHERE + "; os.listdir(os.environ['AUTORES_DATA_DIR'])"
        folder, uid = lab.said(lab.run(restricted, source, data=data)).split()[:2]
        assert (folder, uid) == (str(lab.code), "0")


def test_root_that_stays_root_has_no_capability(lab: Lab) -> None:
    source = "print(*[line for line in open('/proc/self/status') if line.startswith('Cap')])"
    with lab.open(Restricted) as restricted:
        lines = lab.said(lab.run(restricted, source)).splitlines()
    assert {line.split()[1] for line in lines if "CapBnd" not in line} == {"0" * 16}
    if os.geteuid() == 0:
        assert {line.split()[1] for line in lines} == {"0" * 16}


def test_ranks_get_the_network_they_need_and_nobody_else(lab: Lab) -> None:
    source = """
        import socket
        server = socket.create_server(("127.0.0.1", 0))
        socket.create_connection(server.getsockname())
        open("/dev/shm/autores-test", "w").close()
        __import__("os").unlink("/dev/shm/autores-test")
    """
    with lab.open(Restricted) as restricted:
        lab.said(lab.run(restricted, source, loopback=True))
        alone = lab.run(restricted, source)
        assert b"Address family not supported" in alone.output.head


def test_a_chain_of_forks_is_ended_at_one_blow(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("only root has users to spare")
    monkeypatch.setattr("autores.evaluator.sandbox.base.create_group", lambda cell, name: None)
    mark = f"chain{os.getpid()}"
    source = """
        import os
        os.write(1, b"up")
        while True:
            if os.fork():
                os._exit(0)
            os.setsid()
    """
    with lab.open(Staged) as staged:
        running = staged.spawn(lab.cell(source, mark))
        assert lab.wait_for(lambda: b"up" in running.output.head)
        running.kill()
        assert not lab.alive_with(mark)


def test_every_cell_gets_a_tmp_of_its_own(tmp_path: Path) -> None:
    first, second = (launch.temporary_folder(tmp_path, None) for _ in range(2))
    assert first != second
    assert (first / "home").is_dir()
    assert first.stat().st_mode & 0o777 == 0o700
