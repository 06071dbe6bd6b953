"""What containment costs: to start, while it runs, and until the last process is dead."""

from __future__ import annotations

import shutil
import statistics
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.report import Report, Row, median_seconds

from autores.evaluator.sandbox import Cell, Level
from autores.evaluator.sandbox.base import HostSandbox
from autores.evaluator.sandbox.environment import discover
from autores.evaluator.sandbox.reaper import processes
from autores.evaluator.sandbox.selection import KINDS, choose, enter

STARTS, PHASES, DEADLINES, CHOICES = 50, 5, 5, 5
DAEMONS = 300
START_LIMIT_MS = 10.0
END_LIMIT_MS = {Level.FULL: 250.0, Level.PARTIAL: 1000.0}
SLOWDOWN_LIMIT = 1.03
"""What two runs of the same loop differ by here."""
NOW = ("/bin/date", "+%s%N")
LOOP = """
import time
def chunk():
    start, total = time.process_time(), 0
    for number in range(3_600_000):
        total += number & 7
    return time.process_time() - start
print(20 * min(chunk() for _ in range(20)))
"""
"""About two seconds; the best twentieth stands for all, for others use this machine too."""
SPREAD = """
import os, signal, sys, time
for _ in range(int(sys.argv[1])):
    if os.fork() == 0:
        os.setsid()
        if os.fork():
            os._exit(0)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        os.write(1, b"x")
        time.sleep(600)
    os.wait()
time.sleep(600)
"""


@dataclass(slots=True)
class Bench:
    """The sandboxes of this machine, beside a plain subprocess."""

    sandboxes: Mapping[str, HostSandbox]
    folder: Path
    made: int = field(default=0)

    def cell(self, *argv: str) -> Cell:
        """A cell with folders of its own."""
        self.made += 1
        out = self.folder / f"out{self.made}"
        out.mkdir()
        return Cell(argv=argv, code=self.folder, out=out, processes=2 * DAEMONS)

    def run(self, sandbox: HostSandbox | None, *argv: str) -> str:
        """What a command prints, contained or not."""
        if sandbox is None:
            first = sys.executable if argv[0] == "python" else argv[0]
            return subprocess.check_output([first, *argv[1:]], text=True)
        running = sandbox.spawn(self.cell(*argv))
        ending = running.wait(60)
        if ending is None or ending.code != 0:
            raise RuntimeError(f"{ending}: {running.output}")
        return running.output.head.decode()

    def both(self, argv: Sequence[str], times: int) -> dict[str, list[tuple[int, str, float]]]:
        """Run a command in turns: when it was started, what it printed, when it had ended."""
        ways = {"": None, **self.sandboxes}
        seen: dict[str, list[tuple[int, str, float]]] = {name: [] for name in ways}
        for _ in range(times):
            for name, sandbox in ways.items():
                began, start = time.time_ns(), time.perf_counter()
                printed = self.run(sandbox, *argv)
                seen[name].append((began, printed, time.perf_counter() - start))
        return seen


def starts(bench: Bench) -> Iterator[Row]:
    """From the call until the command runs; and until it has ended and is buried."""
    seen = bench.both(NOW, STARTS)
    begun = {
        name: statistics.median((int(printed) - began) / 1e6 for began, printed, _ in rows)
        for name, rows in seen.items()
    }
    ended = {name: 1000 * statistics.median(row[2] for row in rows) for name, rows in seen.items()}
    plain = "plain subprocess"
    for name in bench.sandboxes:
        yield Row(
            name=f"{name}: start",
            value=begun[name],
            unit="ms",
            baseline=begun[""],
            compared_with=plain,
            limit=begun[""] + START_LIMIT_MS,
            samples=STARTS,
        )
    for name in bench.sandboxes:
        yield Row(
            name=f"{name}: start to burial",
            value=ended[name],
            unit="ms",
            baseline=ended[""],
            compared_with=plain,
            samples=STARTS,
        )


def phases(bench: Bench) -> Iterator[Row]:
    """CPU seconds of one loop, the best of a few."""
    seen = bench.both(("python", "-c", LOOP), PHASES)
    best = {name: min(float(printed) for _, printed, _ in rows) for name, rows in seen.items()}
    for name in bench.sandboxes:
        yield Row(
            name=f"{name}: CPU-bound phase",
            value=best[name],
            unit="s",
            baseline=best[""],
            compared_with="plain subprocess",
            limit=SLOWDOWN_LIMIT * best[""],
            samples=PHASES,
        )


def deadlines(bench: Bench) -> Iterator[Row]:
    """From the deadline until the last of many daemons is dead."""
    for name, sandbox in bench.sandboxes.items():
        yield Row(
            name=f"{name}: {DAEMONS} daemons dead after",
            value=statistics.median(_deadline(bench, sandbox) for _ in range(DEADLINES)),
            unit="ms",
            limit=END_LIMIT_MS.get(sandbox.level),
            samples=DEADLINES,
        )


def _deadline(bench: Bench, sandbox: HostSandbox) -> float:
    mark = f"daemons-{time.monotonic_ns()}"
    spread = ("python", "-c", textwrap.dedent(SPREAD), str(DAEMONS), mark)
    running = sandbox.spawn(bench.cell(*spread))
    while running.output.size < DAEMONS:
        if ending := running.wait(0.01):
            raise RuntimeError(f"{ending}: {running.output}")
    start = time.perf_counter()
    running.kill()
    took = time.perf_counter() - start
    if left := _marked(mark):
        raise RuntimeError(f"{len(left)} processes survived")
    return 1000 * took


def _marked(mark: str) -> list[int]:
    lines = ((process.pid, Path(f"/proc/{process.pid}/cmdline")) for process in processes())
    return [pid for pid, path in lines if path.exists() and mark.encode() in path.read_bytes()]


def choices() -> Iterator[Row]:
    """Choosing a level: with every probe, and from what an earlier choice remembers."""
    for what, fresh in (("probes of the best level", True), ("a choice that is remembered", False)):
        seconds = median_seconds(lambda fresh=fresh: choose(fresh=fresh).close(), CHOICES)
        yield Row(name=what, value=1000 * seconds, unit="ms", samples=CHOICES)


def available(stack: ExitStack) -> Iterator[tuple[str, HostSandbox]]:
    """Every way to contain that works here."""
    environment = discover(())
    for kind in KINDS:
        try:
            sandbox = stack.enter_context(enter(kind, environment))
        except OSError as error:
            print(f"left out: {kind.__name__.lower()}: {error}", file=sys.stderr)
        else:
            yield f"{kind.level.value} ({kind.__name__.lower()})", sandbox


def run() -> Report:
    """Measure; takes about a minute and a half."""
    folder = Path(tempfile.mkdtemp(prefix="autores-bench-"))
    folder.chmod(0o755)
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        bench = Bench(dict(available(stack)), folder)
        rows = [*starts(bench), *phases(bench), *deadlines(bench), *choices()]
    return Report(
        title="containment, at every level that works here",
        rows=rows,
        notes=[
            "start: until the command reads the clock; all in turns; medians, of phases the best"
        ],
    )
