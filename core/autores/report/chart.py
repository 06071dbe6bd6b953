"""Score over trials as SVG: what ranks on a scale, what failed in lanes below it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from autores.readmodel import Change, Story
from autores.records import Direction, Trial
from autores.report.markup import e, scroller
from autores.status import Status

WIDTH, HEIGHT = 1040, 330
LEFT, RIGHT, TOP = 112, 16, 14
LANE = 20
MANY = 4000
"""Trials from which on discards are one shape without titles, to save space."""
FEW = 150
"""Trials up to which there is room for larger shapes."""
SHAPES = {
    Status.BASELINE: "M0-6L6 0 0 6-6 0Z",
    Status.KEEP: "M0-7L2-2 7-2 3 1 4.5 6 0 3-4.5 6-3 1-7-2-2-2Z",
    Status.LEAD: "M0-5L5 4-5 4Z",
    Status.DISCARD: "M-2.5 0a2.5 2.5 0 1 0 5 0a2.5 2.5 0 1 0-5 0",
}
GOOD, BAD = 0.0, 0.9
"""Quantiles of scores between which the scale reaches; what is worse stands at its edge."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """From trials and scores to places on the picture."""

    trials: int
    low: float
    high: float

    @classmethod
    def of(cls, story: Story) -> Scale | None:
        """Wide enough for all that leads and most of the rest; None without a score."""
        scores = sorted(
            score for trial in story.trials if (score := story.level(trial)) is not None
        )
        if not scores:
            return None
        if story.task.metric.direction is Direction.MAXIMIZE:
            scores.reverse()
        last = len(scores) - 1
        shown = scores[round(GOOD * last) : round(BAD * last) + 1]
        leading = (
            story.level(c.trial) for c in (*story.leads, *story.bests) if c.trial is not None
        )
        shown += [score for score in leading if score is not None]
        low, high = min(shown), max(shown)
        margin = (high - low) * 0.06 or abs(low) * 0.05 or 1.0
        return cls(trials=max(1, len(story.trials) - 1), low=low - margin, high=high + margin)

    def x(self, trial: float) -> float:
        """Where a trial stands."""
        return LEFT + (WIDTH - LEFT - RIGHT) * trial / self.trials

    def y(self, score: float) -> float:
        """Where a score stands; what is beyond the scale stands at its edge."""
        inside = min(max(score, self.low), self.high)
        return TOP + (HEIGHT - TOP) * (self.high - inside) / (self.high - self.low)

    def holds(self, score: float) -> bool:
        """Whether it is on the scale."""
        return self.low <= score <= self.high


def chart(story: Story) -> str:
    """The picture with its legend."""
    scale = Scale.of(story)
    if scale is None:
        return "<p>No trial has a score yet.</p>"
    lanes = [s for s in story.statuses if s is not None and s not in SHAPES]
    height = HEIGHT + 26 + LANE * len(lanes) + (10 if lanes else 0)
    label = f"{story.task.metric.name} of {len(story.trials):,} trials, in the order of acceptance"
    svg = (
        f'<svg class="chart" viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{e(label)}">'
        f"<defs>{''.join(_shape(s, len(story.trials)) for s in SHAPES)}</defs>"
        f"{_noise(story, scale)}{_axes(story, scale)}{_lines(story, scale)}"
        f"{_points(story, scale)}{_lanes(story, scale, lanes)}</svg>"
    )
    return scroller(svg, label) + _legend(story, scale)


def _shape(status: Status, trials: int) -> str:
    size = ' transform="scale(1.5)"' if trials <= FEW else ""
    return f'<path id="g-{status.value}" d="{SHAPES[status]}"{size}/>'


def _noise(story: Story, scale: Scale) -> str:
    """One standard deviation of the baseline's looks, up and down."""
    known, level = story.head.calibration, story.baseline
    if known is None or level is None or not known.spread:
        return ""
    top, bottom = scale.y(level + known.spread), scale.y(level - known.spread)
    return (
        f'<rect class="noise" x="{LEFT}" y="{top:.1f}" width="{WIDTH - LEFT - RIGHT}" '
        f'height="{max(1.0, bottom - top):.1f}"><title>baseline ± one standard deviation of a '
        "look</title></rect>"
    )


def _axes(story: Story, scale: Scale) -> str:
    metric = story.task.metric
    title = metric.name + (f", {metric.unit}" if metric.unit else "")
    parts = [f'<text x="4" y="{TOP + 2}">{e(title, 14)}</text>']
    found = ticks(scale.low, scale.high, 5)
    places = decimals(found)
    for value in found:
        y = scale.y(value)
        parts.append(f'<path class="grid" d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}"/>')
        text = f"{value:,.{places}f}"
        parts.append(f'<text class="end" x="{LEFT - 8}" y="{y + 4:.1f}">{text}</text>')
    parts.append(f'<text class="end" x="{LEFT - 16}" y="{HEIGHT + 18}">trial</text>')
    for value in ticks(0, scale.trials, 8):
        if value == int(value):
            x = scale.x(value)
            parts.append(f'<text class="mid" x="{x:.1f}" y="{HEIGHT + 18}">{int(value):,}</text>')
    return "".join(parts)


def ticks(low: float, high: float, about: int) -> list[float]:
    """Round numbers between two others, about so many."""
    rough = (high - low) / about or 1.0
    unit = 10.0 ** math.floor(math.log10(rough))
    step = next(unit * factor for factor in (1, 2, 5, 10) if unit * factor >= rough * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [n * step for n in range(first, math.floor(high / step + 1e-9) + 1)]


def decimals(values: Sequence[float]) -> int:
    """How many show the difference between neighbours, and no more."""
    if len(values) < 2:
        return 4
    return max(0, -math.floor(math.log10(abs(values[1] - values[0])) + 1e-9))


def _lines(story: Story, scale: Scale) -> str:
    return _line("leads", story.leads, story, scale) + _line("bests", story.bests, story, scale)


def _line(kind: str, changes: Sequence[Change], story: Story, scale: Scale) -> str:
    """How the best, or the leading score, came down or went up."""
    path = ""
    for change in changes:
        level = None if change.trial is None else story.level(change.trial)
        x = scale.x(min(change.after, scale.trials))
        if path:
            path += f"H{x:.1f}"
        if level is not None:
            path += f"{'V' if path else f'M{x:.1f} '}{scale.y(level):.1f}"
    return f'<path class="line {kind}" d="{path}H{scale.x(scale.trials):.1f}"/>' if path else ""


def _points(story: Story, scale: Scale) -> str:
    ranked = [
        t for t in story.trials.values() if t.status in SHAPES and story.level(t.id) is not None
    ]
    ranked.sort(key=lambda trial: trial.status is not Status.DISCARD)
    many = len(ranked) > MANY
    small = [t for t in ranked if many and t.status is Status.DISCARD]
    dots = "".join(f"M{x:.0f} {y:.0f}h0" for x, y in (_place(t, story, scale) for t in small))
    named = (t for t in ranked if not (many and t.status is Status.DISCARD))
    return f'<path class="dots" d="{dots}"/>' * bool(dots) + "".join(
        _point(trial, story, scale) for trial in named
    )


def _place(trial: Trial, story: Story, scale: Scale) -> tuple[float, float]:
    level = story.level(trial.id)
    assert level is not None
    return scale.x(trial.id), scale.y(level)


def _point(trial: Trial, story: Story, scale: Scale) -> str:
    level = story.level(trial.id)
    x, y = _place(trial, story, scale)
    assert trial.status is not None and level is not None
    name = trial.status.value
    beyond = "" if scale.holds(level) else " beyond"
    said = f"{trial.id:04d} {name} {story.task.metric.render(level)}: {trial.submission.hypothesis}"
    return (
        f'<use class="{name}{beyond}" href="#g-{name}" x="{x:.1f}" y="{y:.1f}">'
        f"<title>{e(said, 120)}</title></use>"
    )


def _lanes(story: Story, scale: Scale, lanes: Sequence[Status]) -> str:
    parts = []
    for number, status in enumerate(lanes):
        y = HEIGHT + 40 + LANE * number
        there = [t.id for t in story.trials.values() if t.status is status]
        path = "".join(f"M{scale.x(trial):.1f} {y - 6}v12" for trial in there)
        name = status.value.replace("_", " ").replace("budget overrun", "over time")
        parts.append(
            f'<path class="lane" d="M{LEFT} {y}H{WIDTH - RIGHT}"/>'
            f'<text class="end" x="{LEFT - 8}" y="{y + 4}">{name}</text>'
            f'<path class="tick {status.value}" d="{path}"><title>{status.value}: '
            f"{len(there):,} trials</title></path>"
        )
    return "".join(parts)


def _legend(story: Story, scale: Scale) -> str:
    items = "".join(_legend_items(story))
    beyond = sum(
        level is not None and not scale.holds(level)
        for level in (story.level(trial) for trial in story.trials)
    )
    note = f"<p>{beyond:,} scores beyond the scale stand at its edge.</p>" if beyond else ""
    better = "down" if story.task.metric.direction is Direction.MINIMIZE else "up"
    return (
        f'<ul class="legend">{items}</ul><p>Better is {better}. The green line is the best, '
        "the last keep; the dashed line is what led, without a claim; both "
        "turn where it was decided. The band is the noise of "
        f"one look at the baseline. Trials without a score that ranks have lanes below.</p>{note}"
    )


def _legend_items(story: Story) -> Iterator[str]:
    for status, count in story.statuses.items():
        if status is None:
            yield f"<li>… unfinished {count:,}</li>"
        else:
            name = status.value
            yield f'<li><span class="s {name}"><b aria-hidden="true">{status.glyph}</b> {name}</span> {count:,}</li>'
