"""What a path in a recipe may be: a plain ASCII name that means the same file everywhere.

A recipe is checked out on other machines, below other file systems and in git itself. Names
that one of them reads differently (`.GIT/config`, `é` in two spellings, `aux`, `a` beside
`A`) would let the tree that runs differ from the tree that was checked.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from autores.errors import AutoresError
from autores.records import Violation

MOST_FILES = 1_000
LONGEST_PATH = 200
LONGEST_NAME = 100
DEEPEST = 12
LARGEST_FILE = 4 << 20
LARGEST_TREE = 32 << 20

_PLAIN = re.compile(r"[A-Za-z0-9_.][A-Za-z0-9_.+-]*")
_NUMBERED = {f"{port}{n}" for port in ("com", "lpt") for n in range(10)}
_DEVICES = {"con", "prn", "aux", "nul", "conin$", "conout$"} | _NUMBERED


class RefusedNames(AutoresError):
    """Files that cannot stand in a recipe; `violations` says which, why, and what to do."""

    def __init__(self, violations: Sequence[Violation]) -> None:
        more = f" (and {len(violations) - 1} more)" if len(violations) > 1 else ""
        super().__init__(f"{violations[0]}{more}")
        self.violations = tuple(violations)


@dataclass(frozen=True, slots=True)
class _Rule:
    """One reason to refuse a path."""

    name: str
    broken: Callable[[str], bool]
    message: str
    fix: str


def _any_part(broken: Callable[[str], bool]) -> Callable[[str], bool]:
    return lambda path: any(broken(part) for part in path.split("/"))


def _is_device(part: str) -> bool:
    return part.partition(".")[0].rstrip(" ").lower() in _DEVICES


_RULES = (
    _Rule(
        "name-absolute",
        lambda path: path.startswith("/") or path[1:2] == ":",
        "the path is absolute.",
        "Give it relative to the recipe's folder.",
    ),
    _Rule(
        "name-backslash",
        lambda path: "\\" in path,
        "the path has a backslash, which some systems read as a folder.",
        "Separate folders with '/', and leave backslashes out of names.",
    ),
    _Rule(
        "name-empty",
        _any_part(lambda part: not part),
        "a part of the path is empty.",
        "Write one '/' between names, and none at the end.",
    ),
    _Rule(
        "name-dots",
        _any_part(lambda part: part in (".", "..")),
        "the path has '.' or '..' in it.",
        "Name the file directly, inside the recipe's folder.",
    ),
    _Rule(
        "name-normalised",
        lambda path: unicodedata.normalize("NFC", path) != path,
        "the name is not in Unicode normal form C, so it has a second spelling.",
        "Rename it with the letters a-z, digits, '_', '-' and '.'.",
    ),
    _Rule(
        "name-ascii",
        lambda path: not path.isascii(),
        "the name has characters outside ASCII.",
        "Rename it with the letters a-z, digits, '_', '-' and '.'.",
    ),
    _Rule(
        "name-git",
        _any_part(lambda part: part.lower().startswith((".git", "git~"))),
        "names that begin with '.git' belong to git.",
        "Remove or rename it.",
    ),
    _Rule(
        "name-device",
        _any_part(_is_device),
        "some systems reserve this name for a device.",
        "Rename it.",
    ),
    _Rule(
        "name-characters",
        _any_part(lambda part: not _PLAIN.fullmatch(part) or part.endswith(".")),
        "the name has characters that shells, globs or other systems read differently.",
        "Rename it with the letters a-z, digits, '_', '-' and '.'; no '-' first, no '.' last.",
    ),
    _Rule(
        "name-long",
        lambda path: (
            len(path) > LONGEST_PATH or any(len(p) > LONGEST_NAME for p in path.split("/"))
        ),
        f"longer than {LONGEST_PATH} characters, or a part of it than {LONGEST_NAME}.",
        "Shorten it.",
    ),
    _Rule(
        "name-deep",
        lambda path: path.count("/") >= DEEPEST,
        f"more than {DEEPEST} levels deep.",
        "Move it up.",
    ),
)


def check_path(path: str) -> Violation | None:
    """The first thing that is wrong with one path, or None."""
    for rule in _RULES:
        if rule.broken(path):
            return Violation(rule=rule.name, message=rule.message, fix=rule.fix, path=shown(path))
    return None


def check_paths(paths: Iterable[str]) -> Iterator[Violation]:
    """Everything that is wrong with the paths of one tree."""
    ordered = sorted(paths)
    if len(ordered) > MOST_FILES:
        yield too_many(len(ordered))
    yield from filter(None, map(check_path, ordered))
    yield from _collisions(ordered)


def require_plain(paths: Iterable[str]) -> None:
    """Raise `RefusedNames` unless every path may stand in a recipe."""
    if violations := tuple(check_paths(paths)):
        raise RefusedNames(violations)


def too_many(count: int) -> Violation:
    """What is said of a tree with more files than a recipe may have."""
    return Violation(
        rule="files-many",
        message=f"{count:,} files; at most {MOST_FILES:,} are allowed.",
        fix="Remove files that the recipe does not read, such as environments and caches.",
    )


def irregular(path: str, kind: str) -> Violation:
    """What is said of something that is no plain file."""
    return Violation(
        rule="file-kind",
        message=f"this is {kind}, not a plain file.",
        fix="Replace it by a plain file with the same content, or remove it.",
        path=shown(path),
    )


def shown(path: str) -> str:
    """A path that can be printed, whatever bytes it has."""
    text = path.encode("ascii", "backslashreplace").decode()
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)[: 2 * LONGEST_PATH]


def _collisions(paths: Sequence[str]) -> Iterator[Violation]:
    """Paths of which a case-blind file system could hold only one."""
    taken: dict[str, str] = {}
    for path in paths:
        parts = path.split("/")
        for end in range(1, len(parts) + 1):
            here = "/".join(parts[:end]) + ("" if end == len(parts) else "/")
            other = taken.setdefault(here.rstrip("/").lower(), here)
            if other != here:
                yield _collision(path, other)
                break


def _collision(path: str, other: str) -> Violation:
    return Violation(
        rule="name-twice",
        message=f"on some systems this is the same file or folder as {shown(other)!r}.",
        fix="Rename one of the two.",
        path=shown(path),
    )
