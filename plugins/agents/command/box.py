"""What a program sees: the machine read-only, its workspace, the network; no runs, no data."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import autores
from autores.errors import UserError


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """A sandbox for programs that we trust with the network but not with answers."""

    bwrap: str
    hidden: tuple[Path, ...]
    """Folders that are empty inside, and files that are not there."""
    writable: tuple[Path, ...]

    @classmethod
    def build(cls, path: str, hidden: Sequence[Path], writable: Sequence[Path]) -> Box:
        """Find bubblewrap.

        Raises:
            UserError: There is none.
        """
        bwrap = shutil.which("bwrap", path=path)
        if bwrap is None:
            raise UserError(
                "agent command needs bubblewrap: install it, or say "
                "-o agent.command.sandbox=off, and the program sees all that you see"
            )
        return cls(
            bwrap=bwrap,
            hidden=tuple(_existing(hidden)),
            writable=tuple(_existing(writable)),
        )

    def around(
        self, argv: Sequence[str], *, workspace: Path, readable: Sequence[Path]
    ) -> list[str]:
        """The command line that runs `argv` inside.

        Args:
            argv: The program.
            workspace: Where it works.
            readable: What it sees although it lies where things are hidden.
        """
        return [
            *(self.bwrap, "--die-with-parent", "--new-session"),
            *("--unshare-pid", "--unshare-ipc", "--unshare-uts", "--cap-drop", "ALL"),
            *("--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"),
            *_binding("--ro-bind", _own_places()),
            *self._hiding(),
            *_binding("--bind", self.writable),
            *_binding("--ro-bind", readable),
            *_binding("--bind", [workspace]),
            *("--chdir", str(workspace), "--"),
            *argv,
        ]

    def _hiding(self) -> Iterator[str]:
        for path in self.hidden:
            yield from (
                ("--tmpfs", str(path))
                if path.is_dir()
                else (
                    "--ro-bind",
                    "/dev/null",
                    str(path),
                )
            )


def _own_places() -> list[Path]:
    """Interpreter and code of autores, if they lie in what is emptied."""
    places = (Path(sys.prefix), Path(autores.__path__[0]).resolve().parents[1])
    return [place for place in places if place.is_relative_to("/tmp") and place.is_dir()]


def _binding(option: str, paths: Sequence[Path]) -> Iterator[str]:
    for path in paths:
        yield from (option, str(path), str(path))


def _existing(paths: Sequence[Path]) -> Iterator[Path]:
    """Absolute, and without what lies within another one of them."""
    found = sorted({path.expanduser().resolve() for path in paths if path.expanduser().exists()})
    for path in found:
        if not any(other in path.parents for other in found):
            yield path
