"""The few system calls that the standard library lacks."""

from __future__ import annotations

import ctypes
import fcntl
import os
import socket
import struct
import sys
from enum import IntFlag

LIBC = ctypes.CDLL(None, use_errno=True)

PR_SET_PDEATHSIG, PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP = 1, 38, 22
PR_CAPBSET_DROP, PR_SET_SECUREBITS, PR_SET_CHILD_SUBREAPER, PR_CAP_AMBIENT = 24, 28, 36, 47
PR_CAP_AMBIENT_CLEAR_ALL, SECCOMP_MODE_FILTER = 4, 2
SECBITS_ROOT_IS_NOBODY = 0b101111
"""No capabilities for uid 0, neither by exec nor by a change of uid; locked."""
CAPABILITIES = 64
CAP_SYS_ADMIN = 21
LANDLOCK_CREATE, LANDLOCK_ADD, LANDLOCK_RESTRICT = 444, 445, 446
PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}
MNT_DETACH = 2
SIOCSIFFLAGS, IFF_UP_AND_RUNNING = 0x8914, 0x41
CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWIPC, CLONE_NEWNET = 0x20000, 0x4000000, 0x8000000, 0x40000000


class Mount(IntFlag):
    """Flags of mount(2)."""

    READ_ONLY = 1
    NO_SUID = 2
    NO_DEV = 4
    NO_EXEC = 8
    REMOUNT = 32
    BIND = 4096
    RECURSIVE = 16384
    SLAVE = 1 << 19


def checked(result: int, what: str) -> int:
    """The result of a call, or its error as OSError."""
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error), what)
    return result


def prctl(option: int, *arguments: int) -> int:
    """Set or get something of this process."""
    words = [ctypes.c_ulong(word) for word in (*arguments, 0, 0, 0, 0)[:4]]
    return checked(LIBC.prctl(option, *words), f"prctl {option}")


def become_subreaper() -> None:
    """Adopt orphaned descendants instead of leaving them to pid 1."""
    prctl(PR_SET_CHILD_SUBREAPER, 1)


def unshare(flags: int) -> None:
    """Leave namespaces."""
    checked(LIBC.unshare(flags), "unshare")


def mount(
    source: str, target: str, kind: str | None = None, flags: int = 0, options: str = ""
) -> None:
    """Mount or bind."""
    checked(
        LIBC.mount(
            source.encode(),
            os.fsencode(target),
            kind.encode() if kind else None,
            ctypes.c_ulong(flags),
            options.encode(),
        ),
        target,
    )


def pivot_root(folder: str) -> None:
    """Make a mounted folder the root, and let go of the old one."""
    os.chdir(folder)
    checked(LIBC.syscall(PIVOT_ROOT[os.uname().machine], b".", b"."), "pivot_root")
    checked(LIBC.umount2(b".", MNT_DETACH), "umount of the old root")
    os.chdir("/")


def raise_loopback() -> None:
    """Switch 127.0.0.1 on in a new network namespace."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sH14x", b"lo", IFF_UP_AND_RUNNING)
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, request)


def forbid_capabilities() -> None:
    """Let no program and no change of uid bring capabilities back; needs CAP_SETPCAP."""
    prctl(PR_SET_SECUREBITS, SECBITS_ROOT_IS_NOBODY)
    for capability in range(CAPABILITIES):
        LIBC.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)  # the last ones do not exist


def drop_capabilities() -> None:
    """Give up every capability."""
    LIBC.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
    header = struct.pack("Ii", 0x20080522, 0)
    checked(LIBC.capset(header, bytes(24)), "capset")


def has_capability(capability: int) -> bool:
    """Whether this process has a capability in effect."""
    with open("/proc/self/status") as lines:
        effective = next((line for line in lines if line.startswith("CapEff:")), "CapEff: 0")
    return bool(int(effective.split()[1], 16) >> capability & 1)


def install_filter(program: bytes) -> None:
    """Put this process and its descendants under a seccomp program."""
    prctl(PR_SET_NO_NEW_PRIVS, 1)
    code = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(code))
    buffer = ctypes.create_string_buffer(header, len(header))
    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.addressof(buffer))


def landlock_abi() -> int:
    """The version of Landlock, 0 where there is none."""
    if sys.platform != "linux":  # another system has another call of that number
        return 0
    return max(0, int(LIBC.syscall(LANDLOCK_CREATE, None, ctypes.c_size_t(0), ctypes.c_uint(1))))
