"""What a hostile candidate would try; run inside a cell by `probes`, which judges it.

    python attempts.py WHAT TARGETS

Standard library only. Every attempt is harmless where it succeeds: it opens without writing,
signals a process that was started for it, asks the kernel for what it throws away.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import importlib.util
import json
import os
import resource
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

Attempts = Iterator[tuple[str, bool]]
"""What was tried, and whether it got through."""

AF_PACKET, AF_VSOCK = 17, 40
NEW_USER_NAMESPACE, IPC_CREATE = 0x10000000, 0o1000
ATTACH, KEYRING_OF_SESSION = 16, 2**64 - 3
REFUSALS = {errno.EPERM, errno.EACCES, errno.ENOSYS, errno.ESRCH}
STATE_FOLDERS = ("/tmp", "/var/tmp", "/dev/shm", "/dev/mqueue", "/run", "/out", "/code", ".")
DAEMONS = 20
STEP = 1 << 20
NOWHERE = (("192.0.2.1", socket.AF_INET), ("2001:db8::1", socket.AF_INET6))
"""Addresses that are nobody's; nothing is sent to them."""


def works(call: Callable[..., object], *arguments: Any) -> bool:
    """Whether a call is not refused."""
    try:
        call(*arguments)
    except (OSError, ValueError):
        return False
    return True


def reads(path: str) -> bool:
    """Whether a file can be read."""
    return works(lambda: Path(path).read_bytes())


def opens_to_write(path: str) -> bool:
    """Whether a file could be written; nothing is."""
    return works(lambda: os.close(os.open(path, os.O_WRONLY | os.O_CLOEXEC)))


def creates(folder: str, name: str) -> bool:
    """Whether a file can be made in a folder; it is taken away again."""
    path = os.path.join(folder, name)
    made = works(lambda: os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)))
    if made:
        os.unlink(path)
    return made


def held_out(targets: Mapping[str, Any]) -> Attempts:
    """Read what lies outside."""
    for kind in ("secret", "readable"):
        path, pid = targets[kind], targets["pid"]
        yield f"read a {kind} file", reads(path)
        for process in (pid, 1, "self"):
            yield f"read it through /proc/{process}/root", reads(f"/proc/{process}/root{path}")
    yield "list a folder of the host", works(os.listdir, os.path.dirname(targets["secret"]))
    yield "import the evaluator", importlib.util.find_spec("autores") is not None


def host(targets: Mapping[str, Any]) -> Attempts:
    """Write what lies outside."""
    name = targets["marker"]
    yield "write a file that anybody may write", opens_to_write(targets["writable"])
    yield "write the evaluator's result", opens_to_write(targets["result"])
    yield "make a file where anybody may", creates(targets["shared"], name)
    for what, folder in (
        ("code", "."),
        ("interpreter", os.path.dirname(os.__file__)),
        ("environment", os.path.join(sys.prefix, "lib")),
        ("system", "/usr/lib"),
        ("settings", "/etc"),
    ):
        yield f"make a file in the folder of the {what}", creates(folder, name)
    yield "set times of a file", _sets_times(targets["readable"])


def _sets_times(path: str) -> bool:
    """Whether a file now bears a time that was given to it."""
    works(os.utime, path, (1, 1))
    try:
        return os.stat(path).st_mtime == 1
    except OSError:
        return False


def network(targets: Mapping[str, Any]) -> Attempts:
    """Reach another machine, or the hypervisor; the host sees what came of the rest."""
    for address, family in NOWHERE:
        yield f"find a way to {address}", works(_route, family, address)
    yield "open a hypervisor socket", works(_open_and_close, AF_VSOCK)
    yield "open a packet socket", works(_open_and_close, AF_PACKET, socket.SOCK_RAW)
    works(_call_on, "127.0.0.1", targets["tcp"])
    works(_send_to, "127.0.0.1", targets["udp"])


def _route(family: int, address: str) -> None:
    with socket.socket(family, socket.SOCK_DGRAM) as datagrams:
        datagrams.connect((address, 9))


def _open_and_close(family: int, kind: int = socket.SOCK_STREAM) -> None:
    socket.socket(family, kind).close()


def _call_on(address: str, port: int) -> None:
    socket.create_connection((address, port), timeout=1).close()


def _send_to(address: str, port: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
        datagrams.sendto(b"here", (address, port))


def sockets(targets: Mapping[str, Any]) -> Attempts:
    """Reach services of this machine."""
    yield "connect to a socket by its path", works(_connect, targets["socket"])
    yield "connect to an abstract socket", works(_connect, "\0" + targets["abstract"])


def _connect(address: str) -> None:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(address)


def processes(targets: Mapping[str, Any]) -> Attempts:
    """Look into another process, trace it; the host sees whether it was signalled."""
    pid, calls = targets["pid"], targets["calls"]
    for name in ("environ", "mem", "maps", "io"):
        yield f"read /proc/PID/{name}", _reads_of(pid, name, targets["marker"])
    yield "follow a descriptor", works(os.readlink, f"/proc/{pid}/fd/0")
    if _reads_of(pid, "cmdline", targets["marker"]):
        limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        yield "limit it", works(resource.prlimit, pid, resource.RLIMIT_NOFILE, limits)
    if "ptrace" in calls and pid != os.getpid():
        yield "trace it", system_call(calls["ptrace"], ATTACH, pid, 0, 0)
    works(os.kill, pid, signal.SIGUSR1)


def _reads_of(pid: int, name: str, marker: str) -> bool:
    """Whether it is the process meant, and not one of ours of the same number."""
    try:
        with open(f"/proc/{pid}/{name}", "rb", buffering=0) as file:
            if name != "mem":  # nothing lies at its beginning
                file.read(1)
        return marker.encode() in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def system_call(number: int, *arguments: Any) -> bool:
    """Whether the kernel does not refuse a call, even if it finds the arguments wrong."""
    libc = ctypes.CDLL(None, use_errno=True)
    ctypes.set_errno(0)
    words = [ctypes.c_ulong(a) if isinstance(a, int) else a for a in arguments]
    return bool(libc.syscall(number, *words) >= 0) or ctypes.get_errno() not in REFUSALS


def in_a_child(attempt: Callable[[], bool]) -> bool:
    """Try what changes a process in one that ends at once."""
    child = os.fork()
    if child == 0:
        os._exit(int(attempt()))
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 1


def kernel(targets: Mapping[str, Any]) -> Attempts:
    """Use what reaches around the walls."""
    zeros, nothing = ctypes.create_string_buffer(256), ctypes.c_void_p()
    here = os.getcwd().encode()
    wanted: dict[str, Sequence[Any]] = {
        "unshare": (NEW_USER_NAMESPACE,),
        "mount": (b"none", here, nothing, 1 << 19, nothing),
        "bpf": (5, zeros, 0),
        "io_uring_setup": (1, zeros),
        "userfaultfd": (0,),
        "perf_event_open": (zeros, 0, -1 % 2**64, -1 % 2**64, 0),
        "keyctl": (0, KEYRING_OF_SESSION, 0),
        "settimeofday": (nothing, nothing),
    }
    for name, arguments in wanted.items():
        if name in targets["calls"]:
            call = partial(system_call, targets["calls"][name], *arguments)
            yield f"call {name}", in_a_child(call)
    yield "write a setting of the kernel", any(map(opens_to_write, _settings()))
    cgroup = "/sys/fs/cgroup/" + targets["marker"]
    yield "make a control group", works(os.mkdir, cgroup) and works(os.rmdir, cgroup)


def _settings() -> Iterator[str]:
    for folder, _, names in os.walk("/proc/sys"):
        yield from (os.path.join(folder, name) for name in names)
    yield "/proc/sysrq-trigger"


def secrets(targets: Mapping[str, Any]) -> Attempts:
    """Find what was inherited."""
    known = set(targets["variables"])
    yield "find a variable that was not given", not known.issuperset(os.environ)
    yield "find one of the first process", not known.issuperset(_variables_of(1))
    yield (
        "find an open descriptor",
        any(works(fcntl.fcntl, fd, fcntl.F_GETFD) for fd in targets["descriptors"]),
    )
    yield "find a capability", _capabilities() != 0


def _variables_of(pid: int) -> list[str]:
    try:
        entries = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return []
    return [os.fsdecode(entry.partition(b"=")[0]) for entry in entries if entry]


def _capabilities() -> int:
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return 0
    fields = dict(line.split(":", 1) for line in lines if ":" in line)
    return sum(int(fields[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapAmb"))


def _state_places(marker: str) -> list[str]:
    folders = {*STATE_FOLDERS, tempfile.gettempdir(), os.path.expanduser("~")}
    return [os.path.join(folder, marker) for folder in sorted(folders)]


def leave(targets: Mapping[str, Any]) -> None:
    """Leave something for the next trial, and processes that want to live on."""
    for path in _state_places(targets["marker"]):
        works(lambda p=path: Path(p).write_text("left"))
    if "shmget" in targets["calls"]:
        system_call(targets["calls"]["shmget"], targets["key"], 1, IPC_CREATE | 0o666)
    for index in range(DAEMONS):
        daemon(respawning=index % 2 == 1)


def state(targets: Mapping[str, Any]) -> Attempts:
    """Find what an earlier trial left."""
    for path in _state_places(targets["marker"]):
        found = os.path.exists(path)
        if found:
            works(os.unlink, path)
        yield f"find a file in {os.path.dirname(path) or '.'}", found
    if "shmget" in targets["calls"]:
        libc = ctypes.CDLL(None, use_errno=True)
        shared = libc.syscall(targets["calls"]["shmget"], targets["key"], 1, 0)
        yield "find shared memory", shared >= 0
        if shared >= 0:
            libc.shmctl(shared, 0, None)


def daemon(*, respawning: bool) -> None:
    """A process that left its parent, its session and all good manners."""
    if os.fork():
        os.wait()
        return
    os.setsid()
    if os.fork():
        os._exit(0)
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    for descriptor in range(3):
        os.close(descriptor)
    until = time.monotonic() + 60
    while time.monotonic() < until:
        if respawning and os.fork():
            os._exit(0)
        time.sleep(0.002 if respawning else 1)
    os._exit(0)


def take_memory(size: int) -> None:
    """Hold memory that no mapping shows."""
    store = os.memfd_create("held")
    for _ in range(size // STEP):
        os.write(store, bytes(STEP))
    time.sleep(2)


def take_tasks(count: int) -> None:
    """Have many processes."""
    for _ in range(count):
        if os.fork() == 0:
            time.sleep(10)
            os._exit(0)
    time.sleep(2)


def take_disk(size: int) -> None:
    """Fill the writable folder with files that each are small."""
    out = os.environ["AUTORES_OUT"]
    for index in range(size // STEP):
        Path(out, str(index)).write_bytes(bytes(STEP))
    time.sleep(2)


TRIED = (held_out, host, network, sockets, processes, kernel, secrets)
TAKEN = {"memory": take_memory, "tasks": take_tasks, "disk": take_disk}


def main(what: str, given: str) -> None:
    """Try, and say as one line of JSON what got through."""
    if what in TAKEN:
        TAKEN[what](int(given))
        return
    targets = json.loads(given)
    tried = TRIED if what == "all" else (state,)
    print(json.dumps({attempts.__name__: list(attempts(targets)) for attempts in tried}))
    sys.stdout.flush()
    if what == "all":
        leave(targets)


if __name__ == "__main__":
    main(*sys.argv[1:])
