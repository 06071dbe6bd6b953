from __future__ import annotations

import errno
import struct

import pytest

from autores.evaluator.sandbox import seccomp
from autores.evaluator.sandbox.seccomp import ALLOW, ARCHITECTURES, ERRNO, KILL, REFUSED

MACHINES = sorted(ARCHITECTURES)


def run(program: bytes, machine: str, number: int, *arguments: int, audit: int = 0) -> int:
    """What the kernel would answer: a machine of a handful of instructions."""
    words = [number, audit or ARCHITECTURES[machine].audit, 0, 0]
    for argument in (*arguments, *[0] * (6 - len(arguments))):
        words += [argument & 0xFFFFFFFF, argument >> 32]
    data = struct.pack(f"{len(words)}I", *words)
    code = list(struct.iter_unpack("HBBI", program))
    position = accumulator = 0
    while True:
        operation, yes, no, operand = code[position]
        position += 1
        if operation == seccomp.LOAD:
            accumulator = struct.unpack_from("I", data, operand)[0]
        elif operation == seccomp.RETURN:
            return int(operand)
        else:
            met = {
                seccomp.JUMP_EQUAL: accumulator == operand,
                seccomp.JUMP_AT_LEAST: accumulator >= operand,
                seccomp.JUMP_ANY_BIT: bool(accumulator & operand),
            }[operation]
            position += yes if met else no


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("name", REFUSED)
def test_every_listed_call_is_refused(machine: str, name: str) -> None:
    number = REFUSED[name][ARCHITECTURES[machine].column]
    if number is None:
        pytest.skip("not on this processor")
    program = seccomp.program(internet=True, machine=machine)
    assert run(program, machine, number) == ERRNO | errno.EPERM


@pytest.mark.parametrize("machine", MACHINES)
def test_what_is_refused_and_what_is_not(machine: str) -> None:
    column = ARCHITECTURES[machine].column
    program = seccomp.program(internet=True, machine=machine)

    def answer(pair: tuple[int, int], *arguments: int) -> int:
        return run(program, machine, pair[column], *arguments)

    refused = ERRNO | errno.EPERM
    assert run(program, machine, 63) == ALLOW
    assert run(program, machine, 63, audit=0x40000003) == KILL
    assert answer(seccomp.CLONE3) == ERRNO | errno.ENOSYS
    assert answer(seccomp.CLONE, 0x11) == ALLOW
    assert answer(seccomp.CLONE, 0x10000000) == refused
    assert answer(seccomp.IOCTL, 0, 0x5401) == ALLOW
    assert answer(seccomp.IOCTL, 0, seccomp.TIOCSTI) == refused
    assert answer(seccomp.PRCTL, seccomp.PR_SET_DUMPABLE) == refused
    assert answer(seccomp.PRCTL, 15) == ALLOW
    assert answer(seccomp.SCHED_SETAFFINITY) == ALLOW


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("call", [seccomp.SOCKET, seccomp.SOCKETPAIR])
@pytest.mark.parametrize("internet", [True, False])
def test_families_of_sockets(machine: str, call: tuple[int, int], internet: bool) -> None:
    number = call[ARCHITECTURES[machine].column]
    program = seccomp.program(internet=internet, machine=machine)
    refused = ERRNO | errno.EAFNOSUPPORT
    by_ip = ALLOW if internet else refused
    assert run(program, machine, number, seccomp.AF_UNIX, 1) == ALLOW
    assert run(program, machine, number, seccomp.AF_INET, 1) == by_ip
    assert run(program, machine, number, seccomp.AF_INET6, 2) == by_ip
    assert run(program, machine, number, seccomp.AF_NETLINK, 3, 0) == ALLOW
    for family, kind, protocol in ((40, 1, 0), (17, 3, 0), (38, 5, 0), (16, 3, 9)):
        assert run(program, machine, number, family, kind, protocol) == refused


def test_processors_can_be_pinned() -> None:
    program = seccomp.program(internet=True, affinity=False, machine="x86_64")
    number = seccomp.SCHED_SETAFFINITY[0]
    assert run(program, "x86_64", number) == ERRNO | errno.EPERM


def test_calls_of_the_other_abi_do_not_exist() -> None:
    program = seccomp.program(internet=True, machine="x86_64")
    assert run(program, "x86_64", seccomp.X32 | 41) == ERRNO | errno.ENOSYS


def test_only_two_processors_are_known() -> None:
    assert seccomp.supported("x86_64") and seccomp.supported("aarch64")
    assert not seccomp.supported("riscv64")


@pytest.mark.parametrize("machine", MACHINES)
def test_who_shares_a_user_leaves_alone_what_it_owns(machine: str) -> None:
    column = ARCHITECTURES[machine].column
    shared = seccomp.program(internet=True, shared_user=True, machine=machine)
    apart = seccomp.program(internet=True, machine=machine)
    for numbers in seccomp.PRETENDED.values():
        if (number := numbers[column]) is not None:
            assert run(shared, machine, number) == ERRNO  # success, and nothing is done
            assert run(apart, machine, number) == ALLOW
    for name, (calls, count) in seccomp.ON_ITSELF.items():
        number = calls[column]
        assert run(shared, machine, number) == ALLOW, name
        for index in range(count):
            other = [0] * index + [1234]
            assert run(shared, machine, number, *other) == ERRNO | errno.EPERM, name
        assert run(apart, machine, number, 1234) == ALLOW
