"""What stands on the screen: a pure function of a moment, and of the room there is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from autores.readmodel import Doing, Now
from autores.records import Lease, Trial
from autores.rendering import duration
from autores.rows import glyph, standing
from autores.scene import Scene
from autores.status import Status
from autores.text import escape_line

BLOCKS = "▁▂▃▄▅▆▇█"
WIDE = 110
"""Columns from which on hypotheses of specialists' last trials are shown too."""
MARGIN = 2
"""Lines that stay free below, so that nothing scrolls."""
NAME = 14
"""Columns of a specialist's name."""
FEWEST = 3
"""Last trials that are shown however low the terminal is."""


def screen(now: Now, scene: Scene, clock: float, *, width: int, height: int) -> RenderableType:
    """Everything, in the order of importance; what does not fit is left out from the end.

    Args:
        now: How the run stands.
        scene: What does not change.
        clock: UNIX time.
        width: Columns.
        height: Lines.
    """
    top = [
        _title(now, scene, clock),
        *_standings(now),
        _curve(now, width),
        _budget(now, scene, clock),
    ]
    room = height - MARGIN - len(top) - 3
    doing = now.doing[: max(1, room - FEWEST)]
    rest = max(0, room - len(doing))
    below = [
        Text(),
        *_specialists(doing, now, clock, width),
        _tally(now, scene),
        *(_trial(trial, now, width) for trial in now.recent[:rest]),
    ]
    return Group(*(_line(text, width) for text in (*top, *below)))


def _line(text: Text, width: int) -> Text:
    text.no_wrap, text.overflow = True, "ellipsis"
    text.truncate(width, overflow="ellipsis")
    return text


# ---------------------------------------------------------------------------------- top


def _title(now: Now, scene: Scene, clock: float) -> Text:
    task = scene.task
    stopping = scene.stopping()
    text = Text.assemble((f"{task.name} ", "bold"), (f"{task.profile}  ", ""))
    text.append(f"{duration(clock - scene.began)}", "cyan")
    text.append(f"  sandbox {scene.capacity.sandbox or 'unknown'}")
    if stopping:
        text.append(f"  ending: {escape_line(stopping, 60)}", "yellow")
    text.append(f"  {task.title}", "bright_black")
    return text


def _standings(now: Now) -> Iterator[Text]:
    metric = now.metric
    yield Text.assemble(
        ("baseline  ", "bright_black"), f"{metric.name} {metric.render(now.baseline)}"
    )
    if now.best is None:
        yield Text("best      none: nothing passes the gates yet", "yellow")
    else:
        yield _stand("best", now.best, now)
    if now.lead is not None and now.lead != now.best:
        yield _stand("leading", now.lead, now)


def _stand(word: str, trial: Trial, now: Now) -> Text:
    metric, status = now.metric, trial.status or Status.BASELINE
    text = Text.assemble((f"{word:<10}", "bright_black"), (f"{glyph(trial)} ", status.colour))
    if trial.id == 0:
        return text.append("the baseline: nothing better has been found yet")
    text.append(f"{trial.id:04d}  {metric.render(trial.score)}", f"bold {status.colour}")
    gain = now.gain(trial)
    if gain is not None:
        text.append(f"  {gain:+{metric.format}} over the baseline")
    text.append(_tested(trial, now))
    return text.append(f"  {escape_line(trial.submission.hypothesis)}", "bright_black")


def _tested(trial: Trial, now: Now) -> str:
    decision, form = trial.decision, now.metric.format
    if decision is None or decision.interval is None or decision.estimate is None:
        return ""
    low, high = decision.interval.low, decision.interval.high
    return f", {decision.estimate:+{form}} [{low:+{form}}, {high:+{form}}] over {decision.against}"


def _curve(now: Now, width: int) -> Text:
    points = now.curve or (0.0,)
    room = max(10, min(60, width - 46))
    text = Text.assemble(("led by    ", "bright_black"), (sparkline(points, room), "green"))
    changes = max(0, len(now.curve) - 1)
    return text.append(f"  {changes} change{'s' * (changes != 1)} of the lead")


def sparkline(values: Sequence[float], width: int) -> str:
    """Values as blocks of eight heights; the last of those that share a column is shown."""
    columns = min(width, len(values))
    shown = [values[(column + 1) * len(values) // columns - 1] for column in range(columns)]
    low, high = min(shown), max(shown)
    span = (high - low) or 1.0
    return "".join(BLOCKS[round((value - low) / span * (len(BLOCKS) - 1))] for value in shown)


def _budget(now: Now, scene: Scene, clock: float) -> Text:
    budget, head = scene.budget, now.head
    parts = [_of("trials", f"{now.submitted:,}", budget.trials)]
    parts.append(f"milestone in {scene.milestone - head.finished % scene.milestone}")
    if budget.deadline is not None:
        parts.append(f"{duration(max(0.0, budget.deadline - clock))} left")
    if head.spent.tokens or budget.tokens:
        parts.append(_of("tokens", f"{head.spent.tokens:,}", budget.tokens))
    if head.spent.dollars or budget.dollars:
        most = "" if budget.dollars is None else f" of {budget.dollars:.2f}"
        parts.append(f"${head.spent.dollars:.2f}{most}")
    if head.spent.gpu_seconds or budget.gpu_seconds:
        parts.append(f"{duration(head.spent.gpu_seconds)} of GPU")
    parts.append(f"{duration(head.spent.seconds)} of evaluation")
    return Text.assemble(("used      ", "bright_black"), " · ".join(parts))


def _of(name: str, used: str, most: int | None) -> str:
    return f"{name} {used}" if most is None else f"{name} {used} of {most:,}"


# -------------------------------------------------------------------------- specialists


def _specialists(doing: Sequence[Doing], now: Now, clock: float, width: int) -> Iterator[Text]:
    """Columns as wide as they must be; made by hand, since a table of rich costs much more."""
    states = [_state(one, clock) for one in doing]
    named = max((len(one.specialist) for one in doing), default=0)
    stated = max(map(len, states), default=0)
    for one, state in zip(doing, states, strict=True):
        state.pad_right(stated - len(state))
        yield Text.assemble(
            (f"{one.specialist[:NAME]:<{min(named, NAME)}} ", "bold"),
            (f"{one.finished:>5,}  ", "bright_black"),
            state,
            "  ",
            _last(one, now, width),
        )


def _state(one: Doing, clock: float) -> Text:
    if one.trial is None:
        return Text(one.what or "waits for its turn", "cyan" if one.what else "bright_black")
    return Text(f"{one.trial:04d} {one.what} {duration(clock - one.since)}", "cyan")


def _last(one: Doing, now: Now, width: int) -> Text:
    trial = one.last
    if trial is None:
        return Text("nothing yet", "bright_black")
    text = Text.assemble((f"{glyph(trial)} ", _colour(trial)), f"{trial.id:04d} {standing(trial)}")
    if trial.delta is not None:
        text.append(f" {trial.delta:+{now.metric.format}}")
    if width >= WIDE:
        text.append(f"  {escape_line(trial.submission.hypothesis)}", "bright_black")
    return text


# ------------------------------------------------------------------------------- trials


def _tally(now: Now, scene: Scene) -> Text:
    capacity = scene.capacity
    lease = "" if scene.lease is Lease.SHARED else f", each with the whole {scene.lease.value}"
    looks = f"{now.measuring} look{'s' * (now.measuring != 1)} in hand, {capacity.jobs} at a time"
    text = Text(looks + lease, "bright_black")
    if now.queued:
        text.append(f", {now.queued} at the gates")
    for status, count in sorted(now.statuses.items(), key=_order):
        if status is not None and status is not Status.BASELINE:
            text.append(f"  {status.glyph} ", status.colour)
            text.append(f"{count:,} {status.value}")
    return text


def _order(item: tuple[Status | None, int]) -> int:
    return list(Status).index(item[0]) if item[0] else -1


def _trial(trial: Trial, now: Now, width: int) -> Text:
    metric = now.metric
    score = metric.render(trial.score if trial.score is not None else trial.first_score)
    text = Text.assemble((f"{glyph(trial)} ", _colour(trial)), f"{trial.id:04d} ")
    text.append(f"{trial.submission.specialist[:10]:<10} ", "bold")
    text.append(f"{standing(trial):<{20 if width >= WIDE else 13}.20} ", _colour(trial))
    text.append(f"{score:>10} ")
    text.append("" if trial.delta is None else f"{trial.delta:+{metric.format}}")
    said = trial.submission.hypothesis if trial.cause is None or trial.score else trial.detail
    return text.append(f"  {escape_line(said or trial.submission.hypothesis)}", "bright_black")


def _colour(trial: Trial) -> str:
    return trial.status.colour if trial.status else "default"
