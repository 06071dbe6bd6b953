"""The parts of a report that are tables: groups, failures, foresight, trials, facts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from autores.readmodel import Group, Story
from autores.records import Trial
from autores.rendering import duration
from autores.report.claims import verdicts
from autores.report.facts import DASH, commands, gain, guarantees, moment
from autores.report.markup import block, e, link, paragraph, section, status, table
from autores.report.sources import Sources
from autores.status import Status

REPAIRS = 60
LOG = 3000
"""Characters of the end of a log."""
FEW = 2000
"""Trials up to which the table has whole hypotheses."""
LONG, SHORT = 300, 110


# ------------------------------------------------------------------------------- groups


def groups(story: Story) -> str:
    """Who did what, and what edits of each surface came to."""
    by_whom = _groups("specialist", story.specialists, story, with_cost=True)
    by_surface = _groups("surface", story.surfaces, story, with_cost=False)
    note = "Gains are of first looks over what led at that time, and as noisy as these."
    return section("who", "Who and where", by_whom, by_surface, paragraph(note))


def _groups(kind: str, found: Sequence[Group], story: Story, *, with_cost: bool) -> str:
    if not found:
        return ""
    header = [(kind, ""), ("trials", "n"), ("keep", "n"), ("lead", "n"), ("failed", "n")]
    header += [("best gain", "n"), ("median gain", "n")]
    header += [("evaluation", "n"), ("tokens", "n"), ("dollars", "n")] if with_cost else []
    spent = [_cost(group) if with_cost else [] for group in found]
    paid = any(group.cost.tokens or group.cost.dollars for group in found)
    if with_cost and not paid:
        header, spent = header[:-2], [cost[:-2] for cost in spent]
    rows = [[*_group(group, story), *cost] for group, cost in zip(found, spent, strict=True)]
    return table(header, rows, caption=f"By {kind}")


def _group(group: Group, story: Story) -> list[str]:
    counts = (group.trials, group.count(Status.KEEP), group.count(Status.LEAD), group.failed)
    gains = (gain(story, group.best), gain(story, group.median))
    return [e(group.name), *(f"{count:,}" for count in counts), *map(e, gains)]


def _cost(group: Group) -> list[str]:
    cost = group.cost
    return [duration(cost.seconds), f"{cost.tokens:,}", f"{cost.dollars:.2f}"]


# ----------------------------------------------------------------------------- failures


def failures(sources: Sources) -> str:
    """What went wrong how often, with one example each, and what was mended."""
    story = sources.story
    if not story.causes:
        return ""
    latest: dict[object, Trial] = {trial.cause: trial for trial in story.trials.values()}
    rows = [
        [e(cause.value), f"{count:,}", link(latest[cause].id), e(latest[cause].detail)]
        for cause, count in story.causes.items()
    ]
    header = [("cause", ""), ("trials", "n"), ("latest", ""), ("what it said", "w")]
    logs = "".join(_log(latest[cause], sources) for cause in story.causes)
    return section(
        "failures",
        "Failures and repairs",
        table(header, rows, caption="What stopped trials"),
        logs,
        _repairs(story),
    )


def _log(trial: Trial, sources: Sources) -> str:
    """The end of what a failed trial printed."""
    found = [
        (measurement.phase, measurement.log[-LOG:])
        for look in sources.looks(trial.id)[:1]
        for measurement in (look.outcome.measurements if look.outcome else ())
        if measurement.log.strip()
    ]
    if not found:
        return ""
    phase, log = found[-1]
    title = f"end of the log of trial {trial.id:04d}, {phase}"
    return f"<details><summary>{e(title)}</summary><pre>{block(log)}</pre></details>"


def _repairs(story: Story) -> str:
    found = story.repairs
    if not found:
        return paragraph("No failure was built on by a trial that got through.")
    rows = [
        [
            link(repair.failed),
            status(story.trials[repair.failed]),
            link(repair.by),
            status(story.trials[repair.by]),
            "by citation" if repair.cited else "by ancestry",
        ]
        for repair in found[:REPAIRS]
    ]
    header = [("failed", ""), ("with", ""), ("repaired by", ""), ("which became", ""), ("how", "")]
    caption = f"{len(found):,} failures that a later trial built on and got through"
    return table(header, rows, caption=caption + (f", first {REPAIRS}" * (len(found) > REPAIRS)))


# ---------------------------------------------------------------------------- foresight


def foresight(story: Story) -> str:
    """Whether those who proposed knew what would happen."""
    known = story.foresight
    if not known.pairs:
        return ""
    slope = DASH if known.slope is None else f"{known.slope:.2f}"
    rows = [
        ["trials with an expectation and a score", f"{len(known.pairs):,}"],
        ["expected to improve", f"{known.promised:,}"],
        ["of these, improved at first look", _share(known.kept_promises, known.promised)],
        ["sign of the change foreseen", _share(known.right_signs, len(known.pairs))],
        ["measured per expected gain (1 is calibrated)", slope],
    ]
    body = table(
        [("", "w"), ("", "n")], rows, caption="Expected against measured change", kind="pairs"
    )
    return section("foresight", "Foresight", body)


def _share(part: int, whole: int) -> str:
    return f"{part:,} of {whole:,}" + (f" ({part / whole:.0%})" if whole else "")


# ---------------------------------------------------------------- guarantees, how to repeat


def assurance(sources: Sources) -> str:
    """What stands behind the figures."""
    said = (*verdicts(sources.story), *guarantees(sources))
    rows = [[e(name), e(value)] for name, value in said]
    return section(
        "guarantees",
        "Guarantees",
        table([("", ""), ("", "w")], rows, caption="Under which conditions", kind="pairs"),
        "<p>The hash chain was checked when this report was made. <code>autores audit</code> also "
        "checks every projection and the code.</p>",
    )


def reproduction(sources: Sources) -> str:
    """Commands, settings, versions, machine."""
    typed = "\n".join(commands(sources))
    manifest = sources.manifest
    tables = (
        ("Settings", manifest.settings),
        ("Versions", manifest.versions),
        ("Hashes", manifest.hashes),
        ("Machine", manifest.machine),
    )
    return section(
        "again",
        "How to reproduce",
        f'<div class="scroll" tabindex="0" role="region" aria-label="commands"><pre>{block(typed)}</pre></div>',
        paragraph("Settings of plugins are listed below; add those you changed with -o."),
        "".join(_pairs(title, values) for title, values in tables if values),
    )


def _pairs(title: str, values: Mapping[str, object]) -> str:
    rows = [[e(name), e(value)] for name, value in values.items() if value not in ("", [], None)]
    body = table([("", ""), ("", "w")], rows, caption=title, kind="pairs")
    return f"<details><summary>{e(title)} ({len(rows)})</summary>{body}</details>"


# ------------------------------------------------------------------------------- trials


def trials(story: Story) -> str:
    """All of them, to sort and to filter."""
    metric = story.task.metric
    header = [("trial", "n"), ("from", "n"), ("by", ""), ("status", "")]
    header += [(metric.name, "n"), ("gain", "n"), ("seconds", "n"), ("hypothesis", "w")]
    limit = LONG if len(story.trials) <= FEW else SHORT
    body = "".join(_row(trial, story, limit) for trial in story.trials.values())
    head = "".join(
        f'<th scope="col" class="{kind}" aria-sort="none"><button type="button">{e(title)}</button></th>'
        for title, kind in header
    )
    return section(
        "trials",
        "All trials",
        '<p><label>Show trials with <input id="filter" type="search" '
        'placeholder="keep, arch, warmup …"></label> <span id="shown" role="status"></span></p>',
        '<div class="scroll tall" tabindex="0" role="region" aria-label="table of all trials">'
        f'<table id="all" class="stack"><caption>Gain is of the first look over what led then. '
        f"Began {moment(story.began)}.</caption><thead><tr>{head}</tr></thead>"
        f"<tbody>{body}</tbody></table></div>",
    )


def _row(trial: Trial, story: Story, limit: int) -> str:
    score = story.level(trial.id)
    shown = trial.first_score if score is None else score
    metric, delta = story.task.metric, trial.delta
    cells = (
        f'<td class="n">{trial.id:04d}',
        f'<td class="n">{"" if trial.parent is None else link(trial.parent)}',
        f"<td>{e(trial.submission.specialist, 20)}",
        f"<td>{status(trial)}",
        f'<td class="n">{"" if shown is None else f"{shown:{metric.format}}"}',
        f'<td class="n">{"" if delta is None else f"{delta:+{metric.format}}"}',
        f'<td class="n">{trial.cost.seconds:.1f}',
        f'<td class="w">{e(trial.submission.hypothesis, limit)}{_detail(trial)}',
    )
    return f'<tr id="t{trial.id}">{"".join(cells)}\n'


def _detail(trial: Trial) -> str:
    hidden = f"quarantined: {trial.quarantined}" if trial.quarantined else ""
    said = " ".join(filter(None, (trial.detail, hidden)))
    return f" <small>{e(said, 160)}</small>" if said else ""


def counted(story: Story) -> Iterator[tuple[str, int]]:
    """Status and count, for formats without colour."""
    for found, count in story.statuses.items():
        yield (f"{found.glyph} {found.value}" if found else "… unfinished"), count


def joined(parts: Iterable[str]) -> str:
    """Parts of a page, one after the other."""
    return "\n".join(filter(None, parts))
