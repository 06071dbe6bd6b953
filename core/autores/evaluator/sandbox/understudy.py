"""A process that is forked before it is needed, so that no cell waits for it.

It does what is the same for all cells and waits for its orders on a socket. Then it does what
is left, and becomes the cell's command. It dies with whoever forked it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pickle
import signal
import socket
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NoReturn

from autores.evaluator.sandbox import launch, reaper
from autores.evaluator.sandbox.launch import Setup

FIRST_KEPT, MOST_KEPT = 3, 8
"""Where the descriptors that the command inherits begin, and how many there may be."""
MESSAGE_BYTES = 1 << 17
CHANGED_BY_PYTHON = (signal.SIGPIPE, signal.SIGXFSZ)


class Gone(Exception):
    """It died before it had its orders."""


@dataclass(slots=True)
class Process:
    """What became of it: a child of ours that runs the command."""

    pid: int
    returncode: int | None = None


class Understudy:
    """Waits to become the next cell."""

    def __init__(self, prepare: Callable[[], object]) -> None:
        """Fork; the child prepares while we go on."""
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with warnings.catch_warnings():
            # Other threads exist, but none of them holds a lock that the child takes.
            warnings.simplefilter("ignore", DeprecationWarning)
            self.pid = os.fork()
        if self.pid == 0:
            _wait_in_the_wings(theirs, prepare)
        theirs.close()

    def order(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        setup: Setup,
        *,
        keep: Sequence[int] = (),
    ) -> int:
        """Let it do what is left and become a command; the reading end of its output.

        Args:
            command: begins with a path.
            environment: all of its environment.
            setup: what is left.
            keep: descriptors that it inherits, as `FIRST_KEPT` and those after it.

        Raises:
            Gone: it is dead; nothing has happened.
        """
        told = pickle.dumps((list(command), dict(environment), setup))
        reading, writing = os.pipe()
        try:
            socket.send_fds(self._socket, [told], [*keep, writing])
        except OSError:
            os.close(reading)
            self.dismiss()
            raise Gone from None
        finally:
            os.close(writing)
        return reading

    def started(self) -> Process:
        """Wait until it is the command.

        Raises:
            OSError: it could not become it, and is dead.
        """
        try:
            failure = self._socket.recv(MESSAGE_BYTES)
        except ConnectionError:
            failure = b"the process died"
        if failure:
            self.dismiss()
            raise OSError(f"the sandbox could not be entered: {failure.decode(errors='replace')}")
        self._socket.close()
        return Process(self.pid)

    def dismiss(self) -> None:
        """End it."""
        self._socket.close()
        reaper.kill(self.pid)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self.pid, 0)


def _wait_in_the_wings(theirs: socket.socket, prepare: Callable[[], object]) -> NoReturn:
    """All of the child's life; nothing of the parent may run on in it."""
    try:
        launch.die_with_parent()
        orders = _alone_with(theirs)
        try:
            prepare()
            told, kept, _, _ = socket.recv_fds(orders, MESSAGE_BYTES, MOST_KEPT + 1)
            if told:
                command, environment, setup = pickle.loads(told)
                _become(command, environment, setup, kept)
        except BaseException as error:  # noqa: BLE001 - whatever it is, the parent is told
            orders.send(f"{type(error).__name__}: {error}".encode()[:4096])
    finally:
        os._exit(1)


def _alone_with(theirs: socket.socket) -> socket.socket:
    """Let go of all that the parent has open; the socket, away from what is kept."""
    signal.set_wakeup_fd(-1)
    number = fcntl.fcntl(theirs.fileno(), fcntl.F_DUPFD_CLOEXEC, FIRST_KEPT + MOST_KEPT + 1)
    os.closerange(0, number)
    os.closerange(number + 1, os.sysconf("SC_OPEN_MAX"))
    for _ in range(FIRST_KEPT):
        os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
    os.chdir("/")
    return socket.socket(fileno=number)


def _become(
    command: Sequence[str], environment: Mapping[str, str], setup: Setup, kept: Sequence[int]
) -> None:
    if list(kept) != list(range(FIRST_KEPT, FIRST_KEPT + len(kept))):
        raise OSError(f"descriptors came as {kept}")
    os.setsid()
    for stream in (1, 2):
        os.dup2(kept[-1], stream)
    os.close(kept[-1])
    setup()
    for number in CHANGED_BY_PYTHON:
        signal.signal(number, signal.SIG_DFL)
    os.execve(command[0], tuple(command), environment)
