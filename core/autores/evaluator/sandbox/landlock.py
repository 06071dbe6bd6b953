"""Landlock: what a process and its descendants may touch, by path, also without rights."""

from __future__ import annotations

import contextlib
import ctypes
import os
import stat
import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import IntFlag
from pathlib import Path

from autores.evaluator.sandbox import kernel

PATH_BENEATH = 1
NETWORK_TCP = 0b11
SCOPE_ABSTRACT_SOCKETS_AND_SIGNALS = 0b11
WITH_REFER, WITH_TRUNCATE, WITH_NETWORK, WITH_IOCTL, WITH_SCOPE = 2, 3, 4, 5, 6
"""The versions in which the kernel learnt each."""


class Access(IntFlag):
    """What can be allowed below a path."""

    EXECUTE = 1 << 0
    WRITE_FILE = 1 << 1
    READ_FILE = 1 << 2
    READ_DIR = 1 << 3
    MAKE_AND_REMOVE = 0b1_1111_1111 << 4
    REFER = 1 << 13
    TRUNCATE = 1 << 14
    IOCTL_DEV = 1 << 15

    READ = EXECUTE | READ_FILE | READ_DIR
    OF_FILES = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV
    EVERYTHING = (1 << 16) - 1


def handled(abi: int) -> Access:
    """What a kernel of this version can refuse."""
    known = Access.EVERYTHING
    for version, access in (
        (WITH_REFER, Access.REFER),
        (WITH_TRUNCATE, Access.TRUNCATE),
        (WITH_IOCTL, Access.IOCTL_DEV),
    ):
        if abi < version:
            known &= ~access
    return known


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What stays allowed; paths that do not exist are left out."""

    read: Sequence[Path]
    """To be read and executed, with what lies below."""
    write: Sequence[Path]
    """To be used in every way."""
    listed: Sequence[Path] = ()
    """Only the names below may be read."""
    tcp: bool = True
    """Whether TCP stays as it is."""

    def ruleset(self, abi: int) -> int:
        """Hand the rules to the kernel; the descriptor that `restrict` takes."""
        known = handled(abi)
        network = NETWORK_TCP if abi >= WITH_NETWORK and not self.tcp else 0
        scope = SCOPE_ABSTRACT_SOCKETS_AND_SIGNALS if abi >= WITH_SCOPE else 0
        fields = struct.pack("QQQ", known, network, scope)
        size = 24 if abi >= WITH_SCOPE else 16 if abi >= WITH_NETWORK else 8
        ruleset = kernel.checked(
            kernel.LIBC.syscall(kernel.LANDLOCK_CREATE, fields, ctypes.c_size_t(size), 0),
            "landlock_create_ruleset",
        )
        for paths, access in (
            (self.read, Access.READ),
            (self.write, Access.EVERYTHING),
            (self.listed, Access.READ_DIR),
        ):
            for path in paths:
                _allow(ruleset, path, access & known)
        return ruleset


def _allow(ruleset: int, path: Path, access: Access) -> None:
    with contextlib.suppress(FileNotFoundError):
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
        try:
            if not stat.S_ISDIR(os.fstat(place).st_mode):
                access &= Access.OF_FILES
            rule = struct.pack("=Qi", access, place)
            kernel.checked(
                kernel.LIBC.syscall(kernel.LANDLOCK_ADD, ruleset, PATH_BENEATH, rule, 0),
                str(path),
            )
        finally:
            os.close(place)


def restrict(ruleset: int) -> None:
    """Put this process and its descendants under the rules, for good."""
    kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
    kernel.checked(
        kernel.LIBC.syscall(kernel.LANDLOCK_RESTRICT, ruleset, 0), "landlock_restrict_self"
    )
    os.close(ruleset)


def without(tree: Path, hidden: Iterable[Path]) -> Iterator[tuple[Path, bool]]:
    """Cover a tree by paths that leave some folders out, for no rule can take away.

    Yields:
        (path, whole): a path to be read with all below it, or of which only names are.
    """
    inside = [path for path in hidden if path.is_relative_to(tree)]
    if tree in inside:
        return
    yield tree, not inside
    if inside:
        for child in sorted(tree.iterdir()):
            if not child.is_symlink():
                yield from without(child, inside)
