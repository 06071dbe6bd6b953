"""A job: its evaluations one after the other, each in its own process; signs what they say."""

from __future__ import annotations

import os
import select
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from io import FileIO
from pathlib import Path

from autores.codec import from_json, strict_loads
from autores.evaluator.bundle import Bundle
from autores.evaluator.request import EvaluationRequest
from autores.evaluator.sandbox.reaper import Reaper, become_subreaper
from autores.evaluator.signing import key_name, sign
from autores.evaluator.single import harness_failed
from autores.evaluator.staging import staging_folder, work_folder
from autores.records import Outcome

PROGRAM = (sys.executable, "-I", "-m", "autores.evaluator.single")
MOST_SAID = 64 << 20
"""Bytes of one outcome."""
CHUNK = 1 << 16
LOOK_S = 0.05
"""How often a silent evaluator is looked at."""
LAST_BREATH_S = 5.0
"""For an evaluator that gave no outcome to end by itself, so that its end can be told."""
SEARCH_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class BadKeys(Exception):
    """There is no file of keys that could be the supervisor's."""


def take_keys(path: Path) -> dict[str, bytes]:
    """Read the file of keys and remove it: no candidate may ever find it.

    Raises:
        BadKeys: It is missing, damaged, or others could read it.
    """
    try:
        source = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        with os.fdopen(source, "rb") as file:
            found = os.fstat(source)
            os.unlink(path)
            text = file.read()
        if not stat.S_ISREG(found.st_mode) or found.st_mode & 0o077:
            raise BadKeys(f"{path} is open to others")
        return {name: bytes.fromhex(key) for name, key in strict_loads(text).items()}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise BadKeys(f"{path} cannot be used: {error}") from None


def run_job(
    bundle: Bundle,
    keys: Mapping[str, bytes],
    results: Path,
    *,
    program: Sequence[str] = PROGRAM,
) -> None:
    """Run all evaluations of a bundle; each result appears at once, whole and signed.

    Args:
        bundle: What is to be run.
        keys: Evaluation and attempt to the key that signs its outcome.
        results: An existing folder.
        program: Runs one evaluation; see `autores.evaluator.single`.

    Raises:
        BadKeys: An evaluation has no key; nothing has run.
    """
    missing = [r.evaluation.id for r in bundle.requests if key_name(r.evaluation) not in keys]
    if missing:
        raise BadKeys(f"no key for evaluation {missing[0]}")
    become_subreaper()
    for position, request in enumerate(bundle.requests):
        outcome = _run_single(bundle, position, program)
        evaluation = request.evaluation
        payload = sign(keys[key_name(evaluation)], evaluation, request.tree, outcome)
        _appear(results / f"{position}.json", payload)


def _run_single(bundle: Bundle, position: int, program: Sequence[str]) -> Outcome:
    """Run one evaluation; when this returns, it and all that it started are dead."""
    request = bundle.requests[position]
    with work_folder() as work, staging_folder(Path(request.data_dir), work) as staging:
        arguments = (str(bundle.folder), str(position), str(work), str(staging))
        return _run((*program, *arguments), request)


def _run(command: Sequence[str], request: EvaluationRequest) -> Outcome:
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb", 0) as pipe:
        try:
            process = subprocess.Popen(
                [*command, str(writing)],
                env=_environment(request),
                cwd="/",
                stdin=subprocess.DEVNULL,
                pass_fds=[writing],
                start_new_session=True,
            )
        finally:
            os.close(writing)
        ended = ""
        try:
            said, complete = _listen(pipe, process.pid, time.monotonic() + request.outer_wall)
            outcome = _read(said) if complete else None
            if outcome is None and complete:
                ended = _own_end(process.pid)
        finally:
            status = Reaper().end(process.pid)
            process.returncode = os.waitstatus_to_exitcode(status or 0)
    if not complete:
        return harness_failed(f"the evaluator took longer than {request.outer_wall:.0f} s")
    return outcome or harness_failed(f"the evaluator {_words(said)} and {ended}")


def _listen(pipe: FileIO, pid: int, until: float) -> tuple[bytes, bool]:
    """What a process says on a pipe until one of the two ends; and whether that was in time."""
    said = bytearray()
    os.set_blocking(pipe.fileno(), False)
    while len(said) <= MOST_SAID:
        ended = _has_ended(pid)  # first: its last words are read below
        select.select([pipe], [], [], 0 if ended else LOOK_S)
        chunk = pipe.read(CHUNK)
        if chunk == b"" or (chunk is None and ended):
            return bytes(said), True
        said += chunk or b""
        if time.monotonic() > until:
            return b"", False
    return bytes(said), True


def _has_ended(pid: int) -> bool:
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _own_end(pid: int) -> str:
    """How a process ended, which now has nothing more to say, before we end it ourselves."""
    until = time.monotonic() + LAST_BREATH_S
    while (found := os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)) is None:
        if time.monotonic() > until:
            return "did not end by itself"
        time.sleep(0.005)
    if found.si_code == os.CLD_EXITED:
        return f"ended with exit code {found.si_status}"
    names = {number.value: number.name for number in signal.Signals}
    return f"was ended by signal {names.get(found.si_status, found.si_status)}, not by us"


def _read(said: bytes) -> Outcome | None:
    if len(said) > MOST_SAID:
        return None
    try:
        return from_json(Outcome, strict_loads(said))
    except (ValueError, RecursionError):
        return None


def _words(said: bytes) -> str:
    if not said:
        return "gave no outcome"
    most = "at least " if len(said) > MOST_SAID else ""
    return f"gave {most}{len(said):,} bytes that are no outcome"


def _environment(request: EvaluationRequest) -> dict[str, str]:
    """All that the evaluator finds in its environment; nothing is inherited."""
    return {
        "PATH": SEARCH_PATH,
        "LANG": "C.UTF-8",
        "TMPDIR": tempfile.gettempdir(),
        "CUDA_VISIBLE_DEVICES": ",".join(map(str, request.gpus)),
    }


def _appear(path: Path, payload: bytes) -> None:
    partial = path.with_suffix(".part")
    with partial.open("wb") as file:
        file.write(payload)
        file.flush()
        os.fsync(file.fileno())
    partial.rename(path)
