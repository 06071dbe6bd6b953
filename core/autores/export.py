"""A lineage for other programs: the chain as it is, tables, and the code as a git bundle."""

from __future__ import annotations

import csv
import json
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TextIO

from autores.codec import to_json
from autores.errors import UserError
from autores.lineage.chain import Link
from autores.lineage.store import LineageStore
from autores.published import OWN, Cell, Looks, cells, header_of, moment, reported
from autores.readmodel import Story
from autores.records import Trial
from autores.rows import standing
from autores.text import clean

_BATCH = 1000


# ------------------------------------------------------------------------------- jsonl


def jsonl(store: LineageStore) -> Iterator[str]:
    """Every event as it is hashed, one line each: whoever has them can check the chain."""
    seq = 0
    while batch := store.links(seq, limit=_BATCH):
        yield from map(_line, batch)
        seq = batch[-1].seq


def _line(link: Link) -> str:
    head = json.dumps({"seq": link.seq, "at": link.at, "kind": link.kind})
    tail = json.dumps({"previous": link.previous, "hash": link.hash})
    return f'{head[:-1]}, "body": {link.body}, {tail[1:]}\n'


# ------------------------------------------------------------------------------ tables


def write_tsv(story: Story, file: TextIO, *, layout: str = OWN, looks: Looks | None = None) -> None:
    """Write a table with the columns of the published traces, in their order.

    As there, `delta_vs_best` is score minus best, not gain.

    Args:
        story: What is written.
        file: Where to.
        layout: A task's published columns; `own` has the score under its own name after
            `status`, and after it whatever else the task reports.
        looks: The evaluations of a trial, for what is told of each seed.
    """
    if not story.trials:
        return
    file.write("\t".join(header_of(layout, story)) + "\n")
    file.writelines("\t".join(row) + "\n" for row in cells(layout, story, looks))


def write_csv(story: Story, file: TextIO) -> None:
    """Write one row a trial with all that is known of it but code and logs."""
    extra = reported(story)
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow([*_FIELDS, *(f"metrics.{name}" for name in extra)])
    for trial in story.trials.values():
        cells = [field(trial, story) for field in _FIELDS.values()]
        writer.writerow([*map(_cell, cells), *(_cell(trial.metrics.get(n)) for n in extra)])


def _cell(value: Cell) -> Cell:
    return clean(value, one_line=True) if isinstance(value, str) else value


def _decided(trial: Trial, name: str) -> Cell:
    value = getattr(trial.decision, name, None)
    return value if isinstance(value, str | int | float) else None


_FIELDS: Mapping[str, Callable[[Trial, Story], Cell]] = {
    "trial": lambda trial, _: trial.id,
    "parent": lambda trial, _: trial.parent,
    "depth": lambda trial, _: trial.depth,
    "specialist": lambda trial, _: trial.submission.specialist,
    "session": lambda trial, _: trial.submission.session,
    "arm": lambda trial, _: trial.arm,
    "commit": lambda trial, _: trial.submission.commit,
    "accepted": lambda trial, _: moment(trial.accepted_at),
    "finished": lambda trial, _: moment(trial.finished_at),
    "status": lambda trial, _: standing(trial),
    "cause": lambda trial, _: trial.cause.value if trial.cause else None,
    "score": lambda trial, _: trial.score,
    "first_score": lambda trial, _: trial.first_score,
    "gain_over_baseline": lambda trial, story: story.gain(trial.id),
    "gain_over_head": lambda trial, _: trial.delta,
    "looks": lambda trial, _: trial.looks,
    "decided_against": lambda trial, _: _decided(trial, "against"),
    "estimate": lambda trial, _: _decided(trial, "estimate"),
    "low": lambda trial, _: _interval(trial, "low"),
    "high": lambda trial, _: _interval(trial, "high"),
    "reason": lambda trial, _: _decided(trial, "reason"),
    "radius": lambda trial, _: _edit(trial, "radius"),
    "surfaces": lambda trial, _: _edit(trial, "surfaces"),
    "added": lambda trial, _: _edit(trial, "added"),
    "removed": lambda trial, _: _edit(trial, "removed"),
    "expected_delta": lambda trial, _: trial.submission.expected_delta,
    "cites": lambda trial, _: " ".join(map(str, trial.submission.cites)),
    "artifact_bytes": lambda trial, _: trial.artifact.total_bytes if trial.artifact else None,
    "seconds": lambda trial, _: trial.cost.seconds,
    "gpu_seconds": lambda trial, _: trial.cost.gpu_seconds,
    "hypothesis": lambda trial, _: trial.submission.hypothesis,
    "notes": lambda trial, _: trial.submission.notes,
    "detail": lambda trial, _: trial.detail,
    "quarantined": lambda trial, _: trial.quarantined,
}
"""Columns of the CSV, and where they come from."""


def _interval(trial: Trial, end: str) -> Cell:
    interval = trial.decision.interval if trial.decision else None
    return None if interval is None else float(getattr(interval, end))


def _edit(trial: Trial, name: str) -> Cell:
    edit = trial.submission.edit
    value = None if edit is None else to_json(getattr(edit, name))
    return " ".join(value) if isinstance(value, list) else value


# ---------------------------------------------------------------------------- git bundle


def write_bundle(code: Path, file: Path) -> None:
    """Write all trials' code with its history as one file, which `git clone` takes.

    Raises:
        UserError: git is not installed, or cannot write there.
    """
    command = ["git", "-C", str(code), "bundle", "create", str(file.resolve()), "--all"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise UserError("a bundle is made by git, which is not installed; install git") from None
    if done.returncode:
        said = done.stderr.strip().rpartition("\n")[2]
        raise UserError(f"git could not write {file}: {said}")
