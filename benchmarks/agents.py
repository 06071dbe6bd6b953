"""What agents that think cost the supervisor, and whether chaos loses or doubles anything.

Everything goes over HTTP to a service that is played by another process (the load) or thread
(the rest); models think in no time, so that all that is measured is ours and the SDK's.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import multiprocessing
import re
import resource
import tempfile
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from typing import Any

from benchmarks.report import Report, Row

from autores import opening as opening_module
from autores.agent import Section, SessionBrief
from autores.context import fit, render
from autores.events import Charged
from autores.gatekeeper import DirectGates
from autores.lineage.store import Query
from autores.opening import opened
from autores.plugins.agents.anthropic import agent as anthropic_agent
from autores.stop import Stop
from autores.supervise import supervise
from autores.testing.fake_anthropic import (
    KEY,
    Chaos,
    Competent,
    FakeAnthropic,
    Reply,
    Request,
    text,
    tool_use,
)
from autores.testing.runs import Opening, stage

SESSIONS = 64
CONTEXT_BYTES = 200_000
WINDOW_S = 30.0
EVENT_PAUSE_S = 0.1
"""Between two events of a stream: ten deltas a second and session, 60 tokens or so."""
CHAOS_SESSIONS = 500
CHAOS_SHARE = 0.2
TRIALS = 20_000
HYPOTHESIS_BYTES = 100_000
BATCH = 100
LOAD = (
    f"load: {SESSIONS} sessions, {CONTEXT_BYTES:,} bytes of context each, an event every "
    f"{EVENT_PAUSE_S:g} s in each stream, for {WINDOW_S:g} s, after a pause for warming up"
)
CHAOS = (
    "chaos: every fault of the played service: refusals (408, 429, 500, 503, 529), hang-ups, "
    "resets, malformed events, errors in the stream, streams without an end, no answer"
)


def run() -> Report:
    """All figures of this benchmark."""
    rows = [*_load(), *_cache(), *_chaos(), *_context()]
    return Report(title="Agents that think", rows=rows, notes=(LOAD, CHAOS))


# --------------------------------------------------------------------------------- load


class Chatty:
    """Streams an answer for as long as anybody listens, and looks at a file between two."""

    def __call__(self, request: Request) -> Reply:
        """Some seconds of text, then a call."""
        said = "All of this deserves a thought. " * 12
        look = tool_use("list_files")
        return Reply(content=(text(said), look), pause=EVENT_PAUSE_S, chunk=24)


def _serve(pipe: Pipe) -> None:
    with FakeAnthropic(Chatty(), remembers=False) as api:
        pipe.send(api.url)
        pipe.recv()


def _load() -> Iterator[Row]:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    service = context.Process(target=_serve, args=(theirs,), daemon=True)
    service.start()
    try:
        with tempfile.TemporaryDirectory() as folder:
            yield from asyncio.run(_many_sessions(Path(folder), ours.recv()))
    finally:
        ours.send("enough")
        service.join(10)


async def _many_sessions(folder: Path, url: str) -> list[Row]:
    asked = _asked(folder, url, sessions=SESSIONS)
    async with stage(asked) as at:
        long = "x" * 78 + "\n"
        sessions = [at.session() for _ in range(SESSIONS)]
        for session in sessions:
            session._context = long * (CONTEXT_BYTES // len(long))
        works = [asyncio.ensure_future(at.run.agent.run(session)) for session in sessions]
        await asyncio.sleep(10.0)  # connections, and prompts on their way
        before, begun = time.process_time(), time.monotonic()
        seen = _turns(at.run.folder.root)
        await asyncio.sleep(WINDOW_S)
        cpu, wall = time.process_time() - before, time.monotonic() - begun
        turns = _turns(at.run.folder.root) - seen
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        for work in works:
            work.cancel()
        ended = await asyncio.gather(*works, return_exceptions=True)
        failed = [e for e in ended if not isinstance(e, asyncio.CancelledError)]
        retried = _kinds(at.run.folder.root).get("retry", 0)
    each = f"{SESSIONS} sessions, {turns / wall:.1f} answers a second"
    return [
        Row(name=f"CPU of the supervisor, {each}", value=100 * cpu / wall, unit="% of a core",
            limit=60.0),
        Row(name="memory of the supervisor, peak", value=peak, unit="MiB", limit=400.0),
        Row(name="sessions that failed, streams that broke", value=len(failed) + retried,
            unit="", limit=0.0, samples=SESSIONS),
    ]  # fmt: skip


def _kinds(root: Path) -> dict[str, int]:
    counts: dict[str, int] = {}
    for event in _transcripts(root):
        counts[event["kind"]] = counts.get(event["kind"], 0) + 1
    return counts


def _turns(root: Path) -> int:
    return _kinds(root).get("turn", 0)


def _transcripts(root: Path) -> Iterator[dict[str, Any]]:
    for path in (root / "sessions").rglob("*.jsonl"):
        for line in path.read_text().splitlines():
            with contextlib.suppress(ValueError):  # a line that is being written
                yield json.loads(line)


def _asked(folder: Path, url: str, **settings: Any) -> Opening:
    return Opening.of(
        folder,
        {"ANTHROPIC_API_KEY": KEY},
        agent="anthropic",
        agent__anthropic__base_url=url,
        agent__anthropic__turns=10_000,
        **settings,
    )


# -------------------------------------------------------------------------------- cache


def _cache() -> list[Row]:
    """How much of the system prompt and the tools two sessions have in common, byte by byte."""
    with tempfile.TemporaryDirectory() as folder, FakeAnthropic(Competent()) as api:
        prompts = asyncio.run(_prompts(_asked(Path(folder), api.url)))
    first, same, other = prompts
    return [
        Row(name="system bytes that differ, two sessions of one specialist",
            value=100 * (1 - _common(first, same)), unit="%", limit=5.0),
        Row(name="system bytes that differ, two specialists of one task",
            value=100 * (1 - _common(first, other)), unit="%", limit=20.0),
    ]  # fmt: skip


async def _prompts(asked: Opening) -> list[bytes]:
    async with stage(asked) as at:
        names = list(at.run.specialists)
        sessions = [at.session(name) for name in (names[0], names[0], names[1])]
        tools = json.dumps([[t.name, t.description, t.schema] for t in at.run.tools.values()])
        return [f"{tools}{session.system}".encode() for session in sessions]


def _common(first: bytes, second: bytes) -> float:
    pairs = enumerate(zip(first, second, strict=False))
    shared = next((n for n, (a, b) in pairs if a != b), min(len(first), len(second)))
    return shared / max(len(first), len(second))


# -------------------------------------------------------------------------------- chaos


class Witness(Competent):
    """Sees from the other side which submissions were confirmed."""

    def __init__(self) -> None:
        super().__init__()
        self.confirmed: set[int] = set()

    def __call__(self, request: Request) -> Reply:
        """Look at the newest answers, then think."""
        told = json.dumps(request.messages[-1])
        self.confirmed.update(map(int, re.findall(r"submitted as trial (\d+)", told)))
        return super().__call__(request)


def _chaos() -> list[Row]:
    witness = Witness()
    brain = Chaos(witness, CHAOS_SHARE, seed=7)
    service = FakeAnthropic(brain, remembers=False)
    with tempfile.TemporaryDirectory() as name, service as api, _hurried():
        asked = _asked(
            Path(name), api.url, sessions=8, max_trials=CHAOS_SESSIONS, specialists="optim,reg"
        )
        begun = time.monotonic()
        found = asyncio.run(_supervised(asked))
        wall = time.monotonic() - begun
        key = KEY.encode()
        leaks = sum(key in p.read_bytes() for p in Path(name).rglob("*") if p.is_file())
        told = api.sent
    # A session that ends with the run may not have heard of its last submission.
    unfounded = len(witness.confirmed - found["numbers"])
    ledger, spent = found["charged"], found["spent"]
    differs = sum(
        abs(a - b)
        for a, b in (
            (ledger.input_tokens, told.input_tokens),
            (ledger.output_tokens, told.output_tokens),
            (ledger.cache_read_tokens, told.cache_read_input_tokens),
            (ledger.cache_write_tokens, told.cache_creation_input_tokens),
            (ledger.tokens, spent.tokens),
        )
    )
    count = CHAOS_SESSIONS
    return [
        Row(name=f"chaos: requests that failed, of {api.count:,}",
            value=100 * brain.failed / api.count, unit="%", samples=api.count),
        Row(name="chaos: submissions lost or recorded twice",
            value=unfounded + found["lost"] + found["doubled"], unit="", limit=0.0,
            samples=found["trials"]),
        Row(name="chaos: tokens by which the ledger differs from what was sent", value=differs,
            unit="", limit=0.0, samples=told.prompt + told.output_tokens),
        Row(name="chaos: sessions that ended without a submission",
            value=max(0, found["sessions"] - found["trials"]), unit="", samples=count),
        Row(name="chaos: files with a secret in them", value=leaks, unit="", limit=0.0),
        Row(name="chaos: sessions a second", value=found["sessions"] / wall, unit="/s"),
    ]  # fmt: skip


@contextlib.contextmanager
def _hurried() -> Iterator[None]:
    """Pauses of milliseconds, and gates without a worker: neither is what is measured."""
    kept = anthropic_agent.FIRST_PAUSE, anthropic_agent.LONGEST_PAUSE, opening_module.Gatekeeper
    anthropic_agent.FIRST_PAUSE, anthropic_agent.LONGEST_PAUSE = 0.001, 0.002
    opening_module.Gatekeeper = DirectGates  # type: ignore[assignment,misc]
    try:
        yield
    finally:
        anthropic_agent.FIRST_PAUSE, anthropic_agent.LONGEST_PAUSE = kept[:2]
        opening_module.Gatekeeper = kept[2]  # type: ignore[misc]


async def _supervised(asked: Opening) -> dict[str, Any]:
    folder, loaded = asked.begin()
    async with opened(folder, loaded) as found:
        with contextlib.redirect_stdout(None):
            await supervise(found, Stop())
        store = found.run.store
        head = store.head()
        trials = store.query(Query())[1:]
        calls = [(t.submission.session, t.submission.call) for t in trials]
        charged = sum(
            (e.body.cost for e in store.since(0, limit=10**6) if isinstance(e.body, Charged)),
            start=type(head.spent)(),
        )
        return {
            "trials": len(trials),
            "doubled": len(calls) - len(set(calls)),
            "charged": charged,
            "spent": head.spent,
            "numbers": {trial.id for trial in trials},
            "lost": _kinds(folder.root)["proposal"] - len(trials),
            "sessions": len(list(folder.sessions.glob("*.jsonl"))),
        }


# ------------------------------------------------------------------------------ context


def _context() -> list[Row]:
    """A session that begins after many trials with very long hypotheses."""
    with tempfile.TemporaryDirectory() as folder:
        sections, seconds = asyncio.run(_told_late(Opening.of(Path(folder))))
    over = sum(max(0, len(fit(section).encode()) - section.cap) for section in sections)
    return [
        Row(name=f"context after {TRIALS:,} trials, bytes over its budgets", value=over, unit="B",
            limit=0.0, samples=TRIALS),
        Row(name="the same, all of it", value=len(render(sections).encode()) / 1024, unit="KiB",
            limit=sum(section.cap for section in sections) / 1024),
        Row(name="the same, time to render", value=1000 * seconds, unit="ms"),
    ]  # fmt: skip


async def _told_late(asked: Opening) -> tuple[list[Section], float]:
    async with stage(asked) as at:
        _fill(at.run)
        session: SessionBrief = at.session().brief
        view = at.run.view().for_session(session.id, 0)
        begun = time.perf_counter()
        found = at.run.plugins.hook.autores_context(
            view=view, session=session, settings=at.run.settings
        )
        sections = [section for several in found for section in several]
        render(sections)
        return sections, time.perf_counter() - begun


def _fill(run: Any) -> None:
    """Finished trials: one in twenty was measured and leads, the rest the gates have refused."""
    from autores.events import Accepted, Body, Decided, Evaluated, Gated, Head, Started
    from autores.records import Decision, Evaluation, Outcome, Purpose, Submission
    from autores.status import Cause, Verdict

    hypothesis = "ünïcödé " * (HYPOTHESIS_BYTES // 12)
    commit = run.store.get(0).submission.commit

    def bodies(number: int) -> list[Body]:
        submission = Submission(
            commit=commit, tree=f"{number:040x}", parents=(0,), hypothesis=hypothesis, notes=hypothesis[:200],
            specialist="optim", session=f"past{number}", call="1",
        )  # fmt: skip
        look = Evaluation(trial=number, ordinal=0, purpose=Purpose.FIRST, commit=commit, seeds=(1,))
        outcome = Outcome(cause=Cause.VALID, score=1.0, counts={"close": 90, "asked": 200})
        decided = Decision(verdict=Verdict.LEAD, policy="benchmark")
        accepted = Accepted(trial=number, submission=submission)
        if number % 20:
            return [accepted, Gated(trial=number, cause=Cause.ILLEGAL)]
        return [
            accepted,
            Gated(trial=number),
            Started(evaluation=look),
            Evaluated(trial=number, ordinal=0, outcome=outcome),
            Decided(trial=number, decision=decided),
        ]

    def build(head: Head) -> list[Body]:
        return [body for n in range(BATCH) for body in bodies(head.next_trial + n)]

    for _ in range(TRIALS // BATCH):
        run.store.append(build)
