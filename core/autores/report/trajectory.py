"""What the trajectory teaches: quarters, edits, near misses, ideas that came again."""

from __future__ import annotations

from collections.abc import Iterator

from autores.analysis.failures import near_misses
from autores.analysis.ideas import duplicates, reaches
from autores.analysis.progress import quarters
from autores.readmodel import Story
from autores.report.markup import e, link, section, table

MOST = 12


def trajectory(story: Story) -> str:
    """The parts of `autores analyze` that are not elsewhere on the page; nothing without trials."""
    parts = [part for part in (_quarters(story), *_others(story)) if part]
    return section("trajectory", "Trajectory", *parts) if parts else ""


def _quarters(story: Story) -> str:
    found = quarters(story)
    names = list(dict.fromkeys(name for quarter in found for name in quarter.statuses))
    rows = [
        [f"{q.first}–{q.last}", *(str(q.statuses.get(name, 0)) for name in names)] for q in found
    ]
    header = [("trials", "w"), *((name, "n") for name in names)]
    return table(header, rows, caption="What became of trials, by quarter") if rows else ""


def _others(story: Story) -> Iterator[str]:
    render = story.task.metric.render
    edits = [
        [
            e(reach.radius),
            e(", ".join(f"{count} {status}" for status, count in reach.statuses.items())),
            _gain(story, reach.median),
            _gain(story, reach.best),
        ]
        for reach in reaches(story.trials.values())
    ]
    header = [("edit", "w"), ("became", "w"), ("median gain", "n"), ("best gain", "n")]
    yield table(header, edits, caption="How far edits went") if edits else ""
    misses = [
        [link(m.trial), e(m.status.value), e(render(m.number)), e(m.detail, 160)]
        for m in near_misses(story)[:MOST]
    ]
    header = [("trial", "w"), ("status", "w"), ("measured", "n"), ("what it broke", "w")]
    caption = "Failures that measured better than the best of their time, and were never mended"
    yield table(header, misses, caption=caption) if misses else ""
    again = sorted(duplicates(story.trials.values()), key=lambda idea: -len(idea.trials))[:MOST]
    ideas = [[" ".join(map(link, i.trials[:MOST])), e(i.hypothesis, 120)] for i in again]
    header = [("trials", "w"), ("first said as", "w")]
    yield table(header, ideas, caption="Ideas that came again") if ideas else ""


def _gain(story: Story, gain: float | None) -> str:
    return "–" if gain is None else e(f"{gain:+{story.task.metric.format}}")
