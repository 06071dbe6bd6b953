"""Where attacks are let loose: a host with bait, an evaluation of an attack, and what came of it."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import attack_task
from attack_catalogue import HONEST, NO_BETTER, Attack, Terms

from autores.codec import canonical, to_json
from autores.evaluator.arena import Arena
from autores.evaluator.bundle import read_bundle, write_bundle
from autores.evaluator.coarse import coarsened
from autores.evaluator.job import run_job
from autores.evaluator.request import EvaluationRequest
from autores.evaluator.sandbox import Finding, Guarantee
from autores.evaluator.sandbox.base import HostSandbox
from autores.evaluator.sandbox.environment import Environment, discover
from autores.evaluator.sandbox.probes import Bait
from autores.evaluator.sandbox.reaper import kill, processes
from autores.evaluator.sandbox.selection import enter
from autores.evaluator.signing import key_name, verify
from autores.evaluator.single import measure
from autores.evaluator.staging import work_folder
from autores.evaluator.trees import FileTree
from autores.records import Calibration, Direction, Evaluation, Outcome, Purpose
from autores.status import Cause
from autores.text import escape

HERE = Path(__file__).parent
PLUGIN = "attack_task"
BOOT = (
    f"import sys; sys.path.insert(0, {str(HERE)!r})\n"
    "from autores.evaluator.single import main\n"
    "sys.exit(main(sys.argv[1:]))"
)
SMOKE_WALL = 8.0
COMMON = tuple(map(Path, ("/tmp", "/var/tmp", "/dev/shm", "/run")))
SECRET = "5e" * 16
LEAK = "LEAKED"
"""What an attack prints where nobody may see it."""


class Host:
    """What lies about on the machine beside an evaluation, watched for every change."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="autores-attacked-")).resolve()
        self.folder.chmod(0o755)
        self.data = self._folder("data")
        self.world = attack_task.prepare(self.data)
        self.mark = f"attack{os.urandom(6).hex()}"
        """Stands in the command line of every process of a recipe."""
        for name, mode in (
            ("lineage.db", 0o600),
            ("evaluator/score.py", 0o644),
            ("workspace/better.py", 0o644),
            ("results/0.json", 0o600),
            ("results/open.json", 0o666),
        ):
            path = self.folder / name
            self._folder(path.parent.name) if path.parent != self.folder else None
            path.write_text(f"as it was: {name}")
            path.chmod(mode)
        self._folder("shared").chmod(0o777)

    def _folder(self, name: str) -> Path:
        path = self.folder / name
        path.mkdir(mode=0o755, exist_ok=True)
        return path

    def close(self) -> None:
        """Take everything away."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def facts(self, bait: Bait) -> str:
        """What an attack is told: a candidate could find out or guess as much."""
        told: dict[str, Any] = json.loads(bait.targets({}))
        told |= {
            "mark": self.mark,
            "host": str(self.folder),
            "data": str(self.data),
            "held_out": str(self.data / "held_out"),
        }
        return "".join(f"{name.upper()} = {value!r}\n" for name, value in told.items())

    def snapshot(self) -> dict[str, tuple[int, int, bytes]]:
        """Every file and folder: mode, owner, content."""
        found = {}
        for path in sorted(self.folder.rglob("*")):
            state = path.lstat()
            content = path.read_bytes() if path.is_file() and not path.is_symlink() else b""
            if ".staging" not in path.parts and "bait" not in path.parts:
                found[str(path)] = (state.st_mode, state.st_uid, content)
        return found

    def survivors(self) -> list[int]:
        """Processes of recipes that are still alive."""
        found = []
        for process in processes():
            try:
                line = Path(f"/proc/{process.pid}/cmdline").read_bytes()
            except OSError:
                continue
            if self.mark.encode() in line and not process.dead:
                found.append(process.pid)
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """What came of an attack at one level."""

    outcome: Outcome
    breaches: tuple[str, ...]
    """What it achieved that it should not have."""
    missing: tuple[Guarantee, ...]
    """Which of the guarantees that stop it nobody holds here: the doctor says so."""
    wrong: str = ""
    """How it ended otherwise than announced, without achieving anything."""

    @property
    def silent(self) -> str:
        """A defect: it got through and nothing says so, or it ended wrongly."""
        if self.breaches:
            return "" if self.missing else "got through: " + "; ".join(self.breaches)
        excused = self.missing and self.outcome.cause is not Cause.HARNESS
        return "" if excused else self.wrong

    @property
    def word(self) -> str:
        """For the table."""
        if self.breaches:
            names = ", ".join(str(guarantee.value) for guarantee in self.missing)
            return f"NOT ENFORCED ({names})" if self.missing else "GOT THROUGH"
        if self.outcome.cause is Cause.VALID:
            return "honest score" if not self.wrong else self.wrong
        return f"stopped: {self.outcome.cause.value}"


@dataclass
class Ground:
    """One kind of sandbox on one host."""

    kind: type[HostSandbox]
    host: Host
    environment: Environment = field(default_factory=lambda: discover(("numpy",)))
    _honest: dict[str, Outcome] = field(default_factory=dict)

    @cached_property
    def findings(self) -> Sequence[Finding]:
        """What the probes showed.

        Raises:
            OSError: This machine does not offer it.
        """
        with enter(self.kind, self.environment) as sandbox:
            return sandbox.findings

    def honest(self, kind: str) -> Outcome:
        """What the honest recipe gets; measured once."""
        if kind not in self._honest:
            terms = Terms(kind=kind)
            (self._honest[kind],) = self._evaluate("from honest import run\n\nrun()\n", terms, "")
            assert self._honest[kind].cause is Cause.VALID, self._honest[kind].detail
        return self._honest[kind]

    def run(self, attack: Attack) -> Ran:
        """Let an attack loose and look at what is left."""
        honest = self.honest(attack.terms.kind)
        before = self.host.snapshot()
        with self._bait() as bait:
            outcomes = self._evaluate(attack.source, attack.terms, self.host.facts(bait), honest)
            came = [what for _, what, through in bait.came_through() if through]
            came += _stopped(bait.victim.pid)
        breaches = [*came, *self._moved(before), *self._left()]
        for outcome in outcomes:
            breaches += self._gained(outcome, honest, attack.terms.kind)
        held = {finding.guarantee for finding in self.findings if finding.holds}
        return Ran(
            outcome=outcomes[-1],
            breaches=tuple(dict.fromkeys(breaches)),
            missing=tuple(need for need in attack.needs if need not in held),
            wrong=_wrong(attack, outcomes[-1], honest),
        )

    # --------------------------------------------------------------------- evaluating

    @contextmanager
    def _bait(self) -> Iterator[Bait]:
        folder = self.host.folder / "bait"
        folder.mkdir(mode=0o755)
        try:
            with Bait(folder) as bait:
                yield bait
        finally:
            shutil.rmtree(folder)

    def _evaluate(
        self, source: str, terms: Terms, facts: str, honest: Outcome | None = None
    ) -> list[Outcome]:
        files = {
            f"{self.host.mark}.py": source.encode(),
            "honest.py": (HERE / "honest.py").read_bytes(),
            "facts.py": facts.encode(),
        }
        tree = FileTree(files)
        request = self._request(tree, terms, honest)
        evaluate = self._through_a_job if terms.job else self.in_an_arena
        return [evaluate(request, tree) for _ in range(terms.runs)]

    def in_an_arena(self, request: EvaluationRequest, tree: FileTree) -> Outcome:
        """Evaluate here, in this kind of sandbox."""
        with work_folder() as work:
            sandbox = lambda: enter(self.kind, self.environment, scratch=work)
            with Arena(request, tree, work=work, sandbox=sandbox) as arena:
                return measure(request, tree, arena)

    def _through_a_job(self, request: EvaluationRequest, tree: FileTree) -> Outcome:
        with tempfile.TemporaryDirectory(prefix="autores-job-") as name:
            folder, results = Path(name, "bundle"), Path(name, "results")
            results.mkdir()
            write_bundle(folder, [request], {request.evaluation.commit: tree})
            keys = {key_name(request.evaluation): os.urandom(32)}
            run_job(read_bundle(folder), keys, results, program=(sys.executable, "-I", "-c", BOOT))
            text = (results / "0.json").read_bytes()
            (key,) = keys.values()
            return verify(text, key, request.evaluation, tree.id)

    def _request(self, tree: FileTree, terms: Terms, honest: Outcome | None) -> EvaluationRequest:
        task = attack_task.autores_task(terms.kind)
        task = replace(task, sizes={**task.sizes, "entry": f"{self.host.mark}.py"})
        limits = attack_task.autores_budget(task)
        smoke = {"smoke": SMOKE_WALL} if terms.smoke else {}
        calibration = None
        if honest is not None:
            calibration = Calibration(task="quick", profile=terms.kind, references=honest.metrics)
        return EvaluationRequest(
            evaluation=Evaluation(
                trial=1,
                ordinal=0,
                purpose=Purpose.FIRST,
                commit="c" * 40,
                seeds=tuple(range(7, 7 + terms.seeds)),
                sandbox=str(self.kind.level.value),
            ),
            tree=tree.id,
            task=task,
            plugin=PLUGIN,
            limits=replace(limits, wall={**limits.wall, **smoke, **terms.wall}),
            data_dir=str(self.host.data),
            secret=SECRET,
            calibration=calibration,
            cpus=terms.cpus,
        )

    # ------------------------------------------------------------------------ judging

    def _moved(self, before: dict[str, Any]) -> list[str]:
        after = self.host.snapshot()
        names = {name for name in before | after if before.get(name) != after.get(name)}
        for name in names:  # as it was, for the next attack
            _restore(Path(name), before.get(name))
        return [f"changed {Path(name).name}" for name in sorted(names)]

    def _left(self) -> list[str]:
        survivors = self.host.survivors()
        for pid in survivors:
            kill(pid)
        for folder in COMMON:  # what only a weak level lets an attack leave there
            for path in folder.glob(f"*{self.host.mark}*"):
                path.unlink()
        return [f"{len(survivors)} processes survive"] if survivors else []

    def _gained(self, outcome: Outcome, honest: Outcome, kind: str) -> Iterator[str]:
        text = canonical(to_json(outcome)).decode()
        for measured in outcome.measurements:
            for line in measured.log.splitlines():
                if line.startswith("THROUGH "):
                    yield line.removeprefix("THROUGH ")
        asked = [m for m in outcome.measurements if m.phase == "inference"]
        if any(m.exit or m.signal for m in asked):
            yield "told a byte by the way it ended"
        if any(m != coarsened(m) for m in asked):
            yield "told bytes by what it used"
        if LEAK in text or self.host.world.key.hex() in text:
            yield "told what is held out"
        if any(escape(part) != part for part in _strings(to_json(outcome))):
            yield "wrote what a terminal obeys"
        if _better(outcome, honest, attack_task.autores_task(kind).metric.direction):
            yield f"score {outcome.score:.4f} instead of {honest.score:.4f}"


def _better(outcome: Outcome, honest: Outcome, direction: Direction) -> bool:
    if outcome.score is None or honest.score is None:
        return False
    return direction.gain(honest.score, outcome.score) > 0


def _wrong(attack: Attack, outcome: Outcome, honest: Outcome) -> str:
    if outcome.cause is not Cause.VALID:
        if outcome.cause in attack.causes:
            return ""
        return f"ended in {outcome.cause.value}: {outcome.detail}"
    terms = attack.terms
    for name, least in (("training", terms.training), ("inference", terms.inference)):
        if outcome.metrics[name] < least:
            return f"{outcome.metrics[name]:.2f} s of {name} are recorded, {least} were used"
    if NO_BETTER in attack.ends or (HONEST in attack.ends and outcome.score == honest.score):
        return ""
    return f"ended in a score of {outcome.score:.4f}, honest is {honest.score:.4f}"


def _stopped(pid: int) -> list[str]:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return []
    return ["stopped a process"] if state == "T" else []


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from (name, *_strings(item))
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _strings(item)


def _restore(path: Path, was: tuple[int, int, bytes] | None) -> None:
    if path.is_dir() and not path.is_symlink():
        if was is None:
            shutil.rmtree(path)
        else:
            path.chmod(was[0] & 0o7777)
        return
    path.unlink(missing_ok=True)
    if was is not None:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(was[2])
        path.chmod(was[0] & 0o7777)
