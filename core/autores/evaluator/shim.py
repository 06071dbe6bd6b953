"""The one program through which every executor starts a job, so that nothing outlives it.

    python -I -S shim.py RESULT.json TIMEOUT_S GRACE_S LOG [ALIVE_FD] -- COMMAND…

Standard library only, no privileges. The process that the executor starts is the guardian;
it forks the keeper, in a session of its own, which starts the command in a third. Both adopt
orphans, so that a killed keeper leaves its descendants to the guardian; both end everything
when their parent dies. The keeper holds the wall clock, also when no executor is left. When
every process is dead, and not before, the result appears at once and whole. Whoever finds no
result where shim and command are gone knows that guardian and keeper died in one instant.

`ALIVE_FD` is the reading end of a pipe whose writing end the caller keeps open for as long as
the job may run. Without it the job ends with the *thread* that started the guardian.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import math
import os
import resource
import select
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from enum import Enum
from types import FrameType
from typing import Any, NoReturn

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
ENDINGS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
CAUGHT = (*ENDINGS, signal.SIGCHLD)
IGNORED_BY_PYTHON = (signal.SIGPIPE, signal.SIGXFSZ)
KEEPER_PATIENCE_S = 30.0
"""How much later than the keeper the guardian acts, should the keeper hang."""
POLL_S = 0.005


class State(Enum):
    """How a job ended, and the exit code by which the shim says so."""

    def __init__(self, value: str, exit_code: int) -> None:
        self._value_ = value
        self.exit_code = exit_code

    EXITED = ("exited", 0)
    """The command ended by itself; the shim's exit code is the command's."""
    TIMEOUT = ("timeout", 124)
    LOST = ("lost", 125)
    """The keeper died: what the command did is not known."""
    SPAWN_FAILED = ("spawn_failed", 127)
    KILLED = ("killed", 143)
    """The shim was told to end, or its caller died."""


def command(
    result: str,
    log: str,
    argv: Sequence[str],
    *,
    timeout_s: float = math.inf,
    grace_s: float = 5.0,
    alive: int | None = None,
    python: str = sys.executable,
) -> list[str]:
    """The command line that runs `argv` under the shim; `alive` must be passed on to it."""
    options = [result, str(timeout_s), str(grace_s), log]
    options += [] if alive is None else [str(alive)]
    return [python, "-I", "-S", os.path.abspath(__file__), *options, "--", *argv]


class Job:
    """What the command line says, and where its result goes."""

    def __init__(self, arguments: Sequence[str]) -> None:
        split = list(arguments).index("--")
        self.result, timeout, grace, self.log, *alive = arguments[:split]
        self.argv = list(arguments[split + 1 :])
        self.timeout_s, self.grace_s = float(timeout), float(grace)
        self.alive = int(alive[0]) if alive else None
        self.began = time.time()
        self._start = time.monotonic()

    @property
    def elapsed(self) -> float:
        """Seconds since the shim was started."""
        return time.monotonic() - self._start

    def write(self, state: State, rc: int | None = None, error: str | None = None) -> None:
        """Let the result appear, whole and durable."""
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        facts: dict[str, Any] = {
            "state": state.value,
            "rc": rc,
            "t0": self.began,
            "wall_s": self.elapsed,
            "cpu_s": used.ru_utime + used.ru_stime,
            "maxrss_kb": used.ru_maxrss // (1024 if sys.platform == "darwin" else 1),
        } | ({"error": error} if error else {})
        partial = f"{self.result}.{os.getpid()}"
        with open(partial, "w") as file:
            json.dump(facts, file)
            file.flush()
            os.fsync(file.fileno())
        os.rename(partial, self.result)
        with contextlib.suppress(OSError):  # some network file systems cannot
            _sync_folder(os.path.dirname(self.result) or ".")


def _sync_folder(path: str) -> None:
    folder = os.open(path, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


class Watch:
    """Sleeps until a child ends, a signal or the end of a pipe says stop, or time is up."""

    def __init__(self, alive: int | None) -> None:
        """Take over the signals; they must be blocked until now."""
        self.stop = False
        self._alive = alive
        self._wake, waker = os.pipe()
        os.set_blocking(self._wake, False)
        os.set_blocking(waker, False)
        signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
        for number in CAUGHT:
            signal.signal(number, self._caught)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, CAUGHT)

    def _caught(self, number: int, frame: FrameType | None) -> None:
        self.stop = self.stop or number in ENDINGS

    def sleep(self, seconds: float) -> None:
        """Sleep at most so long."""
        pipes = [self._wake] if self._alive is None else [self._wake, self._alive]
        longest = None if math.isinf(seconds) else max(0.0, seconds)
        ready, _, _ = select.select(pipes, [], [], longest)
        if self._wake in ready:
            with contextlib.suppress(BlockingIOError):
                os.read(self._wake, 4096)
        if self._alive in ready:
            self.stop, self._alive = True, None


def block_signals() -> None:
    """Keep them until a `Watch` is there."""
    signal.pthread_sigmask(signal.SIG_BLOCK, CAUGHT)


def guard(parent: int | None) -> bool:
    """Adopt orphans and follow a parent into death; False if it is dead already."""
    if sys.platform == "linux":
        libc = ctypes.CDLL(None)
        libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        if parent is not None:
            libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    return parent is None or os.getppid() == parent


def descendants() -> list[int]:
    """Every process below this one."""
    children: dict[int, list[int]] = {}
    for pid, parent in _parents():
        children.setdefault(parent, []).append(pid)
    found, waiting = [], [os.getpid()]
    while waiting:
        below = children.get(waiting.pop(), [])
        found += below
        waiting += below
    return found


def _parents() -> Iterator[tuple[int, int]]:
    if not os.path.isdir("/proc/self"):
        with os.popen("ps -A -o pid=,ppid=") as lines:
            for line in lines:
                pid, parent = line.split()
                yield int(pid), int(parent)
        return
    for name in os.listdir("/proc"):
        if name.isdigit():
            with (
                contextlib.suppress(OSError),
                open(f"/proc/{name}/stat", errors="replace") as file,
            ):
                # The command's name is in parentheses and may hold anything, also these.
                yield int(name), int(file.read().rpartition(")")[2].split()[1])


def send(number: signal.Signals) -> None:
    """Signal every descendant."""
    for pid in descendants():
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


def reap(wanted: int) -> tuple[bool, int | None]:
    """Bury dead children: whether any child is left, and the wanted one's status if it died."""
    status = None
    while True:
        try:
            pid, found = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return False, status
        if pid == 0:
            return True, status
        status = found if pid == wanted else status


def end_everything(watch: Watch, grace_s: float) -> None:
    """Ask all descendants to end, then make them; returns when none is left."""
    deadline = time.monotonic() + grace_s
    if grace_s > 0:
        send(signal.SIGTERM)
    while reap(0)[0]:
        left = deadline - time.monotonic()
        if left > 0:
            watch.sleep(left)
        else:
            send(signal.SIGKILL)
            time.sleep(POLL_S)


def spawn(job: Job) -> int:
    """Start the command in a session of its own; it dies with the keeper.

    Raises:
        OSError: it could not be started.
    """
    keeper = os.getpid()
    failed, failing = os.pipe()
    pid = os.fork()
    if pid == 0:
        _become_command(job, keeper, failing)
    os.close(failing)
    told = os.read(failed, 64)
    os.close(failed)
    if told:
        raise OSError(int(told), os.strerror(int(told)))
    return pid


def _become_command(job: Job, keeper: int, failing: int) -> NoReturn:
    try:
        os.setsid()
        if sys.platform == "linux":
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != keeper:
            os._exit(1)
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        log = os.open(job.log, flags, 0o600)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(log, 1)
        os.dup2(log, 2)
        signal.set_wakeup_fd(-1)
        for number in (*CAUGHT, *IGNORED_BY_PYTHON):
            signal.signal(number, signal.SIG_DFL)
        os.execvp(job.argv[0], job.argv)
    except OSError as error:
        os.write(failing, str(error.errno).encode())
    finally:
        os._exit(127)


def keep(job: Job, guardian: int, alive: int) -> int:
    """The keeper: run the command to its end, within its time; the shim's exit code."""
    os.setsid()
    present = guard(guardian)
    watch = Watch(alive)
    watch.stop = watch.stop or not present
    try:
        pid = spawn(job)
    except OSError as error:
        reap(0)
        job.write(State.SPAWN_FAILED, error=error.strerror)
        return State.SPAWN_FAILED.exit_code
    status = None
    while status is None and not watch.stop and job.elapsed < job.timeout_s:
        watch.sleep(job.timeout_s - job.elapsed)
        _, status = reap(pid)
    if status is None:
        state, rc = State.KILLED if watch.stop else State.TIMEOUT, None
        end_everything(watch, job.grace_s)
    else:
        state, rc = State.EXITED, os.waitstatus_to_exitcode(status)
        end_everything(watch, 0)  # what it left behind has no work to finish
    job.write(state, rc)
    return state.exit_code if rc is None else rc if rc >= 0 else 128 - rc


def protect(job: Job, parent: int) -> int:
    """The guardian: pass the end on to the keeper, and clean up after one that was killed."""
    present = guard(parent if job.alive is None else None)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(job.result)
    reading, writing = os.pipe()  # the keeper reads it as the end of the guardian
    guardian = os.getpid()
    keeper = os.fork()
    if keeper == 0:
        os.close(writing)
        _leave(keep(job, guardian, reading))
    os.close(reading)
    watch = Watch(job.alive)
    watch.stop = watch.stop or not present
    status = _follow(job, watch, keeper, writing)
    end_everything(watch, 0)
    if not os.path.exists(job.result):
        job.write(State.LOST)
        return State.LOST.exit_code
    return os.waitstatus_to_exitcode(status or 0) % 256


def _follow(job: Job, watch: Watch, keeper: int, writing: int) -> int | None:
    """Wait for the keeper; its status, or None when it hangs."""
    deadline = job.timeout_s + job.grace_s + KEEPER_PATIENCE_S
    told = False
    while job.elapsed < deadline:
        left, status = reap(keeper)
        if status is not None or not left:
            return status
        if watch.stop and not told:
            told = True
            os.close(writing)
            deadline = min(deadline, job.elapsed + job.grace_s + KEEPER_PATIENCE_S)
        watch.sleep(deadline - job.elapsed)
    return None


def _leave(code: int) -> NoReturn:
    sys.stdout.flush()
    os._exit(code)


def main(arguments: Sequence[str]) -> int:
    """Run one job."""
    parent = os.getppid()
    block_signals()
    try:
        job = Job(arguments)
    except ValueError:
        print((__doc__ or "").split("\n\n")[1].strip(), file=sys.stderr)
        return 2
    if job.alive is not None:
        os.set_inheritable(job.alive, False)
    return protect(job, parent)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
