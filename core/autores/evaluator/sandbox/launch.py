"""What every level does between fork and exec, and what the candidate is told."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import subprocess
import tempfile
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from autores.evaluator.sandbox import kernel
from autores.evaluator.sandbox.level import Cell
from autores.evaluator.sandbox.limits import Group, tasks_allowed

SOCKET_NAME = "arena.sock"
OPEN_FILES = 65536
SEARCH_PATH = "/usr/local/cuda/bin:/usr/local/bin:/usr/bin:/bin"


@dataclass(frozen=True, slots=True, kw_only=True)
class Inside:
    """The paths of a cell as the candidate sees them."""

    python: Path
    code: Path
    out: Path
    harness: Path | None
    data: Path | None
    sockets: Path | None
    tmp: Path

    def variables(self, cell: Cell) -> dict[str, str]:
        """The whole environment of the candidate."""
        told: dict[str, Path | None] = {
            "AUTORES_CODE": self.code,
            "AUTORES_OUT": self.out,
            "AUTORES_HARNESS": self.harness,
            "AUTORES_DATA_DIR": self.data,
            "AUTORES_SOCKET": self.sockets / SOCKET_NAME if self.sockets else None,
            "PYTHONPATH": self.harness,
            "HOME": self.tmp / "home",
            "TMPDIR": self.tmp,
        }
        return {
            "PATH": f"{self.python.parent}:{SEARCH_PATH}",
            "LANG": "C.UTF-8",
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONUNBUFFERED": "1",
            "PYTHONNOUSERSITE": "1",
            **cell.environment,
            **{name: str(path) for name, path in told.items() if path},
        }

    def command(self, cell: Cell) -> list[str]:
        """The candidate's command; `python` is its own interpreter."""
        first, *rest = cell.argv
        return [str(self.python) if first == "python" else first, *rest]


def on_the_host(cell: Cell, python: Path, tmp: Path) -> Inside:
    """Where a cell finds its folders at levels that cannot give it a tree of its own."""
    return Inside(
        python=python,
        code=cell.code,
        out=cell.out,
        harness=cell.harness,
        data=cell.data,
        sockets=cell.sockets,
        tmp=tmp,
    )


def temporary_folder(parent: Path, uid: int | None) -> Path:
    """A fresh /tmp for one cell, with the home folder in it."""
    folder = Path(tempfile.mkdtemp(dir=parent))
    (folder / "home").mkdir()
    if uid is not None:
        for path in (folder, folder / "home"):
            os.chown(path, uid, uid)
    return folder


def make_home() -> None:
    """Make the home folder in a /tmp that exists only inside."""
    os.mkdir("/tmp/home")


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """Runs in the child, before exec: only calls that a forked process may make."""

    cell: Cell
    group: Group | None
    steps: Sequence[Callable[[], None]]
    """What the level adds, in order."""
    limit_tasks: bool
    """Whether the uid has no other processes, so that RLIMIT_NPROC counts this cell's."""

    def __call__(self) -> None:
        """Limit, join, isolate, and give up what is left of privilege."""
        os.umask(0o022)
        self._limit()
        if self.group:
            self.group.join()
        for step in self.steps:
            step()

    def _limit(self) -> None:
        limits = {
            resource.RLIMIT_CORE: 0,
            resource.RLIMIT_FSIZE: self.cell.disk_bytes,
            resource.RLIMIT_NOFILE: OPEN_FILES,
        }
        if self.limit_tasks:
            limits[resource.RLIMIT_NPROC] = tasks_allowed(self.cell)
        for kind, value in limits.items():
            hard = resource.getrlimit(kind)[1]
            allowed = value if hard == resource.RLIM_INFINITY else min(value, hard)
            with contextlib.suppress(ValueError):  # macOS has a ceiling of its own
                resource.setrlimit(kind, (allowed, allowed))
        if self.cell.cpus and hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(0, self.cell.cpus)
        with contextlib.suppress(OSError):  # where /proc is missing or read-only
            score = os.open("/proc/self/oom_score_adj", os.O_WRONLY | os.O_CLOEXEC)
            os.write(score, b"1000")
            os.close(score)


def become(uid: int) -> None:
    """Drop to a user without groups; capabilities go with uid 0."""
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)


def die_with_parent() -> None:
    """Be killed when the thread that spawned this process ends; a change of uid clears it."""
    kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)


def start(
    command: Sequence[str],
    environment: Mapping[str, str],
    setup: Setup,
    *,
    cwd: Path,
    keep: Sequence[int] = (),
) -> tuple[subprocess.Popen[bytes], int]:
    """Start a contained process; with it the reading end of its output."""
    reading, writing = os.pipe()
    try:
        with warnings.catch_warnings():
            # Other threads exist, but none of them holds a lock that `setup` takes.
            warnings.simplefilter("ignore", DeprecationWarning)
            process = subprocess.Popen(
                list(command),
                env=dict(environment),
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=writing,
                stderr=writing,
                start_new_session=True,
                preexec_fn=setup,  # noqa: PLW1509 - see above
                pass_fds=tuple(keep),
            )
    except subprocess.SubprocessError as error:
        os.close(reading)
        raise OSError(f"the sandbox could not be entered: {error}") from error
    except BaseException:
        os.close(reading)
        raise
    finally:
        os.close(writing)
    return process, reading
