"""Real trials of recipes that no search has chosen, for surrogates to be fitted to.

    python -m benchmarks.evolve_table --task airbench --profile micro --minutes 40

measures such a table with the real evaluator, or goes on with one. First the task's moves and
knobs one by one among as many Sobol points in a few of them together, then Sobol points alone,
in which genes that moved the score alone come more often. Every tenth look or so is at the seed
recipe, so that noise and drift are known.
"""

from __future__ import annotations

import argparse
import fcntl
import importlib
import json
import math
import os
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from random import Random
from typing import Any

from benchmarks.evolve_fits import FURTHEST, Chosen
from benchmarks.report import Machine

from autores.errors import UserError
from autores.evaluator.bundle import read_bundle, write_bundle
from autores.evaluator.job import run_job
from autores.evaluator.request import EvaluationRequest
from autores.evaluator.signing import KEY_BYTES, key_name, verify
from autores.evaluator.trees import FileTree
from autores.moves import Move
from autores.plugins.agents.evolve.candidates import turn
from autores.plugins.agents.evolve.genome import OFF, ON, Edit, Files, apply, move_gene
from autores.plugins.agents.evolve.knobs import Knob
from autores.plugins.agents.evolve.territory import Territory
from autores.records import Evaluation, Limits, Outcome, Purpose, Specialist, Task
from autores.status import Cause

DATA = Path(__file__).parent / "data"
EVERYBODY = Specialist(key="all", title="Everybody", surfaces=("*",))
IDLE: Mapping[str, tuple[str, ...]] = {
    "airbench": ("keep", "proxy_every", "main", "benchmark", "eps", "whiten_eps"),
    "nanochat": ("compile_on_gpu", "compiled"),
}
"""Knobs without an effect on a processor, or in profiles without a proxy net."""
EACH = 10
"""Every so many looks, one at the seed recipe."""
FAR = 1.6
"""Coordinates of a point, at most."""
MOST_GENES = 7
"""Of a point; half of the points have two or three, as most trials of a search do."""
CLEARLY = 2.5
"""Standard deviations of a look by which a gene moves the score."""
OFTEN = 4.0
"""Times as often as others such a gene comes."""
_TOLD_TWICE = ("accuracy_", "chance_")
"""Metrics by kind of question that a table leaves out: their centred form says the same."""
UNRANKED = "unranked_bits_per_byte"
"""A score of what is a little too large."""
_LEVELS = (-1.0, 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One real trial."""

    edits: tuple[Edit, ...]
    cause: str
    score: float | None = None
    counts: Mapping[str, int]
    metrics: Mapping[str, float]
    bytes: int = 0
    wall: float = 0.0
    """Of the whole trial."""
    cpu: Mapping[str, float]
    """Processor seconds by phase, start-up included: what a busy machine disturbs least."""
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Real trials of one task in one world."""

    task: str
    profile: str
    machine: Machine
    world: str
    looks: tuple[Look, ...]
    turned: int = 0
    """The last so many of the design always turn one knob up."""
    far: int = 0
    """After them, so many were chosen by a search (see `evolve_far`)."""
    each: int = 1
    """Looks meant at each point besides the seed recipe; their mean counts."""

    @classmethod
    def read(cls, file: Path) -> Table:
        """One that was kept."""
        kept = json.loads(file.read_text())
        return cls(
            task=kept["task"],
            profile=kept["profile"],
            machine=Machine(**kept["machine"]),
            world=kept["world"],
            looks=tuple(_look(row) for row in kept["looks"]),
            turned=kept.get("turned", 0),
            far=kept.get("far", 0),
            each=kept.get("each", 1),
        )

    @property
    def chosen(self) -> tuple[Chosen, ...]:
        """How each look was."""
        near = len(self.looks) - self.turned - self.far
        return (
            *((Chosen.NEAR,) * near),
            *((Chosen.TURNED,) * self.turned),
            *((Chosen.FAR,) * self.far),
        )

    def write(self, file: Path) -> None:
        """Keep it, a line for each trial."""
        rows = ",\n".join(json.dumps(_row(look), sort_keys=True) for look in self.looks)
        head = {
            "task": self.task,
            "profile": self.profile,
            "machine": asdict(self.machine),
            "world": self.world,
            "turned": self.turned,
            "far": self.far,
            "each": self.each,
        }
        text = json.dumps(head, indent=1).removesuffix("\n}")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f'{text},\n "looks": [\n{rows}\n]}}\n')


def far_file(file: Path) -> Path:
    """Where a search keeps what it adds to a table."""
    return file.parent / "far" / file.name


def whole_table(file: Path) -> Table:
    """A table and what a search added to it."""
    table, further = Table.read(file), far_file(file)
    if not further.exists():
        return table
    added = Table.read(further)
    looks = added.looks if added.world == table.world else tuple(_brought(added.looks, table))
    return replace(table, looks=(*table.looks, *looks), far=table.far + len(looks))


def _brought(looks: Sequence[Look], table: Table) -> Iterator[Look]:
    """Looks of another world as multiples of what the seed recipe has in a table's."""
    here, there = _at_seed(looks), _at_seed(table.looks)
    both = {name for name in here.keys() & there.keys() if here[name]}
    factors = {name: there[name] / here[name] for name in both}
    factors[UNRANKED] = score = factors.get("score", 1.0)
    for look in looks:
        metrics = {name: value * factors.get(name, 1.0) for name, value in look.metrics.items()}
        yield replace(look, score=look.score and look.score * score, metrics=metrics)


def _at_seed(looks: Sequence[Look]) -> dict[str, float]:
    """Medians of what the seed recipe's looks tell."""
    told = [{**x.metrics, "score": x.score} for x in looks if not x.edits and x.score is not None]
    names = set.intersection(*map(set, told)) if told else set()
    return {name: statistics.median(one[name] for one in told) for name in names}


def _look(row: Mapping[str, Any]) -> Look:
    edits = tuple(Edit(gene=gene, old=old, new=new) for gene, old, new in row["edits"])
    return Look(**{**row, "edits": edits})


def _row(look: Look) -> dict[str, Any]:
    return {**asdict(look), "edits": [[e.gene, e.old, e.new] for e in look.edits]}


# ------------------------------------------------------------------------------ measuring


def plugin_of(task: str) -> Any:
    """A bundled task's module."""
    return importlib.import_module(f"autores.tasks.{task}.plugin")


def recipe_of(task: str, profile: str) -> tuple[Task, dict[str, Move], Files]:
    """A task, its moves, and the files of its seed recipe."""
    plugin = plugin_of(task)
    found: Task = plugin.autores_task(profile)
    root = Path(found.recipe.path)
    files = {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*.py"))}
    return found, {move.name: move for move in plugin.autores_moves(found)}, files


class Bench:
    """Looks at recipes of one task, each in a process of its own as in a run."""

    def __init__(self, task: str, profile: str, folder: Path, patience: float = 1.0) -> None:
        self.plugin = plugin_of(task)
        self.task, self.moves, self.files = recipe_of(task, profile)
        self.folder = folder
        limits: Limits = self.plugin.autores_budget(self.task)
        self.limits = replace(limits, wall={k: patience * s for k, s in limits.wall.items()})
        self.world = self.plugin.autores_prepare(self.task, folder)

    def look(self, edits: Sequence[Edit]) -> Look | None:
        """Measure the seed recipe with some edits; None where they cannot be made together."""
        files = apply(self.files, edits, self.moves)
        return None if files is None else self.look_at(files, edits)

    def look_at(self, files: Files, edits: Sequence[Edit] = ()) -> Look:
        """Measure a recipe."""
        begun = time.monotonic()
        outcome = self._outcome(files)
        return Look(
            edits=tuple(edits),
            cause=outcome.cause.value,
            score=outcome.score,
            counts=outcome.counts,
            metrics={
                name: round(value, 6)
                for name, value in outcome.metrics.items()
                if not name.startswith(_TOLD_TWICE)
            },
            bytes=outcome.artifact.total_bytes if outcome.artifact else 0,
            wall=round(time.monotonic() - begun, 2),
            cpu={m.phase: round(m.cpu, 3) for m in outcome.measurements},
            detail=outcome.detail[:120],
        )

    def _outcome(self, files: Files) -> Outcome:
        tree = FileTree(dict(files))
        evaluation = Evaluation(
            trial=1,
            ordinal=0,
            purpose=Purpose.FIRST,
            commit="c",
            seeds=tuple(int.from_bytes(os.urandom(4)) for _ in range(self.task.seeds)),
            world=self.world,
        )
        request = EvaluationRequest(
            evaluation=evaluation,
            tree=tree.id,
            task=self.task,
            plugin=self.plugin.__name__,
            limits=self.limits,
            data_dir=str(self.folder),
            secret=os.urandom(16).hex(),
        )
        key = os.urandom(KEY_BYTES)
        with tempfile.TemporaryDirectory(prefix="autores-bench-") as work:
            bundle = Path(work, "bundle")
            write_bundle(bundle, [request], {"c": files})
            run_job(read_bundle(bundle), {key_name(evaluation): key}, Path(work))
            return verify(Path(work, "0.json").read_bytes(), key, evaluation, tree.id)


def design(
    bench: Bench,
    seed: int = 0,
    looks: Sequence[Look] = (),
    *,
    alone: bool = True,
    always: str | None = None,
) -> Iterator[tuple[Edit, ...]]:
    """Points without end: the single edits among as many Sobol points, then points alone.

    Args:
        bench: What is measured.
        seed: Of the design.
        looks: Grows while the design is measured; the single edits in it say what matters.
        alone: Whether to begin with single edits.
        always: A knob that every point turns up, and nothing but such points.
    """
    knobs = Territory(bench.task, EVERYBODY, bench.files, IDLE.get(bench.task.name, ())).knobs({})
    made = [Edit(gene=move_gene(name), old=OFF, new=ON) for name in sorted(bench.moves)]
    singles = [*made, *(edit for knob in knobs for edit in _levels(knob))]
    Random(seed).shuffle(singles)
    if always is not None and always not in {knob.gene for knob in knobs}:
        raise UserError(f"{bench.task.name} has no knob {always}")
    points = _points(knobs, made, seed, {})
    for number, single in enumerate(singles if alone and always is None else ()):
        if number % EACH == 0:
            yield ()
        yield (single,)
        yield next(points)
    points = _points(knobs, made, seed + (1 if always is None else 2), _weights(looks), always)
    for number, point in enumerate(points):
        if number % EACH == 0:
            yield ()
        yield point


def _weights(looks: Sequence[Look]) -> dict[str, float]:
    """Genes that moved the score alone."""
    scores: dict[tuple[Edit, ...], list[float]] = {
        edits: [] for edits in ((), *(x.edits for x in looks if len(x.edits) == 1))
    }
    for look in looks:
        if look.edits in scores and look.score is not None:
            scores[look.edits].append(look.score)
    at_seed = scores.pop((), [])
    if len(at_seed) < 2:
        return {}
    level, noise = statistics.median(at_seed), statistics.stdev(at_seed)
    return {
        edit.gene: OFTEN
        for (edit,), seen in scores.items()
        if seen and abs(seen[0] - level) > CLEARLY * noise
    }


def _levels(knob: Knob) -> Iterator[Edit]:
    scale = knob.scale
    values = knob.choices if scale is None else tuple(map(scale.value, _LEVELS))
    yield from filter(None, (turn(knob, value) for value in dict.fromkeys(values)))


def _points(
    knobs: Sequence[Knob],
    made: Sequence[Edit],
    seed: int,
    weights: Mapping[str, float],
    always: str | None = None,
) -> Iterator[tuple[Edit, ...]]:
    """Sobol points: how many genes, which ones, and how far; one may come always, and further."""
    from torch.quasirandom import SobolEngine

    genes: list[Knob | Edit] = [*knobs, *made]
    engine = SobolEngine(1 + 2 * len(genes), scramble=True, seed=seed)
    while True:
        many, *rest = engine.draw(1)[0].tolist()
        waits = [
            -math.log(max(1e-9, 1 - u)) for u in rest[: len(genes)]
        ]  # the first to come are taken
        order = sorted(range(len(genes)), key=lambda i: waits[i] / weights.get(genes[i].gene, 1.0))
        chosen = order[: 2 + int(many**2 * (MOST_GENES - 1))]
        far = [i for i, gene in enumerate(genes) if gene.gene == always]
        chosen = far + [i for i in chosen if i not in far]
        edits = (_drawn(genes[i], rest[len(genes) + i], further=i in far) for i in sorted(chosen))
        yield tuple(edit for edit in edits if edit is not None)


def _drawn(gene: Knob | Edit, share: float, *, further: bool = False) -> Edit | None:
    if isinstance(gene, Edit):
        return gene
    if gene.scale is None:
        return turn(gene, gene.choices[int(share * len(gene.choices))])
    return turn(gene, gene.scale.value(FURTHEST * share if further else FAR * (2 * share - 1)))


@contextmanager
def _turn(lock: Path | None) -> Iterator[None]:
    """Wait for others who measure on this machine and take the same lock."""
    if lock is None:
        yield
        return
    with lock.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def measure(
    bench: Bench,
    minutes: float,
    file: Path,
    lock: Path | None = None,
    *,
    alone: bool = True,
    always: str | None = None,
) -> None:
    """Measure for some time, after what the table holds; it is kept after each trial."""
    until = time.monotonic() + 60 * minutes
    table = Table.read(file) if file.exists() else begun(bench)
    if table.world != bench.world:
        raise UserError(f"{file} is of another world; say --world, or remove it to begin anew")
    if table.turned and always is None:
        raise UserError(f"{file} has trials that always turn one knob up; go on with --always")
    if table.far:
        raise UserError(f"{file} has trials that a search chose; its design has ended")
    bench.look(())  # what is cold reads from the disk on time that is for training
    looks = list(table.looks)
    known = Counter(look.edits for look in looks)
    for edits in design(bench, looks=looks, alone=alone, always=always):
        if time.monotonic() > until:
            break
        if known[edits] > 0:
            known[edits] -= 1
            continue
        with _turn(lock):
            look = bench.look(edits)
        if look is not None and look.cause != Cause.HARNESS.value:
            looks.append(look)
            table = replace(table, looks=tuple(looks), turned=table.turned + (always is not None))
            print(len(looks), look.cause, look.score, dict(look.counts), look.wall, file=sys.stderr)
            table.write(file)


def measure_again(bench: Bench, file: Path, like: Table, each: int) -> None:
    """Look at each of a table's points until there are so many looks; several may do so at once.

    Those looked at least come first. What ended early is not looked at again. A file of another
    world, or none, is begun anew.
    """
    bench.look(())
    empty = replace(begun(bench), each=each)
    lock = bench.folder.with_suffix(".lock")
    points = tuple(dict.fromkeys(look.edits for look in like.looks if look.edits))
    random = Random(os.urandom(8))
    table = added(empty, file, lock)
    while (edits := _least_looked_at(table, points, random)) is not None:
        look = bench.look(edits)
        looks = [] if look is None or look.cause == Cause.HARNESS.value else [look]
        table = added(empty, file, lock, *looks)
        print(len(table.looks), *(f"{x.cause} {x.score} {x.wall}" for x in looks), file=sys.stderr)


def _least_looked_at(
    table: Table, points: Sequence[tuple[Edit, ...]], random: Random
) -> tuple[Edit, ...] | None:
    """The next point; the seed recipe in its turn; None where there are enough looks."""
    done = Counter(look.edits for look in table.looks)
    if EACH * done[()] <= len(table.looks):
        return ()
    ended = {look.edits for look in table.looks if look.cause != Cause.VALID.value}
    left = [edits for edits in points if done[edits] < table.each and edits not in ended]
    least = min((done[edits] for edits in left), default=0)
    return random.choice([edits for edits in left if done[edits] == least]) if left else None


def added(empty: Table, file: Path, lock: Path, *looks: Look) -> Table:
    """A table that others write too, with these looks."""
    with _turn(lock):
        kept = Table.read(file) if file.exists() else empty
        table = kept if kept.world == empty.world else empty
        if table.turned:
            raise UserError(f"{file} has trials that always turn one knob up; it ends with these")
        table = replace(table, each=empty.each, looks=(*table.looks, *looks))
        table.write(file)
    return table


def begun(bench: Bench) -> Table:
    """A table without looks."""
    return Table(
        task=bench.task.name,
        profile=bench.task.profile,
        machine=replace(Machine.here(), cores=len(os.sched_getaffinity(0))),
        world=bench.world,
        looks=(),
    )


def main() -> int:
    """Measure a table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.evolve_table", description=__doc__)
    parser.add_argument("--task", default="airbench")
    parser.add_argument("--profile", default="micro")
    parser.add_argument("--minutes", type=float, default=40)
    parser.add_argument(
        "--world",
        type=Path,
        default=Path(tempfile.gettempdir(), "autores-table"),
        help="where its data lies; a table that goes on needs the one it began with",
    )
    parser.add_argument(
        "--patience",
        type=float,
        default=1.0,
        help="so many times the limits on seconds, where no score depends on them",
    )
    parser.add_argument(
        "--points",
        action="store_true",
        help="no more single edits: where there are more than there is time for",
    )
    parser.add_argument(
        "--always",
        metavar="KNOB",
        help="nothing but points that also turn this knob up, as far as searches do",
    )
    parser.add_argument(
        "--again",
        type=int,
        metavar="N",
        help="no new points: N looks at each of those that the table has",
    )
    parser.add_argument("--like", type=Path, help="a table whose points are looked at (--again)")
    parser.add_argument("--lock", type=Path, help="a file that is locked during each trial")
    options = parser.parse_args()
    DATA.mkdir(exist_ok=True)
    file = DATA / f"{options.task}-{options.profile}.json"
    try:
        bench = Bench(options.task, options.profile, options.world, options.patience)
        if options.again:
            measure_again(bench, file, Table.read(options.like or file), options.again)
        else:
            alone, always = not options.points, options.always
            measure(bench, options.minutes, file, options.lock, alone=alone, always=always)
    except UserError as error:
        parser.error(str(error))
    return 0


if __name__ == "__main__":
    sys.exit(main())
