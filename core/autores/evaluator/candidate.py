"""One phase of a candidate: the conversation, the clock around it, and how it ended."""

from __future__ import annotations

import contextlib
import math
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from types import TracebackType
from typing import Any, NoReturn, Self

from autores.codec import canonical
from autores.evaluator.coarse import WALL_STEPS, coarse, coarsened
from autores.evaluator.curve import Curve
from autores.evaluator.failure import Failed
from autores.evaluator.harness.harness import Kind
from autores.evaluator.ranks import Ranks
from autores.evaluator.sandbox import Cell, Contained, Ending, Output, Sandbox
from autores.evaluator.sandbox.sealed import Sealed, TooLarge, Unsealable, copy_sealed
from autores.evaluator.wire import Array, BadMessage, Closed, Message, read_log
from autores.evaluator.yard import ARTIFACT, Place
from autores.records import Measurement, Point
from autores.status import Cause
from autores.text import escape_line, excerpt

LOOK_S = 0.05
"""How often the cell is looked at while its connections are silent."""
LAST_WORDS_S = 1.0
"""How long a candidate may live on after it has hung up."""
SILENT_SHARE = 0.5
"""Who says nothing for this share of the budget has stalled."""
OF_ITS_OWN = {Cause.EXITED, Cause.SIGNALLED, Cause.PROTOCOL, Cause.ARTIFACT_MISSING}
"""In a smoke run all of these are one: it does not run."""


COARSE = {
    Cause.EXITED: "ended while it was asked",
    Cause.SIGNALLED: "was ended by a signal while it was asked",
    Cause.PROTOCOL: "answered something else than was asked",
}
"""All that is told of a candidate that has seen held-out questions: details could carry them."""
HEAD_BYTES, TAIL_BYTES = 4 << 10, 12 << 10
"""Of a candidate's output, in a measurement."""


class Phase(Enum):
    """What is asked of a recipe."""

    def __init__(self, value: str, limit: str, late: Cause, late_ready: Cause) -> None:
        self._value_ = value
        self.limit = limit
        """Its name in `Limits.wall` and in measurements."""
        self.late = late
        self.late_ready = late_ready

    SMOKE = ("smoke", "smoke", Cause.SMOKE_TIME, Cause.SMOKE_TIME)
    TRAIN = ("train", "train", Cause.TRAIN_TIME, Cause.PREPARE_TIME)
    INFER = ("infer", "inference", Cause.INFERENCE_TIME, Cause.PREPARE_TIME)

    @property
    def prepare(self) -> str:
        """What preparing for it is called in measurements."""
        return f"{self.limit}_prepare"

    @property
    def prepare_metric(self) -> str:
        """The metric in which its seconds of preparing are recorded."""
        return f"{self.prepare}_seconds"


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """What a candidate is told and allowed, and where what is measured goes."""

    phase: Phase
    seed: int
    ranks: int
    sizes: Mapping[str, Any]
    prepare_wall: float
    wall: float
    free_prepare: float
    """Seconds of preparing that cost nothing."""
    scored: bool = False
    """Its seconds are the score: that bears what preparing takes too long, its time does not."""
    weight_bytes: int
    report: Callable[[Measurement], object]
    keep: Callable[[Sealed], object]


class Candidate:
    """A recipe that runs in its sandbox. Its context ends with the death of all its processes."""

    def __init__(self, sandbox: Sandbox, cell: Cell, place: Place, charge: Charge) -> None:
        """Start it.

        Raises:
            OSError: The sandbox could not be entered.
        """
        self._place, self._charge = place, charge
        self._ranks = Ranks(place.sockets, charge.ranks, self._note)
        self._curve = Curve()
        self._watch: Callable[[Point], str] | None = None
        self._hopeless = ""
        self._ended: Ending | None = None
        self._shown: Output | None = None
        self._out = os.open(place.out, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self._born = self._heard = time.monotonic()
        self._go = math.nan
        self._own = 0.0
        self.prepare_seconds = 0.0
        """From the start of the sandbox to READY."""
        try:
            self._contained: Contained = sandbox.spawn(cell)
        except BaseException:
            self._ranks.close()
            raise

    # ------------------------------------------------------------------- the conversation

    def until_ready(self) -> None:
        """Wait until all ranks have prepared.

        Raises:
            Failed: It ended, or takes too long.
        """
        until = self._born + self._charge.prepare_wall
        ready: set[int] = set()
        while len(ready) < self._charge.ranks:
            rank, message = self._next(until, self._charge.phase.late_ready)
            if message.kind is Kind.HELLO:
                self._tell(rank, Kind.JOB, self._job(), until)
            elif message.kind is Kind.READY:
                ready.add(rank)
            else:
                self._protocol(f"{message.kind.name} came before READY")
        self.prepare_seconds = time.monotonic() - self._born
        self._report(self._charge.phase.prepare, self.prepare_seconds)

    def go(self) -> None:
        """Let the data appear, tell the seed, start the clock.

        Raises:
            Failed: It ended.
        """
        self._shown = self._contained.output if self._charge.phase is Phase.INFER else None
        self._go = self._heard = time.monotonic()
        self._place.reveal()
        told = canonical({"seed": self._charge.seed, "deadline": self.deadline})
        for rank in self._ranks.connected:
            self._tell(rank, Kind.GO, told, self.deadline)

    def until_done(self, watch: Callable[[Point], str] | None = None) -> Sealed:
        """Wait until all ranks are done; stop the clock, end it, weigh and seal its artifact.

        Args:
            watch: Is shown each point that it logs; what it says ends the candidate at a gate.

        Raises:
            Failed: It ended, takes too long, was given up, or has no artifact within the limit.
        """
        self._watch = watch
        done: set[int] = set()
        while len(done) < self._charge.ranks:
            rank, message = self._next(self.deadline, self._charge.phase.late)
            if message.kind is not Kind.DONE:
                self._protocol(f"{message.kind.name} came instead of DONE")
            done.add(rank)
            self._ranks.dismiss(rank)
        self._stop()
        try:
            sealed = self._seal()
        except Failed as failure:
            self._fail(failure.cause, failure.detail)
        if self._charge.phase is Phase.TRAIN:
            self._charge.keep(sealed)
        return sealed

    def ask(self, *question: Array, shape: tuple[int, ...], rank: int = 0) -> Array:
        """Ask, and wait for the answer: one array of that shape, in private memory.

        Raises:
            Failed: It ended, takes too long, or answers something else.
        """
        begun = time.monotonic()
        self._own += begun - self._heard  # what we did since the last answer
        self._tell(rank, Kind.ASK, b"", self.deadline, question)
        _, message = self._next(self.deadline, self._charge.phase.late, rank)
        if message.kind is not Kind.ANSWER or len(message.arrays) != 1:
            self._protocol(f"{message.kind.name} came instead of one array as an answer")
        (offered,) = message.arrays
        if offered.shape != shape:
            self._protocol(f"answered {offered.shape} instead of {shape}")
        try:
            answer = self._ranks.copy(rank, offered, message)
        except BadMessage as error:
            self._protocol(str(error))
        self._heard = time.monotonic()
        return answer

    def reveal(self, *truth: Array, rank: int = 0) -> None:
        """Tell what would have been right, once the answer is here.

        Raises:
            Failed: It ended.
        """
        self._tell(rank, Kind.TRUTH, b"", self.deadline, truth)

    @property
    def deadline(self) -> float:
        """When its time is up: our own share does not count.

        Preparing beyond what is free does, but where the score counts it.
        """
        if not self._started:
            raise RuntimeError("no clock runs before go()")
        if self._charge.phase is Phase.SMOKE:
            return self._born + self._charge.wall
        charged = 0.0 if self._charge.scored else self.overtime
        return self._go + self._charge.wall - charged + self._own

    @property
    def overtime(self) -> float:
        """Seconds of preparing that are charged."""
        return max(0.0, self.prepare_seconds - self._charge.free_prepare)

    @property
    def seconds(self) -> float:
        """From GO to what was heard last, and what is charged of preparing: for the score."""
        return self._heard - self._go + self.overtime

    @property
    def told_seconds(self) -> float:
        """The same for the record of a task whose score is not time: rounded if it was asked."""
        return coarse(self.seconds, WALL_STEPS) if self._asked else self.seconds

    @property
    def _started(self) -> bool:
        return not math.isnan(self._go)

    @property
    def _asked(self) -> bool:
        """Whether it may have seen held-out questions."""
        return self._started and self._charge.phase is Phase.INFER

    # --------------------------------------------------------------------------- the end

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End it, if nothing else has, and remove its folders."""
        if self._ended is None:
            for rank in self._ranks.connected:
                with contextlib.suppress(BadMessage, TimeoutError):
                    self._ranks.send(rank, Kind.END, b"", (), time.monotonic() + LOOK_S)
        self._stop()
        os.close(self._out)
        self._place.clear()

    def _stop(self, limit: str = "") -> Ending:
        """End all of its processes and record what was measured."""
        if self._ended is None:
            self._ended = self._contained.kill()
            self._ranks.close()
            started = self._started
            phase = self._charge.phase.limit if started else self._charge.phase.prepare
            stop = self._ended.stopped_by
            wall = self._heard - (self._go if started else self._born)
            self._report(phase, wall, stop.value if stop else limit, whole=True)
        return self._ended

    def _report(self, phase: str, wall: float, limit: str = "", *, whole: bool = False) -> None:
        usage = self._contained.usage
        ended = self._ended if whole else None
        measured = Measurement(
            phase=phase,
            seed=self._charge.seed,
            wall=wall,
            cpu=usage.cpu_seconds if whole else 0.0,
            preemptions=usage.preemptions if whole else 0,
            peak_memory=usage.peak_bytes if whole else 0,
            exit=ended.code if ended and not ended.killed and not self._asked else None,
            signal=ended.signal if ended and not ended.killed and not self._asked else None,
            limit=limit,
            log=excerpt_of(self._output) if whole else "",
            points=self._curve.points if whole else (),
        )
        self._charge.report(coarsened(measured) if self._asked else measured)

    @property
    def _output(self) -> Output:
        """What may be shown: nothing that was printed once there were held-out questions."""
        return self._shown or self._contained.output

    def _seal(self) -> Sealed:
        cap = self._charge.weight_bytes
        try:
            return copy_sealed(self._out, ARTIFACT, self._place.sealed, cap=max(0, cap))
        except FileNotFoundError:
            raise Failed(Cause.ARTIFACT_MISSING, "done without an artifact") from None
        except TooLarge:
            detail = f"the artifact has more than the {cap:,} bytes that the code leaves it"
            raise Failed(Cause.ARTIFACT_BYTES, detail) from None
        except Unsealable as error:
            raise Failed(Cause.PROTOCOL, f"the artifact cannot be taken: {error}") from None

    # ------------------------------------------------------------------------- listening

    def _next(self, until: float, late: Cause, rank: int | None = None) -> tuple[int, Message]:
        """The next message of a rank, or of any; lines of logs are taken on the way."""
        while True:
            ended = self._contained.poll() is not None  # first: its last words are read below
            try:
                found = self._ranks.look(rank)
            except Closed:
                self._lost()
            except BadMessage as error:
                self._protocol(str(error))
            now = time.monotonic()
            if now > until:
                self._late(late, until)
            if self._hopeless:
                self._heard = now
                self._fail(Cause.GATE, self._hopeless)
            if found is not None:
                self._heard = now
                return found
            if ended:
                self._lost()
            self._ranks.wait(min(LOOK_S, until - now))

    def _note(self, body: bytes) -> None:
        """Take a line of a log, but none that could tell of held-out questions."""
        step, values = read_log(body)
        if self._started and not self._asked:
            point = self._curve.add(time.monotonic() - self._go, step, values)
            if self._watch is not None:
                self._hopeless = self._hopeless or self._watch(point)

    def _tell(
        self, rank: int, kind: Kind, body: bytes, until: float, arrays: tuple[Array, ...] = ()
    ) -> None:
        try:
            self._ranks.send(rank, kind, body, arrays, until)
        except TimeoutError:
            self._late(self._charge.phase.late, until)
        except BadMessage:
            self._lost()

    def _job(self) -> bytes:
        charge = self._charge
        return canonical(
            {"phase": str(charge.phase.value), "sizes": charge.sizes, "ranks": charge.ranks}
        )

    # --------------------------------------------------------------------------- failing

    def _late(self, cause: Cause, until: float) -> NoReturn:
        started = self._started
        allowed = until - (self._go if started else self._born)
        silent = until - self._heard
        if cause is Cause.INFERENCE_TIME and started and silent > SILENT_SHARE * allowed:
            cause = Cause.STALLED
        detail = f"not {'done' if started else 'ready'} within {allowed:.1f} s"
        saved = None
        self._heard = max(self._heard, until)
        self._stop(limit=cause.value)
        if started and self._charge.phase is Phase.TRAIN:
            with contextlib.suppress(Failed):
                saved = self._seal()
        self._fail(cause, detail, saved)

    def _lost(self) -> NoReturn:
        """It hung up: by its own end, or it lives on and does not keep to the protocol."""
        self._heard = time.monotonic()
        ended = self._contained.wait(LAST_WORDS_S)
        if ended is None:
            self._fail(Cause.PROTOCOL, "closed its connection")
        if ended.signal is not None:
            self._fail(Cause.SIGNALLED, f"ended by signal {ended.signal}")
        cause = Cause.EXITED if self._ranks.met else Cause.LAUNCH
        self._fail(cause, f"exit code {ended.code}{self._last_line()}")

    def _last_line(self) -> str:
        """What it said last."""
        output = self._contained.output
        lines = (output.head + output.tail).decode(errors="replace").split("\n")
        last = next((line for line in reversed(lines) if line.strip()), "")
        return f": {escape_line(last, 200)}" if last else ""

    def _protocol(self, detail: str) -> NoReturn:
        self._fail(Cause.PROTOCOL, detail)

    def _fail(self, cause: Cause, detail: str, saved: Sealed | None = None) -> NoReturn:
        stop = self._stop().stopped_by
        if stop is not None:
            raise Failed(stop.cause, f"went over the limit of {stop.value}")
        if self._charge.phase is Phase.SMOKE and cause in OF_ITS_OWN:
            raise Failed(Cause.SMOKE, detail)
        raise Failed(cause, COARSE.get(cause, detail) if self._asked else detail, saved)


def excerpt_of(output: Output) -> str:
    """Both ends of a candidate's output, escaped."""
    both = output.head + output.tail
    if output.size <= min(len(both), HEAD_BYTES + TAIL_BYTES):
        return excerpt(both, b"", 0)
    head, tail = output.head[:HEAD_BYTES], both[-TAIL_BYTES:]
    return excerpt(head, tail, output.size - len(head) - len(tail))
