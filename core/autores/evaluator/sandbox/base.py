"""What the levels share: the candidate's environment on disk, the reaper, the names."""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from autores.evaluator.sandbox import launch, reaper
from autores.evaluator.sandbox.contained import RunningCell
from autores.evaluator.sandbox.environment import Environment, build, discover
from autores.evaluator.sandbox.launch import Inside, Setup
from autores.evaluator.sandbox.level import Cell, Finding, Level
from autores.evaluator.sandbox.limits import Group, Watchdog, create_group
from autores.evaluator.sandbox.understudy import Process
from autores.evaluator.sandbox.users import SpareUser


class HostSandbox(ABC):
    """Base of the three levels."""

    level: Level
    findings: tuple[Finding, ...] = ()
    """What the probes showed; `choose` fills it in."""
    links = True
    """Whether the candidate's environment is made of links, or of places for mounts."""

    user: SpareUser | None = None
    """Whom the cells run as, if not as this process's own user."""

    def __init__(self, environment: Environment | None = None, scratch: Path | None = None) -> None:
        """Prepare what all cells share.

        Args:
            environment: what candidates may import; numpy and torch by default.
            scratch: where the folder of the sandbox is made; the system's temporary folder.
        """
        self.folder = Path(tempfile.mkdtemp(prefix="autores-sandbox-", dir=scratch)).resolve()
        self.folder.chmod(0o755)
        self.environment = environment or discover()
        self.view = build(self.environment, self.folder / "env", links=self.links)
        self.reaper = reaper.Reaper()
        self._numbers = itertools.count()
        reaper.become_subreaper()

    def close(self) -> None:
        """Remove what the sandbox keeps on disk, and give its user back."""
        shutil.rmtree(self.folder, ignore_errors=True)
        if self.user:
            self.user.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @abstractmethod
    def spawn(self, cell: Cell) -> RunningCell:
        """Start a cell; see `Sandbox`."""

    def new_name(self) -> str:
        """A name for a cell that no other evaluator on this machine uses now."""
        return f"autores-{os.getpid()}-{next(self._numbers)}"

    def new_group(self, cell: Cell) -> Group | None:
        """A control group for a cell, if this machine gives one."""
        return create_group(cell, self.new_name())

    def watch(
        self,
        process: subprocess.Popen[bytes] | Process,
        output: int,
        watchdog: Watchdog,
        init: int | None = None,
        uid: int | None = None,
    ) -> RunningCell:
        """Put a started process under its limits."""
        self.reaper.roots.add(process.pid)
        return RunningCell(
            process, output=output, watchdog=watchdog, reaper=self.reaper, init=init, uid=uid
        )

    def run(
        self,
        cell: Cell,
        inside: Inside,
        steps: Sequence[Callable[[], None]],
        *,
        uid: int | None,
        folders: Sequence[Path] = (),
        tmpfs: Sequence[str] = (),
    ) -> RunningCell:
        """Start a cell that needs no program around it.

        Args:
            cell: what is started.
            inside: the paths that it sees.
            steps: what happens between fork and exec, in order.
            uid: the user that the steps drop to; nobody else's.
            folders: more folders that it may write; removed after its end.
            tmpfs: file systems in memory that it may write.
        """
        group = self.new_group(cell)
        out = hand_over(cell.out, uid)
        try:
            process, output = launch.start(
                inside.command(cell),
                inside.variables(cell),
                Setup(cell=cell, group=group, steps=steps, limit_tasks=uid is not None),
                cwd=Path("/"),
            )
        except BaseException:
            os.close(out)
            if group:
                group.remove()
            raise
        watchdog = Watchdog(cell, group, out, tmpfs=tmpfs, folders=folders)
        return self.watch(process, output, watchdog, uid=uid)


def hand_over(out: Path, uid: int | None) -> int:
    """Give the writable folder to the candidate's user; the descriptor to watch it by."""
    folder = os.open(out, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    if uid is not None:
        os.fchown(folder, uid, uid)
        os.fchmod(folder, 0o700)
    return folder
