"""All submissions of one domain as a table that a person can mark up, and the marks read back."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TextIO

from autores.analysis.progress import named
from autores.errors import UserError
from autores.events import Marked
from autores.readmodel import Story
from autores.records import Trial
from autores.text import clean

MARKS = ("mark", "comment")
"""Columns that people fill in; further ones that they add are kept too."""
_FACTS = (
    *("trial", "parent", "specialist", "status", "score", "gain", "expected_delta", "radius"),
    *("files", "hypothesis", "notes"),
)


def in_domain(story: Story, domain: str) -> tuple[Trial, ...]:
    """The submissions of a specialist, or those that touch a surface.

    Raises:
        UserError: There is no such thing in this run.
    """
    trials = [trial for trial in story.trials.values() if trial.id]
    found = tuple(trial for trial in trials if domain in _domains(trial))
    if not found:
        names = sorted({name for trial in trials for name in _domains(trial)})
        raise UserError(f"nothing was submitted in {domain!r}; there are: {', '.join(names)}")
    return found


def _domains(trial: Trial) -> tuple[str, ...]:
    surfaces = trial.submission.edit.surfaces if trial.submission.edit else ()
    return trial.submission.specialist, *surfaces


def write_table(story: Story, trials: Iterable[Trial], file: TextIO) -> None:
    """One row a submission, with what was marked before."""
    rows = list(trials)
    extra = dict.fromkeys(name for trial in rows for name in trial.marks if name not in MARKS)
    names = (*_FACTS, *MARKS, *extra)
    writer = csv.writer(file, dialect="excel-tab", lineterminator="\n")
    writer.writerow(names)
    for trial in rows:
        known = {**_facts(story, trial), **trial.marks}
        writer.writerow([clean(str(known.get(name, "")), one_line=True) for name in names])


def _facts(story: Story, trial: Trial) -> Mapping[str, object]:
    submission, render = trial.submission, story.task.metric.render
    edit = submission.edit
    return {
        "trial": trial.id,
        "parent": "" if trial.parent is None else trial.parent,
        "specialist": submission.specialist,
        "status": named(trial.status),
        "score": "" if trial.score is None else render(trial.score),
        "gain": "" if trial.delta is None else f"{trial.delta:+.6g}",
        "expected_delta": "" if submission.expected_delta is None else submission.expected_delta,
        "radius": edit.radius.value if edit else "",
        "files": " ".join(edit.files) if edit else "",
        "hypothesis": submission.hypothesis,
        "notes": " | ".join(filter(None, (submission.notes, trial.detail))),
    }


def read_marks(path: Path, story: Story) -> tuple[Marked, ...]:
    """What people wrote into such a table and was not known yet.

    Raises:
        UserError: It is none, or of another run.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file, dialect="excel-tab"))
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: {error}") from None
    return tuple(
        mark for line, row in enumerate(rows, start=2) for mark in _marks(line, row, story)
    )


def _marks(line: int, row: Mapping[str, str], story: Story) -> Iterator[Marked]:
    number = row.get("trial") or ""
    if not number.isdecimal() or int(number) not in story.trials:
        raise UserError(
            f"line {line}: {number!r} is no trial of this run; keep that column as it is"
        )
    trial = story.trials[int(number)]
    for name, text in row.items():
        if name is None or name in _FACTS or text is None:
            continue
        said = clean(text, one_line=True)
        if said != trial.marks.get(name, ""):
            yield Marked(name=name, text=said, trial=trial.id)
