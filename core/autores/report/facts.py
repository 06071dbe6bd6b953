"""Sentences and figures that every format of a report says alike."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import fields
from datetime import UTC, datetime

from autores.config import RunSettings
from autores.readmodel import Story
from autores.records import Decision, Trial
from autores.rendering import duration
from autores.report.sources import Sources
from autores.status import Status

DASH = "–"
UNTESTED = "not tested"
"""What is said of a decision that was made on one look, without a measurement after it."""
PLACES = {"out", "name", "reporter", "store"}
"""Settings that say where things lie and what is shown, not what is done."""


def moment(at: float) -> str:
    """A time for people, in UTC."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC") if at else DASH


def gain(story: Story, value: float | None) -> str:
    """A gain with its sign."""
    return DASH if value is None else f"{value:+{story.task.metric.format}}"


def tested(story: Story, decision: Decision | None) -> str:
    """What was estimated after a decision, with its interval; or that nothing was."""
    if decision is None or decision.estimate is None or decision.interval is None:
        return UNTESTED
    low, high = decision.interval.low, decision.interval.high
    text = f"{gain(story, decision.estimate)} [{gain(story, low)}, {gain(story, high)}]"
    return text + ("" if decision.against is None else f" over {decision.against:04d}")


def finding(story: Story) -> str:
    """One sentence: what may be claimed."""
    metric, best = story.task.metric, story.head.best
    if best is None:
        return "Nothing passes the gates yet, so that there is no best trial."
    if best == 0:
        return f"Nothing better than the baseline ({metric.render(story.baseline)}) was confirmed."
    level, base = story.level(best), story.baseline
    share = f" ({abs((level - base) / base):.1%})" if level is not None and base else ""
    text = (
        f"{metric.name} {metric.render(story.baseline)} → {metric.render(level)}{share}, "
        f"by trial {best:04d}."
    )
    doubt = " It was kept on one look, and nothing confirms it."
    return text + doubt * (tested(story, story.trials[best].decision) == UNTESTED)


def leading(story: Story) -> str:
    """One sentence on what leads without a claim; empty where that is the best."""
    lead = story.head.lead
    if lead is None or lead == story.head.best:
        return ""
    score = story.task.metric.render(story.level(lead))
    return f"Trial {lead:04d} leads with {score}; that has not been confirmed and is no claim."


def nearest(story: Story) -> str:
    """Where nothing leads: what came nearest, and whether that means anything."""
    ranked = [t.id for t in story.trials.values() if t.id and story.gain(t.id) is not None]
    known = story.head.calibration
    if story.head.best != 0 or story.head.lead not in (0, None) or not ranked or known is None:
        return ""
    best = max(ranked, key=lambda trial: story.gain(trial) or 0.0)
    inside = abs(story.gain(best) or 0.0) <= known.spread
    noise = "within the noise of one look" if inside else "a first look, which was not borne out"
    level = story.task.metric.render(story.level(best))
    return f"Of {len(ranked):,} trials with a score the best is {best:04d} with {level}: {noise}."


def used(story: Story) -> str:
    """Trials, time and money."""
    spent = story.head.spent
    parts = [
        f"{story.submitted:,} trials",
        f"{duration(story.ended - story.began)} from first to last event",
        f"{duration(spent.seconds)} of evaluation",
    ]
    if spent.gpu_seconds:
        parts.append(f"{spent.gpu_seconds / 3600:.2f} GPU hours")
    if spent.tokens:
        parts.append(f"{spent.tokens:,} tokens")
    if spent.dollars:
        parts.append(f"${spent.dollars:.2f}")
    return ", ".join(parts)


def steering(story: Story) -> list[str]:
    """What people did to the run."""
    bodies = [event.body for event in story.notes if event.kind == "steered"]
    return [f"{body.action}: {body.text}" for body in bodies]  # type: ignore[union-attr]


def guarantees(sources: Sources) -> Iterator[tuple[str, str]]:
    """What stands behind the figures: name and finding."""
    story = sources.story
    conditions, chain = story.conditions, story.chain
    yield "sandbox", _counted(conditions.sandboxes)
    yield "scores", _counted(conditions.trusts)
    yield "hardware", _counted(conditions.hardware)
    yield "world", _counted(conditions.worlds)
    yield "chance of a false keep spent", f"{story.head.error_spent:.4g}"
    whole = "whole" if not chain.flaws else f"BROKEN: {'; '.join(chain.flaws)}"
    yield "hash chain", f"{whole}, {chain.events:,} events"
    yield "head", chain.head_hash
    hidden = sources.manifest.run.get("hidden", ())
    yield "hidden from sessions", "; ".join(hidden) or "nothing"
    yield "steered by people", "; ".join(steering(story)) or "no"


def _counted(counts: Mapping[str, int]) -> str:
    named = ((name or "unknown", count) for name, count in counts.items())
    return ", ".join(f"{name} ({count:,} evaluations)" for name, count in named) or DASH


def commands(sources: Sources) -> list[str]:
    """What to type to do it again, and to look closer."""
    settings, best = sources.manifest.settings, sources.story.head.best
    words = ["autores", "run"]
    for setting in fields(RunSettings):
        value = settings.get(setting.name)
        if setting.name not in PLACES and value not in (None, "", [], setting.default):
            words += [f"--{setting.name.replace('_', '-')}", _word(value)]
    name = sources.name
    found = [words, ["autores", "audit", name, "--head", sources.story.head.hash]]
    if best:
        found.append(["autores", "verify", name, str(best), "--against", "0"])
        found.append(["autores", "best", name, "--into", "recipe"])
    return [shlex.join(command) for command in found]


def _word(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def step_effect(story: Story, trial: Trial) -> str:
    """What a step of the path brought, as far as it was measured."""
    if (effect := tested(story, trial.decision)) != UNTESTED:
        return effect
    if trial.delta is not None:
        return f"{gain(story, trial.delta)} at first look"
    return "not measured" if trial.score is None else DASH


def kept(story: Story) -> list[Trial]:
    """The claims, oldest first."""
    return [trial for trial in story.keeps if trial.status is Status.KEEP]
