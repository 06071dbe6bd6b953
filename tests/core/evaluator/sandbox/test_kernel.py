from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable

import pytest

from autores.evaluator.sandbox import kernel

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="calls of Linux")


def in_a_child(work: Callable[[], int]) -> int:
    child = os.fork()
    if child == 0:
        code = 99
        try:
            code = work()
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_an_error_names_what_failed() -> None:
    with pytest.raises(OSError, match="nowhere") as caught:
        kernel.mount("none", "/nowhere", flags=kernel.Mount.BIND)
    assert caught.value.errno in (errno.ENOENT, errno.EPERM)


def test_an_unknown_option_is_refused() -> None:
    with pytest.raises(OSError):
        kernel.prctl(123456)


def test_capabilities_are_gone_for_good() -> None:
    def work() -> int:
        if os.geteuid() == 0:
            kernel.forbid_capabilities()
        kernel.drop_capabilities()
        return sum(kernel.has_capability(number) for number in range(41))

    assert in_a_child(work) == 0


def test_a_filter_refuses_what_it_names() -> None:
    from autores.evaluator.sandbox import seccomp

    if not seccomp.supported():
        pytest.skip("no filter for this processor")

    def work() -> int:
        import socket

        kernel.install_filter(seccomp.program(internet=False))
        socket.socket(socket.AF_UNIX).close()
        try:
            socket.socket(socket.AF_INET)
        except OSError as error:
            return int(error.errno != errno.EAFNOSUPPORT)
        return 2

    assert in_a_child(work) == 0


def test_a_new_loopback_is_raised() -> None:
    if os.geteuid() != 0 or not kernel.has_capability(kernel.CAP_SYS_ADMIN):
        pytest.skip("only root makes namespaces")

    def work() -> int:
        import socket

        kernel.unshare(kernel.CLONE_NEWNET)
        kernel.raise_loopback()
        server = socket.create_server(("127.0.0.1", 0))
        socket.create_connection(server.getsockname()).close()
        return 0

    assert in_a_child(work) == 0
