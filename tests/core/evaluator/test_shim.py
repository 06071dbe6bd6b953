from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import textwrap
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from autores.evaluator import shim

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")

LINGERING = "setsid sleep 300 & (setsid sh -c 'sleep 300 & sleep 300' &) ; sleep 300"
"""A tree whose members left the session, and their parents."""


@dataclass
class Shimmed:
    """A job under the shim, whose processes are known by a variable of their environment."""

    folder: Path
    mark: str = field(default_factory=lambda: uuid.uuid4().hex)
    seen: set[int] = field(default_factory=set)
    process: subprocess.Popen[bytes] | None = None

    def start(self, *argv: str, timeout_s: float = 60, grace_s: float = 0.5) -> Shimmed:
        command = shim.command(
            str(self.result), str(self.log), argv, timeout_s=timeout_s, grace_s=grace_s
        )
        self.process = subprocess.Popen(command, env=self.environment)
        return self

    @property
    def environment(self) -> dict[str, str]:
        return os.environ | {"MARK": self.mark}

    @property
    def result(self) -> Path:
        return self.folder / "result.json"

    @property
    def log(self) -> Path:
        return self.folder / "log"

    def end(self) -> tuple[int, dict[str, Any]]:
        assert self.process
        return self.process.wait(60), json.loads(self.result.read_text())

    def alive(self) -> list[int]:
        return [pid for pid in map(int, filter(str.isdigit, os.listdir("/proc"))) if self._own(pid)]

    def _own(self, pid: int) -> bool:
        try:
            told = Path(f"/proc/{pid}/environ").read_bytes()
            if self.mark.encode() in told:
                self.seen.add(pid)
                # In the middle of an exec a process has no environment, and neither has a dead one.
                return True
            return not told and pid in self.seen and not is_dead(pid)
        except OSError:
            return False

    def until(self, number: int) -> None:
        """Wait until so many of its processes are there."""
        assert wait_for(lambda: len(self.alive()) >= number), self.alive()

    def children(self, pid: int) -> list[int]:
        return [child for child, parent in shim._parents() if parent == pid]


def is_dead(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"


def wait_for(condition: Callable[[], bool], seconds: float = 30) -> bool:
    deadline = time.monotonic() + seconds
    while not (met := condition()) and time.monotonic() < deadline:
        time.sleep(0.01)
    return met


@pytest.fixture
def job(tmp_path: Path) -> Iterator[Shimmed]:
    shimmed = Shimmed(tmp_path)
    yield shimmed
    left = shimmed.alive()
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    if shimmed.process:
        shimmed.process.wait(10)
    assert not left


def test_the_exit_code_is_the_commands(job: Shimmed) -> None:
    code, result = job.start("sh", "-c", "echo said; echo also >&2; exit 3").end()
    assert (code, result["state"], result["rc"]) == (3, "exited", 3)
    assert job.log.read_text() == "said\nalso\n"
    assert job.log.stat().st_mode & 0o777 == 0o600


def test_a_signal_is_told(job: Shimmed) -> None:
    code, result = job.start("sh", "-c", "kill -SEGV $$").end()
    assert (code, result["state"], result["rc"]) == (139, "exited", -signal.SIGSEGV)


def test_a_command_that_is_not_there(job: Shimmed) -> None:
    code, result = job.start("/nonexistent/program").end()
    assert (code, result["state"]) == (127, "spawn_failed")
    assert result["error"] == os.strerror(2)


def test_wall_time_ends_the_whole_tree(job: Shimmed) -> None:
    code, result = job.start("sh", "-c", LINGERING, timeout_s=1).end()
    assert (code, result["state"], result["rc"]) == (124, "timeout", None)
    assert 1.0 <= result["wall_s"] < 30
    assert not job.alive()


def test_who_ignores_the_request_is_killed_after_the_grace(job: Shimmed) -> None:
    stubborn = "trap '' TERM; " + LINGERING
    code, result = job.start("sh", "-c", stubborn, timeout_s=2, grace_s=0.5).end()
    assert (code, result["state"]) == (124, "timeout")
    assert 2.5 <= result["wall_s"] < 30


def test_the_request_lets_the_command_clean_up(job: Shimmed, tmp_path: Path) -> None:
    cleaning = f"trap 'echo clean > {tmp_path}/done; exit' TERM; sleep 300 & wait"
    job.start("sh", "-c", cleaning, timeout_s=2, grace_s=30).end()
    assert (tmp_path / "done").exists()


def test_what_the_command_leaves_behind_dies_at_once(job: Shimmed) -> None:
    daemon = "(trap '' TERM; setsid sleep 300 &) ; exit 0"
    code, result = job.start("sh", "-c", daemon, grace_s=60).end()
    assert (code, result["state"]) == (0, "exited")
    assert result["wall_s"] < 30


def test_hundreds_of_daemons_that_respawn(job: Shimmed) -> None:
    source = """
        import os, signal, time
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        for _ in range(100):
            if os.fork() == 0:
                os.setsid()
                while True:
                    if os.fork() == 0:
                        time.sleep(0.05)
                        os._exit(0)
                    os.wait()
        time.sleep(300)
    """
    job.start(sys.executable, "-c", textwrap.dedent(source), grace_s=0.2)
    job.until(102)
    assert job.process
    job.process.terminate()
    assert job.end()[1]["state"] == "killed"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_guardian_that_is_told_to_end(job: Shimmed, number: signal.Signals) -> None:
    job.start("sh", "-c", LINGERING)
    job.until(6)
    assert job.process
    job.process.send_signal(number)
    code, result = job.end()
    assert (code, result["state"]) == (143, "killed")


def test_a_guardian_that_is_told_to_end_before_it_listens(job: Shimmed) -> None:
    """The signal waits, as it does while the shim begins: it is blocked when it comes."""
    command = shim.command(str(job.result), str(job.log), ["sleep", "300"], grace_s=0.5)
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    try:
        job.process = subprocess.Popen(command, env=job.environment)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    job.process.terminate()
    code, result = job.end()
    assert (code, result["state"]) == (143, "killed")


def test_a_guardian_that_is_killed(job: Shimmed) -> None:
    job.start("sh", "-c", LINGERING)
    job.until(6)
    assert job.process
    job.process.kill()
    assert wait_for(lambda: not job.alive())
    assert json.loads(job.result.read_text())["state"] == "killed"


def test_a_keeper_that_is_killed(job: Shimmed) -> None:
    job.start("sh", "-c", LINGERING)
    job.until(6)
    assert job.process
    [keeper] = job.children(job.process.pid)
    os.kill(keeper, signal.SIGKILL)
    code, result = job.end()
    assert (code, result["state"]) == (125, "lost")


def test_a_keeper_that_is_stopped_does_not_outlive_its_job(
    job: Shimmed, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    impatient = tmp_path / "shim.py"
    source = Path(shim.__file__).read_text()
    impatient.write_text(re.sub("PATIENCE_S = .*", "PATIENCE_S = 0.5", source))
    monkeypatch.setattr(shim, "__file__", str(impatient))
    job.start("sleep", "300", timeout_s=6, grace_s=0.1)
    job.until(3)
    assert job.process
    [keeper] = job.children(job.process.pid)
    os.kill(keeper, signal.SIGSTOP)
    assert job.end()[1]["state"] == "lost"


def test_a_command_that_is_killed(job: Shimmed) -> None:
    job.start("sleep", "300")
    job.until(3)
    assert job.process
    [keeper] = job.children(job.process.pid)
    [command] = job.children(keeper)
    os.kill(command, signal.SIGKILL)
    assert job.end()[1] | {"rc": -9, "state": "exited"} == job.end()[1]


def test_the_command_dies_even_with_guardian_and_keeper_in_one_instant(job: Shimmed) -> None:
    job.start("sleep", "300")
    job.until(3)
    assert job.process
    [keeper] = job.children(job.process.pid)
    for number in (signal.SIGSTOP, signal.SIGKILL):  # neither may see the other die
        os.kill(job.process.pid, number)
        os.kill(keeper, number)
    assert wait_for(lambda: not job.alive())
    assert not job.result.exists()


def test_a_caller_that_is_killed(job: Shimmed) -> None:
    source = "import subprocess, sys, time; subprocess.Popen(sys.argv[1:]); time.sleep(300)"
    command = shim.command(str(job.result), str(job.log), ["sh", "-c", LINGERING], grace_s=0.5)
    caller = subprocess.Popen([sys.executable, "-c", source, *command], env=job.environment)
    job.until(7)
    caller.kill()
    caller.wait()
    assert wait_for(lambda: not job.alive())
    assert json.loads(job.result.read_text())["state"] == "killed"


def test_with_a_pipe_the_job_ends_with_its_caller_and_not_with_a_thread(job: Shimmed) -> None:
    source = """
        import os, subprocess, sys, threading, time
        alive, keep = os.pipe()
        command = [alive if word == "ALIVE" else word for word in sys.argv[1:]]
        start = lambda: subprocess.Popen(map(str, command), pass_fds=(alive,))
        thread = threading.Thread(target=start)
        thread.start()
        thread.join()
        time.sleep(300)
    """
    command = shim.command(str(job.result), str(job.log), ["sh", "-c", LINGERING], grace_s=0.5)
    command.insert(command.index("--"), "ALIVE")
    program = [sys.executable, "-c", textwrap.dedent(source)]
    caller = subprocess.Popen([*program, *command], env=job.environment)
    job.until(7)
    time.sleep(0.3)
    assert not job.result.exists()
    caller.kill()
    caller.wait()
    assert wait_for(lambda: not job.alive())
    assert json.loads(job.result.read_text())["state"] == "killed"


def test_an_older_result_is_not_mistaken_for_this_one(job: Shimmed) -> None:
    job.result.write_text('{"state": "exited", "rc": 0}')
    job.start("sleep", "300")
    job.until(3)
    assert not job.result.exists()
    assert job.process
    job.process.terminate()
    assert job.end()[1]["state"] == "killed"


def test_what_was_used_is_told(job: Shimmed) -> None:
    work = "x = bytearray(80 << 20); [i for i in range(3_000_000)]"
    result = job.start(sys.executable, "-c", work).end()[1]
    assert 0.05 < result["cpu_s"] <= 2 * result["wall_s"]
    assert result["maxrss_kb"] > 80 << 10
    assert abs(result["t0"] - time.time()) < 60


def test_signals_are_as_usual_for_the_command(job: Shimmed) -> None:
    show = "grep -E 'Sig(Blk|Ign)' /proc/self/status"
    job.start("sh", "-c", show).end()
    masks = [int(mask, 16) for mask in re.findall(r"\t(\w+)", job.log.read_text())]
    libc_s_own = 1 << 31  # signal 32, which threads of the caller may have inherited
    pythons_own = {signal.SIGPIPE, signal.SIGXFSZ}
    ours = signal.valid_signals() - pythons_own  # `nohup` and `&` have some of them ignored
    inherited = sum(1 << s - 1 for s in ours if signal.getsignal(s) is signal.SIG_IGN)
    assert [mask & ~(libc_s_own | inherited) for mask in masks] == [0, 0]


def test_words_arrive_as_they_were_and_nothing_is_to_be_read(job: Shimmed) -> None:
    source = "import sys; print(sys.argv[1:], repr(sys.stdin.read()))"
    words = ["a b", "--", "$HOME", "-x", ""]
    job.start(sys.executable, "-c", source, *words).end()
    assert job.log.read_text() == f"{words} ''\n"


def test_the_command_has_a_session_of_its_own(job: Shimmed) -> None:
    source = "import os; print(os.getsid(0) == os.getpid())"
    job.start(sys.executable, "-c", source).end()
    assert job.log.read_text() == "True\n"


def test_a_log_that_cannot_be_written_is_told(job: Shimmed, tmp_path: Path) -> None:
    command = shim.command(str(job.result), str(tmp_path / "missing" / "log"), ["true"])
    job.process = subprocess.Popen(command, env=job.environment)
    assert job.end()[1]["state"] == "spawn_failed"


def test_a_log_is_added_to(job: Shimmed) -> None:
    job.log.write_text("before\n")
    job.start("echo", "after").end()
    assert job.log.read_text() == "before\nafter\n"


def test_a_pipe_that_is_closed_ends_the_job(job: Shimmed) -> None:
    reading, writing = os.pipe()
    command = shim.command(
        str(job.result), str(job.log), ["sh", "-c", LINGERING], grace_s=0.5, alive=reading
    )
    job.process = subprocess.Popen(command, env=job.environment, pass_fds=(reading,))
    os.close(reading)
    job.until(6)
    os.close(writing)
    code, result = job.end()
    assert (code, result["state"]) == (143, "killed")


def test_the_result_is_seen_whole_or_not_at_all(job: Shimmed) -> None:
    job.start("true")
    assert job.process
    while job.process.poll() is None:
        if job.result.exists():
            assert json.loads(job.result.read_text())["rc"] == 0
    assert job.end()[1]["state"] == "exited"
    assert sorted(path.name for path in job.folder.iterdir()) == ["log", "result.json"]


def test_parents_are_found_without_proc(monkeypatch: pytest.MonkeyPatch) -> None:
    if not os.path.exists("/bin/ps"):
        pytest.skip("no ps")
    with monkeypatch.context() as patch:
        patch.setattr(os.path, "isdir", lambda path: False)
        found = set(shim._parents())
    assert (os.getpid(), os.getppid()) in found


def test_usage_is_one_line_on_a_wrong_call() -> None:
    wrong = [sys.executable, "-I", "-S", shim.__file__]
    ran = subprocess.run(wrong, capture_output=True, check=False)
    assert ran.returncode == 2
    assert ran.stderr.startswith(b"python -I -S shim.py RESULT.json")
