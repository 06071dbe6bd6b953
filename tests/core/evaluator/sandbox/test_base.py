"""What every level does alike."""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from autores.evaluator.sandbox.base import HostSandbox, hand_over
from autores.evaluator.sandbox.environment import discover
from autores.evaluator.sandbox.level import Ending, Stop
from autores.evaluator.sandbox.selection import KINDS

if TYPE_CHECKING:
    from conftest import Lab

DAEMONS = """
    import os, signal, sys, time
    ready, wanted = os.environ["AUTORES_OUT"], int(sys.argv[1])
    for index in range(wanted):
        if os.fork() == 0:
            os.setsid()
            if os.fork():
                os._exit(0)
            for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
                signal.signal(number, signal.SIG_IGN)
            os.close(1); os.close(2)
            open(f"{ready}/{index}", "w").close()
            while True:
                if index % 2 and os.fork():
                    os._exit(0)
                time.sleep(0.005)
    while len(os.listdir(ready)) < wanted:
        time.sleep(0.01)
    if len(sys.argv) > 2:
        print("up", flush=True)
        time.sleep(300)
"""


def test_the_command_runs_with_its_folders(sandbox: HostSandbox, lab: Lab) -> None:
    for name in ("data", "harness"):
        (lab.folder / name).mkdir(mode=0o755)
    (lab.folder / "data" / "train.bin").write_text("tokens")
    (lab.folder / "harness" / "helper.py").write_text("answer = 42")
    source = """
        import helper, os, pathlib
        here = {name: pathlib.Path(os.environ[name]) for name in os.environ}
        assert os.path.samefile(".", here["AUTORES_CODE"])
        assert (here["AUTORES_DATA_DIR"] / "train.bin").read_text() == "tokens"
        (here["AUTORES_OUT"] / "artifact").write_text(str(helper.answer))
        (here["HOME"] / "cache").write_text("x")
        (here["TMPDIR"] / "scratch").write_text("x")
    """
    folders = {"data": lab.folder / "data", "harness": lab.folder / "harness"}
    lab.said(lab.run(sandbox, source, **folders))
    assert (lab.outs[-1] / "artifact").read_text() == "42"


def test_files_that_appear_later_are_seen(sandbox: HostSandbox, lab: Lab) -> None:
    data = lab.folder / "data"
    data.mkdir(mode=0o755)
    source = """
        import os, pathlib, time
        place = pathlib.Path(os.environ["AUTORES_DATA_DIR"], "train.bin")
        print("waiting", place.exists(), flush=True)
        while not place.exists():
            time.sleep(0.005)
        print(place.read_text())
    """
    running = sandbox.spawn(lab.cell(source, data=data))
    assert lab.wait_for(lambda: b"waiting False" in running.output.head)
    (lab.folder / "made").write_text("tokens")
    (lab.folder / "made").rename(data / "train.bin")
    assert running.wait(60)
    assert lab.said(running).endswith("tokens")


def test_a_socket_of_the_evaluator_is_reached(sandbox: HostSandbox, lab: Lab) -> None:
    folder = lab.folder / "sockets"
    folder.mkdir(mode=0o755)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(folder / "arena.sock"))
        (folder / "arena.sock").chmod(0o666)
        listening.listen()
        source = """
            import os, socket
            connection = socket.socket(socket.AF_UNIX)
            connection.connect(os.environ["AUTORES_SOCKET"])
            connection.send(b"ready")
        """
        running = sandbox.spawn(lab.cell(source, sockets=folder))
        listening.settimeout(60)
        connection, _ = listening.accept()
        with connection:
            assert connection.recv(16) == b"ready"
        running.wait(60)
        lab.said(running)


def test_nothing_is_inherited(
    sandbox: HostSandbox, lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUTORES_SECRET", "shh")
    monkeypatch.setenv("LD_PRELOAD_NOT", "x")
    held = os.dup2(0, 77, inheritable=True)
    source = """
        import fcntl, os
        print(*sorted(os.environ))
        for descriptor in range(3, 200):
            try:
                fcntl.fcntl(descriptor, fcntl.F_GETFD)
            except OSError:
                continue
            print("open:", descriptor)
        print(os.read(0, 1))
    """
    words = lab.said(lab.run(sandbox, source, environment={"GIVEN": "1"})).split()
    os.close(held)
    assert "GIVEN" in words
    assert "open:" not in words
    assert not {"AUTORES_SECRET", "LD_PRELOAD_NOT", "SSH_AUTH_SOCK", "USER"} & set(words)
    assert words[-1] == "b''"


@pytest.mark.parametrize(
    ("source", "code", "number"),
    [
        ("raise SystemExit(3)", 3, None),
        ("raise SystemExit(250)", 250, None),
        ("import os; os.abort()", None, signal.SIGABRT),
        ("import os; os.kill(os.getpid(), 9)", None, signal.SIGKILL),
    ],
)
def test_how_it_ended_is_told(
    sandbox: HostSandbox, lab: Lab, source: str, code: int | None, number: int | None
) -> None:
    ending = lab.run(sandbox, source).poll()
    assert ending == Ending(code=code, signal=number, stopped_by=None, killed=False)


def test_a_command_that_is_not_there(sandbox: HostSandbox, lab: Lab) -> None:
    cell = replace(lab.cell(""), argv=("/nonexistent/program",))
    try:
        ending = sandbox.spawn(cell).wait(60)
    except OSError:
        return
    assert ending and ending.code


def test_kill_ends_the_whole_tree(sandbox: HostSandbox, lab: Lab, counted: str) -> None:
    mark = f"mark{os.getpid()}x{time.monotonic_ns()}"
    running = sandbox.spawn(lab.cell(DAEMONS, "30", mark))
    assert lab.wait_for(lambda: b"up" in running.output.head, 30), running.output
    ending = running.kill()
    assert not lab.alive_with(mark)
    assert ending.killed and ending.signal == signal.SIGKILL
    assert running.poll() is ending and running.kill() is ending


def test_what_it_leaves_behind_dies_with_it(sandbox: HostSandbox, lab: Lab, counted: str) -> None:
    mark = f"mark{os.getpid()}x{time.monotonic_ns()}"
    source = DAEMONS.replace("len(sys.argv) > 2", "False")
    running = lab.run(sandbox, source, "20", mark)
    assert not lab.alive_with(mark)
    assert running.poll() == Ending(code=0, signal=None, stopped_by=None, killed=False)


def test_cells_beside_each_other_end_one_by_one(sandbox: HostSandbox, lab: Lab) -> None:
    source = "import os, time; print('up', flush=True); os.fork(); time.sleep(300)"
    first, second = (sandbox.spawn(lab.cell(source)) for _ in range(2))
    assert lab.wait_for(lambda: b"up" in first.output.head and b"up" in second.output.head)
    first.kill()
    assert second.poll() is None
    assert second.kill().killed


LIMITS = [
    pytest.param(
        """
        blocks = []
        while True:
            blocks.append(bytearray(8 << 20))
        """,
        {"memory_bytes": 96 << 20},
        Stop.MEMORY,
        id="anonymous memory",
    ),
    pytest.param(
        """
        import os, time
        store = os.memfd_create("x")
        for _ in range(64):
            os.write(store, bytes(8 << 20))
        time.sleep(20)
        """,
        {"memory_bytes": 96 << 20},
        Stop.MEMORY,
        id="memory files",
    ),
    pytest.param(
        """
        import os, time
        for _ in range(12):
            if os.fork() == 0:
                block = bytearray(os.urandom(1)) * (16 << 20)
                time.sleep(20)
        time.sleep(20)
        """,
        {"memory_bytes": 96 << 20},
        Stop.MEMORY,
        id="memory of children",
    ),
    pytest.param(
        """
        import os, time
        while True:
            try:
                if os.fork() == 0:
                    time.sleep(20)
            except OSError:
                time.sleep(0.01)
        """,
        {"processes": 8},
        Stop.PROCESSES,
        id="fork bomb",
    ),
    pytest.param(
        """
        import os, time
        for index in range(64):
            open(os.environ["AUTORES_OUT"] + f"/{index}", "wb").write(bytes(1 << 20))
        time.sleep(20)
        """,
        {"disk_bytes": 16 << 20},
        Stop.DISK,
        id="many files",
    ),
    pytest.param(
        """
        import os, time
        for index in range(2000):
            open(os.environ["AUTORES_OUT"] + f"/{index}", "w").close()
        time.sleep(20)
        """,
        {"disk_bytes": 2 << 20},
        Stop.DISK,
        id="empty files",
    ),
    pytest.param(
        """
        import os, time
        held = []
        for index in range(64):
            path = os.environ["AUTORES_OUT"] + f"/{index}"
            held.append(open(path, "wb", buffering=0))
            held[-1].write(bytes(1 << 20))
            os.unlink(path)
        time.sleep(20)
        """,
        {"disk_bytes": 16 << 20},
        Stop.DISK,
        id="files without a name",
    ),
    pytest.param(
        """
        while True:
            print("x" * 10_000)
        """,
        {"output_bytes": 1 << 20},
        Stop.OUTPUT,
        id="output",
    ),
]


@pytest.mark.parametrize(("source", "limit", "stop"), LIMITS)
def test_each_limit_has_its_own_cause(
    sandbox: HostSandbox,
    lab: Lab,
    counted: str,
    source: str,
    limit: dict[str, int],
    stop: Stop,
) -> None:
    running = lab.run(sandbox, source, **limit)
    ending = running.poll()
    assert ending and ending.stopped_by is stop and not ending.killed
    assert running.stopped_by is stop
    assert stop.cause.value == stop.value


def test_one_file_cannot_outgrow_the_disk(sandbox: HostSandbox, lab: Lab) -> None:
    source = """
        import os, signal
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        with open(os.environ["AUTORES_OUT"] + "/big", "wb") as file:
            try:
                file.truncate(1 << 30)
            except OSError as error:
                print(error.strerror)
    """
    assert lab.said(lab.run(sandbox, source, disk_bytes=1 << 20)) == "File too large"


def test_memory_within_the_limit_is_no_cause(sandbox: HostSandbox, lab: Lab, counted: str) -> None:
    data = lab.folder / "data"
    data.mkdir(mode=0o755)
    source = """
        import os, pathlib, time
        block = bytearray(32 << 20)
        while not pathlib.Path(os.environ["AUTORES_DATA_DIR"], "seen").exists():
            time.sleep(0.005)
        print("fine")
    """
    running = sandbox.spawn(lab.cell(source, data=data, memory_bytes=256 << 20))
    assert lab.wait_for(lambda: running.usage.peak_bytes >= 32 << 20)
    (data / "seen").touch()
    assert running.wait(60) and lab.said(running) == "fine"
    assert running.usage.peak_bytes < 256 << 20


def test_processor_time_is_counted(sandbox: HostSandbox, lab: Lab) -> None:
    source = """
        import time
        until = time.process_time() + 0.3
        while time.process_time() < until: pass
    """
    assert 0.3 <= lab.run(sandbox, source).usage.cpu_seconds < 3


def test_processor_time_of_what_is_killed_is_counted_too(sandbox: HostSandbox, lab: Lab) -> None:
    source = """
        import time
        until = time.process_time() + 0.3
        while time.process_time() < until: pass
        print("burnt", flush=True)
        time.sleep(60)
    """
    running = sandbox.spawn(lab.cell(source))
    assert lab.wait_for(lambda: running.output.size > 0)
    running.kill()
    assert 0.3 <= running.usage.cpu_seconds < 3


def test_it_runs_on_the_processors_of_its_lease(sandbox: HostSandbox, lab: Lab) -> None:
    if sys.platform != "linux":
        pytest.skip("processors cannot be chosen here")
    one = frozenset({min(os.sched_getaffinity(0))})
    source = "import os; print(*os.sched_getaffinity(0))"
    assert lab.said(lab.run(sandbox, source, cpus=one)) == str(min(one))


def test_output_of_both_streams_is_kept_with_its_ends(sandbox: HostSandbox, lab: Lab) -> None:
    source = """
        import sys
        print("first", flush=True)
        sys.stdout.write("x" * 400_000)
        sys.stdout.flush()
        print("last", file=sys.stderr)
    """
    output = lab.run(sandbox, source).output
    assert output.head.startswith(b"first\n") and output.tail.endswith(b"last\n")
    assert output.size == 400_011
    assert 0 < output.omitted < 400_000


def test_a_daemon_that_holds_the_pipe_does_not_keep_us(sandbox: HostSandbox, lab: Lab) -> None:
    source = """
        import os, time
        if os.fork() == 0:
            os.setsid()
            time.sleep(300)
        print("done", flush=True)
    """
    start = time.monotonic()
    assert lab.said(lab.run(sandbox, source)) == "done"
    assert time.monotonic() - start < 60


def test_nothing_of_a_cell_stays(sandbox: HostSandbox, lab: Lab) -> None:
    before = set(os.listdir("/proc/self/fd"))
    for _ in range(3):
        lab.run(sandbox, "import os; open(os.environ['TMPDIR'] + '/x', 'w')")
    kept = [path for path in sandbox.folder.rglob("x") if path.is_file()]
    assert not kept
    assert len(os.listdir("/proc/self/fd")) <= len(before)


def test_closing_removes_the_folder(sandbox: HostSandbox) -> None:
    sandbox.close()
    assert not sandbox.folder.exists()


def test_an_out_folder_that_is_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out").symlink_to("/")
    with pytest.raises(OSError):
        hand_over(tmp_path / "out", None)


RANK = """
import os
from pathlib import Path

import torch
import torch.distributed as dist

dist.init_process_group("gloo")
held = torch.ones(1) * (dist.get_rank() + 1)
dist.all_reduce(held)
Path(os.environ["AUTORES_OUT"], str(dist.get_rank())).write_text(str(int(held)))
dist.destroy_process_group()
"""


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_ranks_of_torchrun_find_each_other(kind: type[HostSandbox], lab: Lab) -> None:
    pytest.importorskip("torch")
    (lab.code / "rank.py").write_text(RANK)
    torchrun = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2")
    cell = replace(lab.cell(""), argv=("python", *torchrun, "rank.py"), loopback=True)
    try:
        sandbox = kind(discover(["torch"]))
    except OSError as error:
        pytest.skip(str(error))
    with sandbox:
        running = sandbox.spawn(replace(cell, environment={"OMP_NUM_THREADS": "1"}))
        running.wait(60) or running.kill()
        lab.said(running)
    assert [(lab.outs[-1] / rank).read_text() for rank in "01"] == ["3", "3"]
