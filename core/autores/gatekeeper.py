"""Ask the gates about submissions, in a process that can be killed.

Gates read what agents wrote: a file that takes a parser minutes, or takes it down, must not
take the supervisor with it. The worker (`python -I -m autores.gatekeeper`) loads the plugins
that have gates into a manager of its own, reads trees from the run's bare repository, and
answers one JSON line for each that it is sent.
"""

from __future__ import annotations

import asyncio
import ctypes
import math
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self

from autores.codec import canonical, from_json, strict_loads, to_json
from autores.config import SettingsBook, Value
from autores.errors import AutoresError, RunFailed, UserError
from autores.garbage import uncollected
from autores.manager import PluginManager
from autores.records import Severity, Specialist, Submission, Task, Violation
from autores.status import Cause
from autores.text import escape_line
from autores.workspace.repository import CodeRepository

if TYPE_CHECKING:
    from autores.loading import Loaded

LIMIT = 60.0
"""Seconds for one submission; an honest one takes milliseconds."""
MOST_VIOLATIONS = 100
_LONGEST_LINE = 64 << 20
_PR_SET_PDEATHSIG = 1


class Gates(Protocol):
    """What the loop asks."""

    async def check(self, submission: Submission, specialist: Specialist) -> tuple[Violation, ...]:
        """Everything that is wrong with a commit, refusals first."""
        ...

    async def close(self) -> None:
        """Leave nothing running."""
        ...


class Checker:
    """Asks every implementation of `autores_legality`, each shielded from the others."""

    def __init__(
        self, repository: Path, task: Task, plugins: PluginManager, settings: SettingsBook
    ) -> None:
        self._code = CodeRepository.open(repository)
        self._task = task
        self._plugins = plugins
        self._settings = settings

    def check(self, submission: Submission, specialist: Specialist) -> tuple[Violation, ...]:
        """Everything that is wrong, refusals first, and our own failures after them."""
        given = {
            "task": self._task,
            "submission": submission,
            "tree": self._code.tree(submission.commit),
            "specialist": specialist,
            "settings": self._settings,
        }
        with uncollected():
            found = {(v.rule, v.path, v.line, v.severity): v for v in self._ask(given)}
        return tuple(sorted(found.values(), key=_rank)[:MOST_VIOLATIONS])

    def _ask(self, given: Mapping[str, Any]) -> Iterator[Violation]:
        for gate in reversed(self._plugins.hook.autores_legality.get_hookimpls()):
            try:
                yield from gate.function(*(given[name] for name in gate.argnames)) or ()
            except Exception as error:  # noqa: BLE001 - a plugin may raise anything
                name = gate.plugin_name.removeprefix(":")
                yield _failed(f"plugin {name!r}: {type(error).__name__}: {error}")


def _rank(violation: Violation) -> tuple[bool, bool]:
    return violation.severity is Severity.WARN, violation.cause is Cause.HARNESS


def _failed(why: str) -> Violation:
    return Violation(
        rule="gates-error",
        message=f"the gates failed: {escape_line(why, 500)}.",
        fix="Nothing is known of this edit; mend the plugin, or switch it off with -p no:NAME.",
        cause=Cause.HARNESS,
    )


def _too_slow(limit: float) -> Violation:
    return Violation(
        rule="gates-timeout",
        message=f"the gates could not read this within {limit:g} s.",
        fix="Keep the recipe small and plain.",
    )


class DirectGates:
    """The same in the supervisor's own process, for tests and for trusted edits."""

    def __init__(self, checker: Checker) -> None:
        self._checker = checker

    @classmethod
    async def start(cls, repository: Path, loaded: Loaded) -> Self:
        """Use the plugins that a run has loaded."""
        return cls(Checker(repository, loaded.task, loaded.plugins, loaded.settings))

    async def check(self, submission: Submission, specialist: Specialist) -> tuple[Violation, ...]:
        """Everything that is wrong with a commit."""
        return self._checker.check(submission, specialist)

    async def close(self) -> None:
        """Nothing runs."""


# ------------------------------------------------------------------------ the supervisor


@dataclass(frozen=True, slots=True, kw_only=True)
class Plugin:
    """A module that the worker loads."""

    module: str
    section: str
    """Where its settings lie."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """What a worker is told first."""

    repository: str
    profile: str
    plugins: tuple[Plugin, ...]
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Values by dotted name, as they were given."""
    path: tuple[str, ...] = ()
    """Where modules are found: the supervisor's `sys.path`."""
    parent: int

    @classmethod
    def of(cls, repository: Path, loaded: Loaded) -> Opening:
        """The plugins of a run that have gates, and its task's."""
        plugins = tuple(
            Plugin(module=module.__name__, section=group.section(name))
            for (group, name), module in loaded.plugins.loaded.items()
            if hasattr(module, "autores_legality") or module.__name__ == loaded.module
        )
        return cls(
            repository=str(repository.absolute()),
            profile=loaded.task.profile,
            plugins=plugins,
            settings={name: _plain(v.value) for name, v in loaded.settings.values.items()},
            path=tuple(sys.path),
            parent=os.getpid(),
        )


def _plain(value: Any) -> Any:
    """A setting as JSON can say it; paths, dates and `inf` are read from text as well."""
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    if isinstance(value, Enum):
        return value.value
    is_json = value is None or isinstance(value, str | int)
    is_json |= isinstance(value, float) and math.isfinite(value)
    return value if is_json else str(value)


class WorkerDied(Exception):
    """The worker ended without an answer."""


class Gatekeeper:
    """The worker, seen from the supervisor: one submission at a time."""

    def __init__(self, opening: Opening, limit: float) -> None:
        self._opening = opening
        self._limit = limit
        self._worker: Process | None = None
        self._turn = asyncio.Lock()
        self._closed = False

    @classmethod
    async def start(cls, repository: Path, loaded: Loaded, *, limit: float = LIMIT) -> Self:
        """Start a worker and hear that it has loaded its plugins.

        Args:
            repository: The run's bare repository.
            loaded: The run's plugins, task and settings.
            limit: Seconds for each submission.

        Raises:
            UserError: A plugin or a setting is wrong.
            RunFailed: The worker does not start.
        """
        keeper = cls(Opening.of(repository, loaded), limit)
        try:
            await keeper._ready()
        except WorkerDied as error:
            raise RunFailed(f"the gates' worker does not start: {error}") from None
        return keeper

    async def check(self, submission: Submission, specialist: Specialist) -> tuple[Violation, ...]:
        """Everything that is wrong with a commit.

        A commit that takes longer than the limit is refused as illegal. A worker that dies is
        replaced, and asked again; if that dies too the trial is a failure of ours.
        """
        request = {"submission": to_json(submission), "specialist": to_json(specialist)}
        async with self._turn:
            for _ in range(2):
                try:
                    return await self._ask(request)
                except TimeoutError:
                    return (_too_slow(self._limit),)
                except WorkerDied:
                    continue
        return (_failed("their worker died on this commit, and so did the next"),)

    async def close(self) -> None:
        """End the worker for good; a check that is under way fails."""
        self._closed = True
        await self._kill()

    async def _ask(self, request: Mapping[str, Any]) -> tuple[Violation, ...]:
        await self._ready()
        answer = await self._exchange(request)
        if "error" in answer:
            return (_failed(answer["error"]),)
        return tuple(from_json(Violation, row) for row in answer["violations"])

    async def _ready(self) -> None:
        """Have a worker that has loaded its plugins."""
        if self._worker is not None and self._worker.returncode is None:
            return
        if self._closed:
            raise WorkerDied("it was closed")
        self._worker = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-m", "autores.gatekeeper"),
            stdin=PIPE,
            stdout=PIPE,
            stderr=DEVNULL,
            limit=_LONGEST_LINE,
            start_new_session=True,  # Ctrl-C is for the supervisor
        )
        try:
            answer = await self._exchange(to_json(self._opening))
        except TimeoutError:
            raise WorkerDied(f"it was not ready within {self._limit:g} s") from None
        if "error" in answer:
            await self._kill()
            raise UserError(answer["error"])

    async def _exchange(self, message: Any) -> dict[str, Any]:
        """Say one thing and hear one; a worker that did not answer never speaks again."""
        worker = self._worker
        assert worker is not None and worker.stdin is not None and worker.stdout is not None
        said = canonical(message) + b"\n"
        try:
            async with asyncio.timeout(self._limit):
                worker.stdin.write(said)
                await worker.stdin.drain()
                answer: dict[str, Any] = strict_loads(await worker.stdout.readline())
        except (TimeoutError, asyncio.CancelledError):
            await self._kill()
            raise
        except (OSError, ValueError):
            await self._kill()
            raise WorkerDied("it ended without an answer") from None
        return answer

    async def _kill(self) -> None:
        worker, self._worker = self._worker, None
        if worker is None:
            return
        if worker.returncode is None:
            try:
                os.killpg(worker.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        await worker.wait()


# ---------------------------------------------------------------------------- the worker


def main() -> None:
    """Answer until the supervisor hangs up."""
    requests, answers = _private_pipes()
    opening = from_json(Opening, strict_loads(requests.readline()))
    _die_with(opening.parent)
    for answer in _answers(opening, requests):
        answers.write(canonical(answer) + b"\n")


def _answers(opening: Opening, requests: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    """First whether it is ready, then one answer for each request."""
    try:
        checker = _checker(opening)
    except AutoresError as error:
        yield {"error": str(error)}
        return
    yield {}
    for line in requests:
        yield _answer(checker, strict_loads(line))


def _private_pipes() -> tuple[Any, Any]:
    """The pipes to the supervisor, out of the reach of a plugin's `print` and `input`."""
    requests = os.fdopen(os.dup(0), "rb")
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(nothing, 1)
    return requests, answers


def _die_with(parent: int) -> None:
    """Follow the supervisor even out of a check that never ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit("the supervisor is gone")


def _checker(opening: Opening) -> Checker:
    sys.path[:] = opening.path
    plugins = PluginManager()
    settings = SettingsBook(
        {name: Value(value=value, source=name) for name, value in opening.settings.items()}
    )
    for plugin in opening.plugins:
        kind = getattr(plugins.load_module(plugin.module), "Settings", None)
        if kind is not None:
            settings.add(kind, plugin.section)
            settings.of(kind)
    task = plugins.hook.autores_task(profile=opening.profile)
    return Checker(Path(opening.repository), task, plugins, settings)


def _answer(checker: Checker, request: Mapping[str, Any]) -> dict[str, Any]:
    try:
        submission = from_json(Submission, request["submission"])
        specialist = from_json(Specialist, request["specialist"])
        return {"violations": to_json(checker.check(submission, specialist))}
    except Exception as error:  # noqa: BLE001 - a plugin's records may not encode
        return {"error": f"{type(error).__name__}: {error}"}


if __name__ == "__main__":
    main()
