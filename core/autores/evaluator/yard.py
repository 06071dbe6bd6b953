"""The folders around a candidate: what it sees, what is hidden until GO, what is kept."""

from __future__ import annotations

import itertools
import os
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from autores.evaluator.harness import harness
from autores.evaluator.sandbox.sealed import Sealed
from autores.evaluator.trees import FileTree

ARTIFACT = "artifact"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The folders of one phase."""

    sockets: Path
    out: Path
    """The candidate's."""
    hidden: Path
    """Ours; what lies here appears in `shown` at GO."""
    shown: Path
    sealed: Path
    """Where the artifact is copied to; nothing is there yet."""

    def reveal(self) -> None:
        """Make the hidden data appear: one rename for each file or folder."""
        for entry in list(os.scandir(self.hidden)):
            os.rename(entry.path, self.shown / entry.name)

    def clear(self) -> None:
        """Remove everything but the sealed artifact."""
        remove([self.sockets, self.out, self.hidden, self.shown])


class Yard:
    """Makes the folders of one evaluation. The tree is written out anew, as it was checked."""

    def __init__(self, tree: FileTree, work: Path, staging: Path) -> None:
        self.code = work / "code"
        self.harness = work / "harness"
        self.code_bytes = tree.size
        self._tree, self._work, self._staging = tree, work, staging
        self._numbers = itertools.count()

    def place(self, phase: str, weights: Sealed | None) -> Place:
        """The folders of the next phase.

        Args:
            phase: Its name, for people who look.
            weights: What it finds as its artifact; without, it gets a staging folder.
        """
        if not self.code.exists():
            self._lay_out()
        name = f"{next(self._numbers):02}-{phase}"
        root = _folder(self._work / name)
        # Renames from hidden to shown stay on one file system.
        data = _folder(self._staging / f"{name}-data") if weights is None else root
        place = Place(
            sockets=_folder(root / "sockets"),
            out=_folder(root / "out"),
            hidden=_folder(data / "hidden", 0o700),
            shown=_folder(data / "data"),
            sealed=root / ARTIFACT,
        )
        if weights is not None:
            os.link(weights.path, place.shown / ARTIFACT)
        return place

    def _lay_out(self) -> None:
        self._tree.write(self.code)
        _folder(self.harness)
        target = self.harness / "harness.py"
        target.write_bytes(Path(harness.__file__).read_bytes())
        target.chmod(0o644)


def _folder(path: Path, mode: int = 0o755) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    path.chmod(mode)
    return path


def remove(folders: Iterable[Path]) -> None:
    """Remove folders in which a candidate may have made anything: any depth, any mode."""
    names = [str(path) for path in folders if path.exists()]
    if names and _run("rm", "-rf", "--", *names):
        _run("chmod", "-R", "u+rwX", "--", *names)
        _run("rm", "-rf", "--", *names)


def _run(*command: str) -> int:
    quiet = subprocess.DEVNULL
    return subprocess.run(command, stdout=quiet, stderr=quiet, check=False).returncode
