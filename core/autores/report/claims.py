"""Sentences on what was measured after the search, which every format of a report says alike."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from autores.events import Certified, Verified
from autores.readmodel import LeftOut, Story
from autores.records import Trial
from autores.report.facts import gain

_SHOWN = ("effect", "p", "welch", "looks", "verified")


def without(story: Story, step: Trial) -> str:
    """What the best loses without a step; empty where nobody left it out."""
    found = story.left_out.get(step.id)
    if found is not None:
        return f"Left out of {found.of:04d}: {_lost(story, found)}."
    ends = {ablated.of for ablated in story.left_out.values()}
    if any(step in story.path(end) for end in ends):
        return "Could not be left out: later steps stand on its lines."
    return ""


def _lost(story: Story, found: LeftOut) -> str:
    if found.contributes is None or found.interval is None:
        return found.note or "nothing was measured"
    said = "nothing could be shown" if found.idle else f"it helps, p = {found.p:.2g}"
    ends = f"[{gain(story, found.interval.low)}, {gain(story, found.interval.high)}]"
    return f"{gain(story, found.contributes)} {ends} is lost, {said}"


def tie(story: Story) -> str:
    """What came of leaving out all steps that do nothing; empty where that was not tried."""
    found = story.simpler
    if found is None:
        return ""
    loses = f"loses {gain(story, found.loses)}, at most {gain(story, found.loses_at_most)}"
    wins = f" The simpler recipe, trial {found.without:04d}, wins the tie." * found.wins
    return f"Without all steps of which nothing could be shown, trial {found.of:04d} {loses}.{wins}"


def verdicts(story: Story) -> Iterator[tuple[str, str]]:
    """Of `autores verify` and `certify`: name and finding."""
    for event in story.notes:
        match event.body:
            case Verified(trial=trial, against=against, verdict=verdict):
                if "contributes" not in verdict and "loses" not in verdict:
                    yield f"verified trial {trial}", _told(story, verdict, against)
            case Certified(trial=trial, verdict=verdict):
                yield f"certified trial {trial}", _certified(story, verdict)


def _certified(story: Story, found: Mapping[str, Any]) -> str:
    if "verdict" not in found:
        return _flat(found)
    where = f"on {found['on']}" if found.get("on") else "not on new data, with fresh seeds"
    parts = [f"{where}: {_told(story, found['verdict'], 0)}"]
    if found.get("shrinkage") is not None:
        claimed = gain(story, found["claimed"])
        parts.append(f"{claimed} had been claimed, {found['shrinkage']:.0%} of it is not there")
    if found.get("forced"):
        parts.append("this was NOT the first look at that data")
    return "; ".join(parts)


def _told(story: Story, found: Mapping[str, Any], against: int) -> str:
    if any(name not in found for name in _SHOWN):
        return _flat(found)
    low, high = (gain(story, found["welch"][end]) for end in ("low", "high"))
    said = "holds" if found["verified"] else "does NOT hold"
    failed = [check["name"] for check in found.get("checks", ()) if not check["holds"]]
    why = f" (fails: {', '.join(failed)})" if failed else ""
    looks = " and ".join(map(str, found["looks"]))
    return (
        f"{said}{why}: {gain(story, found['effect'])} [{low}, {high}] over {against:04d}, "
        f"p = {found['p']:.2g}, {looks} looks"
    )


def _flat(verdict: Mapping[str, Any]) -> str:
    """Of a verdict that somebody else's program wrote."""
    return ", ".join(f"{name} {value}" for name, value in verdict.items())
