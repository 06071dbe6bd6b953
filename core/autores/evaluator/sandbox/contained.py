"""A running cell: one thread drains its output, watches its limits and buries it."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import subprocess
import threading
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from autores.evaluator.sandbox.level import Ending, Output, Stop, Usage
from autores.evaluator.sandbox.limits import Watchdog
from autores.evaluator.sandbox.reaper import Reaper, Used
from autores.evaluator.sandbox.understudy import Process

KEPT = 64 << 10
"""Bytes of output that are kept at each end."""
CHUNK = 1 << 16
INTERVAL_S, LONGEST_INTERVAL_S = 0.05, 1.0


@dataclass(slots=True)
class Drain:
    """The reading end of stdout and stderr: head and tail are kept, the rest is counted."""

    pipe: int
    cap: int
    head: bytearray = field(default_factory=bytearray)
    size: int = 0
    open: bool = True
    _tail: deque[bytes] = field(default_factory=deque)
    _tail_size: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        os.set_blocking(self.pipe, False)

    def read(self) -> bool:
        """Take what is there, a pipe full at most; whether there was anything."""
        with self._lock:
            chunk = self._take()
            if chunk == b"":
                self._close()
        return bool(chunk)

    def close(self) -> None:
        """Give the pipe up; whoever still writes gets SIGPIPE."""
        with self._lock:
            self._close()

    def _close(self) -> None:
        if self.open:
            self.open = False
            os.close(self.pipe)

    def _take(self) -> bytes | None:
        """A pipe full; None when nothing waits there."""
        if not self.open:
            return None
        try:
            chunk = os.read(self.pipe, CHUNK)
        except BlockingIOError:
            return None
        self._keep(chunk)
        return chunk

    def _keep(self, chunk: bytes) -> None:
        self.size += len(chunk)
        room = KEPT - len(self.head)
        self.head += chunk[:room]
        if rest := chunk[max(room, 0) :]:
            self._tail.append(rest)
            self._tail_size += len(rest)
            while self._tail_size - len(self._tail[0]) >= KEPT:
                self._tail_size -= len(self._tail.popleft())

    @property
    def exceeded(self) -> bool:
        """More was printed than is allowed."""
        return self.size > self.cap

    def output(self) -> Output:
        """What was kept of all that was printed until now."""
        with self._lock:
            self._take()  # the watching thread may be late
            tail = b"".join(self._tail)[-KEPT:]
            return Output(head=bytes(self.head), tail=tail, size=self.size)


class RunningCell:
    """What `Sandbox.spawn` gives back; see `Contained`."""

    def __init__(
        self,
        process: subprocess.Popen[bytes] | Process,
        *,
        output: int,
        watchdog: Watchdog,
        reaper: Reaper,
        init: int | None = None,
        uid: int | None = None,
    ) -> None:
        """Begin to watch.

        Args:
            process: the outermost process, in a session of its own.
            output: the reading end of its stdout and stderr.
            watchdog: its limits.
            reaper: what ends it.
            init: the first process of its PID namespace, whose death is the death of all.
            uid: its user, if nobody else is that user.
        """
        self._process = process
        self._drain = Drain(output, watchdog.cell.output_bytes)
        self._watchdog = watchdog
        self._reaper = reaper
        self._init = init
        self._uid = uid
        self._status: int | None = None
        self._stopped_by: Stop | None = None
        self._killed = False
        self._ending: Ending | None = None
        self._failure: BaseException | None = None
        self._over = threading.Event()
        self._wake, self._waker = socket.socketpair()
        self._thread = threading.Thread(target=self._watch, name="cell", daemon=True)
        self._thread.start()

    @property
    def pid(self) -> int:
        """The outermost process, as the host sees it."""
        return self._process.pid

    @property
    def stopped_by(self) -> Stop | None:
        """The limit that fired."""
        return self._stopped_by

    @property
    def output(self) -> Output:
        """What was printed so far."""
        return self._drain.output()

    @property
    def usage(self) -> Usage:
        """What was used so far; CPU time is known after the end."""
        group = self._watchdog.group
        peak = self._watchdog.peak
        if group and not self._over.is_set():
            peak = max(peak, group.peak_bytes())
        used = self._reaper.used.get(self.pid, Used())
        return Usage(cpu_seconds=used.cpu_seconds, peak_bytes=peak, preemptions=used.preemptions)

    def poll(self) -> Ending | None:
        """How it ended, or None while it runs."""
        return self.wait(0)

    def wait(self, timeout: float | None = None) -> Ending | None:
        """Wait for the end, which is the death of all its processes."""
        if not self._over.wait(timeout):
            return None
        if self._failure:
            raise self._failure
        return self._ending

    def kill(self) -> Ending:
        """End it; returns when every process of it is dead."""
        self._killed = self._killed or not self._over.is_set()
        with contextlib.suppress(OSError):  # it ended meanwhile
            self._waker.send(b"k")
        ending = self.wait()
        assert ending is not None
        return ending

    def _watch(self) -> None:
        try:
            self._until_the_end()
            self._bury()
        except BaseException as error:  # noqa: BLE001 - it is raised again in `wait`
            self._failure = error
        finally:
            self._drain.close()
            self._wake.close()
            self._waker.close()
            self._over.set()

    def _until_the_end(self) -> None:
        poller = select.poll()
        poller.register(self._wake, select.POLLIN)
        poller.register(self._drain.pipe, select.POLLIN)
        with _exit_descriptor(self.pid) as exited:
            if exited is not None:
                poller.register(exited, select.POLLIN)
            next_check = 0.0
            while not (self._killed or self._stopped_by or self._exited()):
                was_open = self._drain.open
                poller.poll(1000 * max(0.0, min(INTERVAL_S, next_check - time.monotonic())))
                self._drain.read()
                if was_open and not self._drain.open:
                    poller.unregister(self._drain.pipe)
                if self._drain.exceeded:
                    self._stopped_by = Stop.OUTPUT
                elif time.monotonic() >= next_check:
                    next_check = self._check()

    def _exited(self) -> bool:
        if self._status is None:
            self._status = self._reaper.reap(self.pid, self.pid)
        return self._status is not None

    def _check(self) -> float:
        """Look at the limits; when to look again, so that looking costs a twentieth at most.

        What counts is our own work, not how busy the machine is; and nobody can make looking
        so dear that it hardly happens.
        """
        start = time.thread_time()
        self._stopped_by = self._watchdog.check(self.pid, self._init)
        cost = time.thread_time() - start
        return time.monotonic() + min(LONGEST_INTERVAL_S, max(INTERVAL_S, 20 * cost))

    def _bury(self) -> None:
        group = self._watchdog.group
        if group:
            group.freeze_forks()
        if self._init is None:
            others = group.members if group else tuple
            status = self._reaper.end(self.pid, others=others, uid=self._uid)
        else:
            status = self._reaper.end_namespace(self.pid, self._init)
        self._reaper.roots.discard(self.pid)
        self._status = self._status if self._status is not None else status
        while self._drain.read():
            pass
        self._stopped_by = self._stopped_by or self._last_words()
        code = self._process.returncode = os.waitstatus_to_exitcode(self._status or 0)
        self._ending = self._describe(code)
        if group:
            self._watchdog.peak = max(self._watchdog.peak, group.peak_bytes())
            group.remove()
        self._watchdog.close()

    def _last_words(self) -> Stop | None:
        """A limit that fired between the last look and the end."""
        if self._drain.exceeded:
            return Stop.OUTPUT
        group = self._watchdog.group
        return Stop.MEMORY if group and group.memory_hit() else None

    def _describe(self, code: int) -> Ending:
        # bubblewrap tells of a signal as a shell does.
        number = -code if code < 0 else code - 128
        known = number in {signal.value for signal in signal.Signals} and code != 0
        by_signal = code < 0 or (self._init is not None and code > 128 and known)
        return Ending(
            code=None if by_signal else code,
            signal=number if by_signal else None,
            stopped_by=self._stopped_by,
            killed=self._killed,
        )


@contextlib.contextmanager
def _exit_descriptor(pid: int) -> Iterator[int | None]:
    """Something to poll that becomes readable when a process ends; None on macOS."""
    try:
        descriptor = os.pidfd_open(pid)
    except (AttributeError, OSError):
        yield None
        return
    try:
        yield descriptor
    finally:
        os.close(descriptor)
