"""The page: what was asked and found, on which way, and what stands behind it."""

from __future__ import annotations

import base64
import hashlib
from importlib import resources

from autores.report import steps, tables
from autores.report.chart import chart
from autores.report.facts import finding, gain, leading, moment, nearest, steering, tested, used
from autores.report.markup import e, paragraph, section
from autores.report.sources import Sources
from autores.report.trajectory import trajectory

PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<a class="skip" href="#found">Skip to the findings</a>
<header><h1>{title}</h1>{lead}</header>
<nav aria-label="Sections">{menu}</nav>
<main>
{body}
</main>
<footer><p>{foot}</p></footer>
<script>{script}</script>
</body>
</html>
"""
MENU = (
    ("found", "found"),
    ("scores", "scores"),
    ("path", "the way there"),
    ("tree", "lineage"),
    ("who", "who and where"),
    ("failures", "failures"),
    ("foresight", "foresight"),
    ("trajectory", "trajectory"),
    ("guarantees", "guarantees"),
    ("again", "reproduce"),
    ("trials", "all trials"),
)


def render_html(sources: Sources) -> str:
    """One file that needs no network and runs nothing but its own script."""
    story = sources.story
    script, style = _asset("report.js"), _asset("report.css")
    body = tables.joined(
        (
            _found(sources),
            section("scores", "Scores", chart(story)),
            steps.path(sources),
            steps.tree(story),
            tables.groups(story),
            tables.failures(sources),
            tables.foresight(story),
            trajectory(story),
            tables.assurance(sources),
            tables.reproduction(sources),
            tables.trials(story),
        )
    )
    menu = "".join(f'<a href="#{n}">{t}</a>' for n, t in MENU if f'id="{n}"' in body)
    task = story.task
    return PAGE.format(
        policy=_policy(script),
        title=e(sources.name),
        style=style,
        lead=paragraph(f"{task.title} · {task.name}, profile {task.profile}"),
        menu=menu,
        body=body,
        foot=e(f"{moment(story.ended)} · chain head {story.head.hash}"),
        script=script,
    )


def _asset(name: str) -> str:
    return resources.files("autores.report").joinpath(name).read_text(encoding="utf-8")


def _policy(script: str) -> str:
    """Whatever got into the page, only our script runs, and nothing is fetched."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return (
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
        f"form-action 'none'; script-src 'sha256-{digest}'"
    )


def _found(sources: Sources) -> str:
    story = sources.story
    metric = story.task.metric
    asked = f"Asked: {story.task.title}; {metric.direction.value} {metric.name}."
    cards = [("baseline", "", metric.render(story.baseline), "the recipe as it came")]
    for name, trial in (("best", story.head.best), ("leading", story.head.lead)):
        if trial and (name == "best" or trial != story.head.best):
            effect = tested(story, story.trials[trial].decision)
            over = (
                f"{gain(story, story.gain(trial))} over the baseline; after the decision {effect}"
            )
            level = metric.render(story.level(trial))
            cards.append((name, f": trial {trial:04d}", level, over))
    cards.append(("used", "", f"{story.submitted:,} trials", used(story).partition(", ")[2]))
    told = steering(story)
    note = f"People steered this run: {'; '.join(told)}." if told else ""
    return section(
        "found",
        "Asked and found",
        paragraph(asked),
        f'<p class="finding">{e(finding(story), 1000)}</p>',
        paragraph(leading(story) or nearest(story)),
        f'<div class="cards">{"".join(_card(*card) for card in cards)}</div>',
        paragraph(note),
        steps.keeps(story),
    )


def _card(kind: str, which: str, value: str, note: str) -> str:
    return (
        f'<div class="{kind}"><span>{e(kind + which)}</span><strong>{e(value)}</strong>'
        f"<span>{e(note)}</span></div>"
    )
