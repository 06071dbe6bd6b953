"""The seccomp filter, assembled here for x86-64 and aarch64: everything is allowed but this.

The list is short on purpose: namespaces, the uid and missing capabilities already stop most
of it, and a candidate needs an ordinary Linux. What is refused is what reaches around those
walls, what hides memory from the limits, and what outlives a process.
"""

from __future__ import annotations

import errno
import functools
import os
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

LOAD, JUMP_EQUAL, JUMP_AT_LEAST, JUMP_ANY_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
ALLOW, KILL, ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
NUMBER, ARCHITECTURE, ARGUMENTS = 0, 4, 16
X32 = 0x40000000

NEW_NAMESPACES = 0x7E020000
AF_UNIX, AF_INET, AF_INET6, AF_NETLINK = 1, 2, 10, 16
TIOCSTI, TIOCLINUX, PR_SET_DUMPABLE = 0x5412, 0x541C, 4

REFUSED: dict[str, tuple[int | None, int | None]] = {
    # looking into and steering other processes
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "process_madvise": (440, 440),
    "pidfd_getfd": (438, 438),
    "kcmp": (312, 272),
    "perf_event_open": (298, 241),
    # mounts and namespaces
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "unshare": (272, 97),
    "setns": (308, 268),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "open_tree_attr": (467, 467),
    "open_by_handle_at": (304, 265),
    "name_to_handle_at": (303, 264),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "fanotify_init": (300, 262),
    # doors into the kernel with a record of bugs
    "bpf": (321, 280),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "userfaultfd": (323, 282),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "lookup_dcookie": (212, 18),
    "iopl": (172, None),
    "ioperm": (173, None),
    "modify_ldt": (154, None),
    "uselib": (134, None),
    "_sysctl": (156, None),
    # the machine itself
    "reboot": (169, 142),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "acct": (163, 89),
    "syslog": (103, 116),
    "sethostname": (170, 161),
    "setdomainname": (171, 162),
    "clock_settime": (227, 112),
    "clock_adjtime": (305, 266),
    "settimeofday": (164, 170),
    "adjtimex": (159, 171),
    # memory that no limit of a process sees, and state that outlives it
    "memfd_secret": (447, 447),
    "migrate_pages": (256, 238),
    "move_pages": (279, 239),
    "shmget": (29, 194),
    "shmat": (30, 196),
    "shmctl": (31, 195),
    "semget": (64, 190),
    "semctl": (66, 191),
    "msgget": (68, 186),
    "msgctl": (71, 187),
    "mq_open": (240, 180),
    "mq_unlink": (241, 181),
    "setxattr": (188, 5),
    "lsetxattr": (189, 6),
    "fsetxattr": (190, 7),
    "setxattrat": (463, 463),
    "ioprio_set": (251, 30),
}

PRETENDED: dict[str, tuple[int | None, int | None]] = {
    # modes, owners and times of files, which no rule on paths covers
    "chmod": (90, None),
    "fchmod": (91, 52),
    "fchmodat": (268, 53),
    "fchmodat2": (452, 452),
    "chown": (92, None),
    "fchown": (93, 55),
    "lchown": (94, None),
    "fchownat": (260, 54),
    "utime": (132, None),
    "utimes": (235, None),
    "futimesat": (261, None),
    "utimensat": (280, 88),
}
"""Answered with success and not done, for a candidate that is its evaluator's own user."""
ON_ITSELF: dict[str, tuple[tuple[int, int], int]] = {
    "prlimit64": ((302, 261), 1),
    "sched_setparam": ((142, 118), 1),
    "sched_setscheduler": ((144, 119), 1),
    "sched_setaffinity": ((203, 122), 1),
    "sched_setattr": ((314, 274), 1),
    "setpriority": ((141, 140), 2),
}
"""Such a candidate may only mean itself: so many first arguments must be zero."""

CLONE = (56, 220)
CLONE3 = (435, 435)
SOCKET = (41, 198)
SOCKETPAIR = (53, 199)
IOCTL = (16, 29)
PRCTL = (157, 167)
SCHED_SETAFFINITY = (203, 122)


@dataclass(frozen=True, slots=True, kw_only=True)
class Architecture:
    """A processor that the filter is written for."""

    audit: int
    column: int
    """Which of each pair of numbers is meant."""


ARCHITECTURES = {
    "x86_64": Architecture(audit=0xC000003E, column=0),
    "aarch64": Architecture(audit=0xC00000B7, column=1),
}


def supported(machine: str | None = None) -> bool:
    """Whether there is a filter for this processor."""
    return (machine or os.uname().machine) in ARCHITECTURES


@functools.cache
def program(
    *,
    internet: bool,
    affinity: bool = True,
    shared_user: bool = False,
    machine: str | None = None,
) -> bytes:
    """Assemble the filter.

    Args:
        internet: whether sockets over IP exist; at full they end at the trial's loopback.
        affinity: whether the candidate may choose among processors.
        shared_user: whether it runs as the evaluator's own user.
        machine: the processor; this one by default.
    """
    processor = ARCHITECTURES[machine or os.uname().machine]
    column = processor.column
    code = [
        _load(ARCHITECTURE),
        *_unless_equal(processor.audit, _return(KILL)),
        _load(NUMBER),
    ]
    if column == 0:
        code += [_jump(JUMP_AT_LEAST, X32, 0, 1), _return(ERRNO | errno.ENOSYS)]
    for numbers in REFUSED.values():
        if (number := numbers[column]) is not None:
            code += _if_equal(number, [_return(ERRNO | errno.EPERM)])
    if not affinity:
        code += _if_equal(SCHED_SETAFFINITY[column], [_return(ERRNO | errno.EPERM)])
    if shared_user:
        code += _leave_alone_what_the_user_owns(column)
    # glibc falls back to clone, whose flags a filter can read.
    code += _if_equal(CLONE3[column], [_return(ERRNO | errno.ENOSYS)])
    code += _if_equal(CLONE[column], _refuse_bits(0, NEW_NAMESPACES))
    code += _if_equal(IOCTL[column], _refuse_values(1, (TIOCSTI, TIOCLINUX)))
    # A process that is not dumpable hides its descriptors from the watchdog.
    code += _if_equal(PRCTL[column], _refuse_values(0, (PR_SET_DUMPABLE,)))
    for call in (SOCKET, SOCKETPAIR):
        code += _if_equal(call[column], list(_only_known_families(internet)))
    return b"".join([*code, _return(ALLOW)])


def _statement(code: int, operand: int, yes: int = 0, no: int = 0) -> bytes:
    return struct.pack("HBBI", code, yes, no, operand)


def _load(offset: int) -> bytes:
    return _statement(LOAD, offset)


def _return(action: int) -> bytes:
    return _statement(RETURN, action)


def _jump(test: int, operand: int, yes: int, no: int) -> bytes:
    return _statement(test, operand, yes, no)


def _if_equal(value: int, then: Sequence[bytes]) -> list[bytes]:
    return [_jump(JUMP_EQUAL, value, 0, len(then)), *then]


def _unless_equal(value: int, then: bytes) -> list[bytes]:
    return [_jump(JUMP_EQUAL, value, 1, 0), then]


def _argument(index: int) -> bytes:
    """Load the lower half of an argument; both processors are little-endian."""
    return _load(ARGUMENTS + 8 * index)


def _refuse_bits(index: int, bits: int) -> list[bytes]:
    return [
        _argument(index),
        _jump(JUMP_ANY_BIT, bits, 0, 1),
        _return(ERRNO | errno.EPERM),
        _return(ALLOW),
    ]


def _refuse_values(index: int, values: Sequence[int]) -> list[bytes]:
    refused = (_if_equal(value, [_return(ERRNO | errno.EPERM)]) for value in values)
    return [_argument(index), *(part for parts in refused for part in parts), _return(ALLOW)]


def _leave_alone_what_the_user_owns(column: int) -> Iterator[bytes]:
    for numbers in PRETENDED.values():
        if (number := numbers[column]) is not None:
            yield from _if_equal(number, [_return(ERRNO)])
    for calls, count in ON_ITSELF.values():
        checks = [part for index in range(count) for part in _refuse_unless_zero(index)]
        yield from _if_equal(calls[column], [*checks, _return(ALLOW)])


def _refuse_unless_zero(index: int) -> list[bytes]:
    return [_argument(index), _jump(JUMP_EQUAL, 0, 1, 0), _return(ERRNO | errno.EPERM)]


def _only_known_families(internet: bool) -> Iterator[bytes]:
    """UNIX always, routes by netlink (what getifaddrs asks), IP where it is wanted."""
    yield _argument(0)
    for family in (AF_UNIX, *((AF_INET, AF_INET6) if internet else ())):
        yield from _if_equal(family, [_return(ALLOW)])
    routes = [_argument(2), *_if_equal(0, [_return(ALLOW)])]
    yield from _if_equal(AF_NETLINK, routes)
    yield _return(ERRNO | errno.EAFNOSUPPORT)
