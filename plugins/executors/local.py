"""Runs evaluation jobs on this machine; they die with the supervisor."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from autores import hookimpl
from autores.config import SettingsBook
from autores.errors import UserError
from autores.evaluator import shim
from autores.evaluator.bundle import BadBundle, write_bundle
from autores.evaluator.sandbox.selection import level_here
from autores.evaluator.trees import BadTree
from autores.evaluator.yard import remove
from autores.executor import Capacity, Executor, Job, JobFolder, Result, results_in
from autores.hardware import Hardware
from autores.plugins.executors.hostlock import DeviceLocks, HostLock
from autores.plugins.executors.leases import Grant, Leases, Want
from autores.records import Lease

EVALUATOR = (sys.executable, "-I", "-m", "autores.evaluator")
GRACE_S = 0.5
"""Between asking a job to end and making it."""
POLL_S = 0.05
"""Between two looks for results, or for a host that others use."""
LOST_S = 10.0
"""For the keeper of a job whose guardian was killed."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How this machine is used."""

    jobs: int = field(
        default=0,
        metadata={"help": "jobs at the same time; 0: one per GPU, or one per two processors"},
    )
    cpus: tuple[int, ...] = field(
        default=(), metadata={"help": "processors that jobs may use; empty for all"}
    )
    gpus: tuple[int, ...] = field(
        default=(), metadata={"help": "GPUs that jobs may use; empty for all"}
    )
    locks: Path = field(
        default=Path("/tmp/autores-locks"),
        metadata={"help": "folder in which all supervisors of this machine lock the host and GPUs"},
    )


@dataclass(slots=True)
class _Entry:
    """A job from its start until its end was seen."""

    job: Job
    want: Want
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None
    process: asyncio.subprocess.Process | None = None
    scratch: Path | None = None
    """All temporary files of the job; an evaluator that is killed cannot remove them itself."""
    gpus: tuple[int, ...] = ()
    cancelled: bool = False
    ended: bool = False

    @property
    def folder(self) -> JobFolder:
        return JobFolder(self.job.folder.absolute())  # the job's working directory is another

    def stop(self) -> None:
        self.cancelled = True
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                self.process.send_signal(signal.SIGTERM)

    def notify(self) -> None:
        """Wake all watchers; those who look now will wait for the next change."""
        self.changed.set()
        self.changed = asyncio.Event()

    def end(self) -> None:
        self.ended = True
        self.notify()


class Local:
    """Evaluator processes under shims, as many as the leases allow."""

    survives = False

    def __init__(
        self,
        settings: Settings,
        *,
        hardware: Hardware,
        path: str = os.defpath,
        sandbox: str = "",
        program: Sequence[str] = EVALUATOR,
    ) -> None:
        """Take a machine into use.

        Args:
            settings: Which part of it.
            hardware: What it has.
            path: Where jobs look for commands.
            sandbox: The level that candidates are contained at here.
            program: What runs a bundle.

        Raises:
            UserError: The settings ask for what the machine does not have.
        """
        self._hardware = _part_of(hardware, settings)
        self._leases = Leases(
            cpus=self._hardware.cpus,
            gpus=tuple(gpu.index for gpu in self._hardware.gpus),
            jobs=_jobs_at_once(self._hardware, settings),
        )
        self._lock = HostLock(settings.locks)
        self._devices = DeviceLocks(settings.locks, self._leases.gpus)
        self._environment = {"PATH": path, "LANG": "C.UTF-8"}
        self._sandbox = sandbox
        self._program = tuple(program)
        self._jobs: dict[str, _Entry] = {}
        # Jobs live while this process has the writing end; no child inherits it.
        self._alive, self._life = os.pipe()
        self._again: asyncio.TimerHandle | None = None

    async def start(self, job: Job) -> str:
        """Start a job, or queue it behind its lease."""
        want = Want(name=job.name, lease=job.lease, gpus=job.gpus, priority=job.priority)
        self._leases.ask(want)
        _remove_leftovers(JobFolder(job.folder))
        self._jobs[job.name] = _Entry(job, want)
        self._begin()
        return job.name

    async def watch(self, handle: str) -> AsyncIterator[Result]:
        """Results as they come; a job whose end was seen is forgotten."""
        seen: set[int] = set()
        entry = self._jobs.get(handle)
        while entry is not None:
            changed, ended = entry.changed, entry.ended
            for result in results_in(entry.job.folder, but=frozenset(seen)):
                seen.add(result.position)
                yield result
            if ended:
                self._forget(entry)
                return
            await changed.wait()

    async def cancel(self, handle: str) -> None:
        """End a job; returns when its shim says that all of it is dead."""
        entry = self._jobs.get(handle)
        if entry is None or entry.ended:
            return
        entry.stop()
        if entry.task is not None:
            await asyncio.wait([entry.task])
        else:
            self._leave(entry)

    async def find(self, name: str) -> str | None:
        """The handle of a job that waits or runs."""
        entry = self._jobs.get(name)
        return None if entry is None or entry.ended else name

    def capacity(self) -> Capacity:
        """This machine, or the part of it that the settings name."""
        jobs, word = self._leases.jobs, self._hardware.word
        return Capacity(
            jobs=jobs,
            cpus=len(self._hardware.cpus),
            gpus=len(self._hardware.gpus),
            hardware=word if jobs == 1 else f"{word}/{jobs}",
            sandbox=self._sandbox,
        )

    async def close(self) -> None:
        """End all jobs."""
        await asyncio.gather(*map(self.cancel, list(self._jobs)))
        if self._again is not None:
            self._again.cancel()
        self._lock.close()
        self._devices.close()
        os.close(self._life)
        os.close(self._alive)

    def _forget(self, entry: _Entry) -> None:
        if self._jobs.get(entry.job.name) is entry:
            del self._jobs[entry.job.name]

    # ------------------------------------------------------------------------- the queue

    def _begin(self) -> None:
        """Let begin who is first, as long as there is room."""
        if self._again is not None:
            self._again.cancel()
            self._again = None
        while (want := self._leases.first()) is not None:
            gpus = self._admit(want)
            if gpus is None:
                return
            entry, grant = self._jobs[want.name], self._leases.grant(want, gpus)
            entry.gpus = gpus
            entry.task = asyncio.create_task(self._run(entry, grant), name=want.name)

    def _admit(self, want: Want) -> tuple[int, ...] | None:
        """The devices with which it may begin, if it may."""
        if want.lease is Lease.HOST:
            self._lock.announce()
        if not self._leases.fits(want):
            return None
        gpus = self._lock_for(want)
        if gpus is None:  # another supervisor is at work, of which we hear nothing
            self._again = asyncio.get_running_loop().call_later(POLL_S, self._begin)
        return gpus

    def _lock_for(self, want: Want) -> tuple[int, ...] | None:
        if not (self._lock.take() if want.lease is Lease.HOST else self._lock.share()):
            return None
        if not want.gpus:
            return ()
        alone = want.lease is not Lease.SHARED
        gpus = self._devices.take(self._leases.candidates(want), want.gpus, alone=alone)
        if gpus is None and not self._leases.held:
            self._lock.release()
        return gpus

    def _leave(self, entry: _Entry) -> None:
        self._leases.leave(entry.want.name)
        self._devices.release(entry.gpus)
        if entry.want.lease is Lease.HOST:
            self._lock.renounce()
        if entry.want.gpus:
            self._devices.renounce()
        if not self._leases.held:
            self._lock.release()
        entry.end()
        self._begin()

    # --------------------------------------------------------------------------- one job

    async def _run(self, entry: _Entry, grant: Grant) -> None:
        try:
            await self._prepare(entry, grant)
            if not entry.cancelled:
                await self._spawn(entry)
                await self._follow(entry)
        except (BadBundle, BadTree, OSError) as error:
            # The job ends without results; whoever asked for it tries again or gives up.
            log.warning("job %s could not be run: %s", entry.job.name, error)
        finally:
            _remove_secrets(entry.folder)
            if entry.scratch is not None:
                await asyncio.to_thread(remove, [entry.scratch])
            self._leave(entry)

    async def _prepare(self, entry: _Entry, grant: Grant) -> None:
        job, folder = entry.job, entry.folder
        requests = [replace(r, cpus=grant.cpus, gpus=grant.gpus) for r in job.requests]
        trees = {commit: job.code.tree(commit) for commit in _commits(job)}
        files = {commit: {p: tree.read(p) for p in tree} for commit, tree in trees.items()}
        folder.results.mkdir(mode=0o700, parents=True)
        await asyncio.to_thread(write_bundle, folder.bundle, requests, files)
        _write_keys(job, folder.keys)
        entry.scratch = Path(tempfile.mkdtemp(prefix="autores-job-"))
        entry.scratch.chmod(0o711)  # candidates may be another user

    async def _spawn(self, entry: _Entry) -> None:
        """Called in the event loop, so that the shim's parent is the main thread."""
        folder = entry.folder
        arguments = (str(folder.bundle), "--keys", str(folder.keys))
        command = shim.command(
            str(folder.ending),
            str(folder.log),
            (*self._program, *arguments, "--results", str(folder.results)),
            timeout_s=entry.job.wall,
            grace_s=GRACE_S,
            alive=self._alive,
        )
        entry.process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            cwd="/",
            env=self._environment | {"TMPDIR": str(entry.scratch)},
            pass_fds=(
                *(self._alive, self._lock.descriptor),
                *self._devices.descriptors(entry.gpus),
            ),
            start_new_session=True,  # Ctrl-C is for the supervisor to pass on
        )
        if entry.cancelled:
            entry.stop()

    async def _follow(self, entry: _Entry) -> None:
        assert entry.process is not None
        ended = asyncio.ensure_future(entry.process.wait())
        while not ended.done():
            await asyncio.wait([ended], timeout=POLL_S)
            entry.notify()
        if ended.result() == -signal.SIGKILL:
            await _until_keeper_ended(entry.folder)


async def _until_keeper_ended(folder: JobFolder) -> None:
    """Somebody killed the guardian: wait until the keeper has killed everything else."""
    for _ in range(int(LOST_S / POLL_S)):
        if folder.ending.exists():
            return
        await asyncio.sleep(POLL_S)


def _commits(job: Job) -> set[str]:
    return {request.evaluation.commit for request in job.requests}


def _write_keys(job: Job, path: Path) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    with open(os.open(path, flags, 0o600), "w") as file:
        json.dump({name: key.hex() for name, key in job.keys.items()}, file)


def _remove_leftovers(folder: JobFolder) -> None:
    """An attempt that died with its supervisor may have left something."""
    _remove_secrets(folder)
    with contextlib.suppress(OSError):
        folder.ending.unlink()
    shutil.rmtree(folder.results, ignore_errors=True)


def _remove_secrets(folder: JobFolder) -> None:
    """Keys, and the task's randomness."""
    with contextlib.suppress(OSError):
        folder.keys.unlink()
    shutil.rmtree(folder.bundle, ignore_errors=True)


def _part_of(hardware: Hardware, settings: Settings) -> Hardware:
    _check("cpus", settings.cpus, hardware.cpus)
    _check("gpus", settings.gpus, [gpu.index for gpu in hardware.gpus])
    return replace(
        hardware,
        cpus=tuple(c for c in hardware.cpus if not settings.cpus or c in settings.cpus),
        gpus=tuple(g for g in hardware.gpus if not settings.gpus or g.index in settings.gpus),
    )


def _check(name: str, wanted: Sequence[int], there: Sequence[int]) -> None:
    missing = sorted(set(wanted) - set(there))
    if missing:
        known = ", ".join(map(str, there)) or "none"
        raise UserError(f"executor.local.{name}: there is no {missing[0]} here; use of: {known}")


def _jobs_at_once(hardware: Hardware, settings: Settings) -> int:
    cpus = len(hardware.cpus)
    if not 0 <= settings.jobs <= cpus:
        raise UserError(f"executor.local.jobs = {settings.jobs}: say 1 to {cpus}, or 0")
    return settings.jobs or min(cpus, len(hardware.gpus)) or max(1, cpus // 2)


@hookimpl
def autores_executor(settings: SettingsBook) -> Executor:
    """Build the executor."""
    path = settings.environment.path or os.defpath
    return Local(
        settings.of(Settings), hardware=Hardware.here(), path=path, sandbox=level_here(path)
    )
