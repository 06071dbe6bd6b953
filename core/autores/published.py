"""The columns of the published traces: one order for each of their three tasks, and our own."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import fmean, stdev

from autores.readmodel import Story
from autores.records import Look, Sample, Split, Trial
from autores.rows import standing
from autores.text import clean

Cell = str | int | float | None
Looks = Callable[[int], Sequence[Look]]

OWN = "own"
_BEGINNING = [
    "exp_id",
    "timestamp",
    "specialist",
    "parent_exp",
    "baseline_exp",
    "domain",
    "hypothesis",
    "expected_delta",
    "status",
]
_END = ("job_name", "snapshot_path", "notes")
LAYOUTS: Mapping[str, Sequence[str]] = {
    "parameter_golf": (
        "val_bpb",
        "delta_vs_best",
        "artifact_bytes",
        "train_s",
        "eval_s",
        "total_s",
    ),
    "cifar": ("train_s", "accuracy", "acc_std", "n_seeds", "delta_vs_best", "total_s"),
    "nanochat": ("core_metric", "val_bpb", "delta_vs_best", "train_s", "total_s"),
}
"""What stands between the status and the last columns; the first of it is the score."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A trial, and where to look up what a column says of it."""

    trial: Trial
    story: Story
    samples: Sequence[Sample] = ()
    """Of all looks that are not certificates."""

    def number(self, *names: str) -> float | None:
        """The first of several metrics that the trial has."""
        return next((self.trial.metrics[n] for n in names if n in self.trial.metrics), None)

    def phase(self, name: str) -> float | None:
        """Seconds of a phase in the first look."""
        return self.story.phases.get(self.trial.id, {}).get(name)

    @property
    def accuracies(self) -> Sequence[float]:
        """One for each seed."""
        return [s.metrics["accuracy"] for s in self.samples if "accuracy" in s.metrics]


def header_of(layout: str, story: Story) -> Sequence[str]:
    """The names of a layout's columns, in order; our own has whatever the task reports."""
    if layout in LAYOUTS:
        return (*_BEGINNING, *LAYOUTS[layout], *_END)
    seconds = ("artifact_bytes", "train_s", "eval_s", "total_s")
    score = story.task.metric.name
    return (*_BEGINNING, score, *reported(story), "delta_vs_best", *seconds, *_END)


def cells(layout: str, story: Story, looks: Looks | None) -> Iterable[Sequence[str]]:
    """The rows of a layout, without the header."""
    header = header_of(layout, story)
    score = LAYOUTS[layout][0] if layout in LAYOUTS else story.task.metric.name
    for trial in story.trials.values():
        samples = _samples(looks(trial.id)) if looks and layout in LAYOUTS else ()
        row = Row(trial=trial, story=story, samples=samples)
        known = {score: _six(story.level(trial.id))}
        yield [_plain(known.get(name) or _cell(name, row, own=score)) for name in header]


def reported(story: Story) -> Sequence[str]:
    """Names of all that trials report beside the score, in order of appearance."""
    names = dict.fromkeys(name for trial in story.trials.values() for name in trial.metrics)
    return [name for name in names if name != story.task.metric.name]


def moment(at: float | None) -> str:
    """A time as the traces write it."""
    return "" if at is None else datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _cell(name: str, row: Row, *, own: str) -> Cell:
    if name == own:
        return ""  # it has no score that ranks
    if name in _COLUMNS:
        return _COLUMNS[name](row)
    return _six(row.number(name))


def _samples(looks: Iterable[Look]) -> Sequence[Sample]:
    return [
        sample
        for look in looks
        if look.outcome is not None and look.evaluation.split is Split.EVALUATION
        for sample in look.outcome.samples
    ]


def _who(row: Row) -> str:
    return "baseline" if row.trial.id == 0 else row.trial.submission.specialist


def _notes(row: Row) -> str:
    """What the agent noted and what failed; of an import both are the same text."""
    told = dict.fromkeys((row.trial.submission.notes, row.trial.detail))
    return " | ".join(filter(None, told))


def _accuracy(row: Row) -> Cell:
    return _six(fmean(row.accuracies) if row.accuracies else row.number("accuracy"))


def _spread(row: Row) -> Cell:
    found = row.accuracies
    return _six(stdev(found) if len(found) > 1 else row.number("acc_std"))


def _seeds(row: Row) -> Cell:
    return len(row.accuracies) or _whole(row.number("n_seeds"))


def _total(row: Row) -> Cell:
    known = row.number("total_s")
    return _six(known if known is not None else row.trial.cost.seconds or None)


def _artifact(row: Row) -> Cell:
    found = row.trial.artifact
    return found.total_bytes if found else _whole(row.number("artifact_bytes"))


def _against_best(row: Row) -> str:
    """Score minus that of who was best before."""
    trial, story = row.trial, row.story
    score, best = story.level(trial.id), _best_before(trial, story)
    level = None if best is None or best == trial.id else story.level(best)
    return "" if score is None or level is None else f"{score - level:+.6f}"


def _best_before(trial: Trial, story: Story) -> int | None:
    """Who was best when the trial ended."""
    if trial.id == 0:
        return None
    at = trial.finished_at or story.ended
    found = bisect_left(story.bests, at, key=lambda change: change.at)
    return story.bests[found - 1].trial if found else None


def _six(value: float | None) -> str:
    return "" if value is None else f"{value:.6f}"


def _whole(value: float | None) -> int | None:
    return None if value is None else int(value)


def _number(trial: int | None) -> str:
    return "" if trial is None else f"{trial:03d}"


def _plain(value: Cell) -> str:
    return "" if value is None else clean(str(value), one_line=True)


_COLUMNS: Mapping[str, Callable[[Row], Cell]] = {
    "exp_id": lambda row: f"{row.trial.id:03d}",
    "timestamp": lambda row: moment(row.trial.finished_at or row.trial.accepted_at),
    "specialist": _who,
    "parent_exp": lambda row: _number(row.trial.parent),
    "baseline_exp": lambda row: _number(_best_before(row.trial, row.story)),
    "domain": _who,
    "hypothesis": lambda row: row.trial.submission.hypothesis,
    "expected_delta": lambda row: row.trial.submission.expected_delta,
    "status": lambda row: standing(row.trial),
    "val_bpb": lambda row: _six(row.number("val_bpb", "bpb", "bits_per_byte")),
    "accuracy": _accuracy,
    "acc_std": _spread,
    "n_seeds": _seeds,
    "delta_vs_best": _against_best,
    "artifact_bytes": _artifact,
    "train_s": lambda row: _six(row.phase("train")),
    "eval_s": lambda row: _six(row.phase("inference")),
    "total_s": _total,
    "job_name": lambda row: row.trial.submission.commit[:12],
    "snapshot_path": lambda row: f"trial/{row.trial.id:04d}",
    "notes": _notes,
}
"""Whatever is not here is a metric of that name."""
