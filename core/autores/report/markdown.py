"""The short form: for a pull request, an issue, a message."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from autores.report.claims import tie, verdicts, without
from autores.report.facts import (
    commands,
    finding,
    gain,
    guarantees,
    kept,
    leading,
    steering,
    step_effect,
    tested,
    used,
)
from autores.report.sources import Sources
from autores.report.tables import counted
from autores.text import escape_line

STEPS = 100
_SPECIAL = re.compile(r"([\\`*_\[\]<>|#~])")


def render_markdown(sources: Sources) -> str:
    """What was found, how, and what stands behind it."""
    return "\n".join(_lines(sources)) + "\n"


def _lines(sources: Sources) -> Iterator[str]:
    story = sources.story
    yield f"## {_text(sources.name)}"
    yield from ("", f"**{_text(finding(story))}** {_text(leading(story))}".rstrip())
    yield from ("", f"{_text(used(story))}. Trials: {_text(_counts(sources))}.")
    if told := steering(story):
        yield from ("", f"People steered this run: {_text('; '.join(told))}.")
    claims = kept(story)
    if claims:
        yield from ("", "### Kept improvements", "")
        yield from _table(
            (
                "trial",
                "by",
                story.task.metric.name,
                "over baseline",
                "measured after the decision",
                "hypothesis",
            ),
            (
                (
                    f"{trial.id:04d}",
                    trial.submission.specialist,
                    story.task.metric.render(story.level(trial.id)),
                    gain(story, story.gain(trial.id)),
                    tested(story, trial.decision),
                    trial.submission.hypothesis,
                )
                for trial in claims
            ),
        )
    yield from _steps(sources)
    yield from ("", "### Guarantees", "")
    said = (*verdicts(story), *guarantees(sources))
    yield from (f"- {_text(name)}: {_text(value)}" for name, value in said)
    yield from ("", "### Reproduce", "", "```sh", *commands(sources), "```")


def _steps(sources: Sources) -> Iterator[str]:
    story = sources.story
    steps = story.path(story.head.best)[1:]
    if steps:
        yield from ("", "### The way to the best", "")
    for number, trial in enumerate(steps[:STEPS], start=1):
        effect = step_effect(story, trial)
        left_out = f" {without(story, trial)}".rstrip()
        said = f"{_text(trial.submission.hypothesis)} ({trial.id:04d}, {_text(effect)})"
        yield f"{number}. {said}{_text(left_out)}"
    if told := tie(story):
        yield f"\n{_text(told)}"
    if len(steps) > STEPS:
        yield f"\n{len(steps) - STEPS} more steps: `autores log {sources.name}`"


def _counts(sources: Sources) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counted(sources.story))


def _table(header: Iterable[str], rows: Iterable[Iterable[str]]) -> Iterator[str]:
    titles = list(header)
    yield f"| {' | '.join(map(_text, titles))} |"
    yield f"|{'---|' * len(titles)}"
    for row in rows:
        yield f"| {' | '.join(_text(cell, 160) for cell in row)} |"


def _text(text: str, limit: int = 400) -> str:
    """Text that Markdown shows as it is."""
    return _SPECIAL.sub(r"\\\1", escape_line(text, limit))
