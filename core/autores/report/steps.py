"""The way to the best as something to read, and the lineage around it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from autores.readmodel import Story
from autores.records import Trial
from autores.report.claims import tie, without
from autores.report.facts import gain, kept, step_effect, tested
from autores.report.markup import block, e, link, paragraph, scroller, section, status, table
from autores.report.sources import Sources

DIFF_LINES = 400
"""Of one step; more is left out."""
DIFFS = 500_000
"""Characters of all diffs together."""
BRANCHES = 4000
"""Lines of the tree."""
KEEPS = 15
"""Claims at the top of the page."""
YOUNG = 60
"""Childless children of one trial that are shown one by one."""
_NOISE = ("diff --git ", "index ")
"""Lines of a diff that say what the next ones say again, or nothing to people."""
_KINDS = {"+": "add", "-": "del", "@": "hunk"}


# --------------------------------------------------------------------------------- path


def path(sources: Sources) -> str:
    """Every step from the baseline to what leads."""
    steps = sources.story.path()
    if len(steps) < 2:
        return ""
    left = DIFFS
    items = []
    diffs = [sources.diff(old, new) for old, new in pairwise(steps)]
    for old, new, diff in zip(steps, steps[1:], diffs, strict=False):
        left -= min(len(diff), left)
        items.append(_step(old, new, diff if left else None, sources))
    best = sources.story.head.best
    intro = (
        "Each step edits the one before. A keep is a claim about all steps since the keep before "
        "it; the effects of single leads steered the search and are not claims."
    )
    if best and best != steps[-1].id:
        intro += f" Steps after trial {best:04d}, the best, have not been confirmed."
    if not any(diffs):
        intro += " The code of these steps is not at hand."
    steps_told = f"<ol>{''.join(items)}</ol>"
    return section(
        "path", "The way there", paragraph(intro), steps_told, paragraph(tie(sources.story))
    )


def _step(old: Trial, new: Trial, diff: str | None, sources: Sources) -> str:
    story, submission = sources.story, new.submission
    facts = [
        f"{link(new.id)} from {link(old.id)}",
        status(new),
        f"by {e(submission.specialist)}",
        f"{e(story.task.metric.render(story.level(new.id)))}",
        f"effect {e(step_effect(story, new))}",
    ]
    if submission.edit is not None:
        edit = submission.edit
        where = ", ".join(edit.surfaces) or "no surface"
        facts.append(e(f"{edit.radius.value} in {where}, +{edit.added} −{edit.removed} lines"))
    marks = "".join(paragraph(f"{name}: {text}") for name, text in new.marks.items())
    return (
        f"<li><h3>{e(submission.hypothesis)}</h3><p class='facts'>{' · '.join(facts)}</p>"
        f"{paragraph(without(story, new))}{marks}{_diff(old, new, diff, sources)}</li>"
    )


def _diff(old: Trial, new: Trial, diff: str | None, sources: Sources) -> str:
    lines = [line for line in (diff or "").splitlines() if not line.startswith(_NOISE)]
    shown = lines[:DIFF_LINES]
    left_out = diff is None or len(lines) > DIFF_LINES
    more = f"autores diff {sources.name} {old.id} {new.id}" if left_out else ""
    note = f"<p>The rest is shown by <code>{e(more)}</code>.</p>" if more else ""
    if not shown:
        return note
    label = f"what trial {new.id:04d} changed"
    text = "".join(_diff_line(line) for line in shown)
    return scroller(f'<pre class="diff">{text}</pre>', label) + note


def _diff_line(line: str) -> str:
    kind = _KINDS.get(line[:1], "")
    if line.startswith(("+++", "---", "rename ", "similarity ")):
        kind = "file"
    text = block(line[:2000])
    return f'<span class="{kind}">{text}\n</span>' if kind else f"{text}\n"


# --------------------------------------------------------------------------------- tree


def tree(story: Story) -> str:
    """Who was made from whom: those with descendants by line, the others as glyphs."""
    trunk = {trial.id for trial in story.path()}
    lines = list(_branches(story, trunk))
    shown = "".join(lines[:BRANCHES])
    note = f"{len(lines) - BRANCHES:,} more lines are left out." if len(lines) > BRANCHES else ""
    intro = (
        "Each line is a trial that others were made from, indented below its own parent; "
        "the glyphs after it are trials that nobody built on. Bold lines lead to the head."
    )
    body = scroller(f'<ul class="tree">{shown}</ul>', "lineage tree")
    return section("tree", "Lineage", paragraph(intro), body, paragraph(note))


def _branches(story: Story, trunk: set[int]) -> Iterator[str]:
    """Depth first, without recursion: a path may be thousands of trials long."""
    waiting = [(t.id, 0) for t in story.trials.values() if t.parent is None][::-1]
    while waiting:
        number, depth = waiting.pop()
        young = story.children.get(number, ())
        inner = [child for child in young if child in story.children or child in trunk]
        leaves = [story.trials[child] for child in young if child not in {*inner}]
        yield _branch(story.trials[number], depth, leaves, number in trunk, story)
        inner.sort(key=lambda child: child in trunk)  # the trunk last: it goes on below
        waiting += [(child, depth + (child not in trunk)) for child in reversed(inner)]


def _branch(trial: Trial, depth: int, leaves: Sequence[Trial], trunk: bool, story: Story) -> str:
    kind = ' class="trunk"' if trunk else ""
    indent = f' style="--d:{min(depth, 24)}"' if depth else ""
    level = story.level(trial.id)
    said = "" if level is None else f" {e(story.task.metric.render(level))}"
    hypothesis = f" {e(trial.submission.hypothesis, 70)}" if trunk else ""
    return (
        f"<li{kind}{indent}>{_mark(trial, f'{trial.id:04d}')}{said}{hypothesis} "
        f'<span class="young">{_leaves(leaves)}</span></li>'
    )


def _leaves(leaves: Sequence[Trial]) -> str:
    shown = "".join(_mark(leaf, "") for leaf in leaves[:YOUNG])
    return shown + (f" and {len(leaves) - YOUNG:,} more" if len(leaves) > YOUNG else "")


def _mark(trial: Trial, text: str) -> str:
    """A glyph; with a text, as a link."""
    name = trial.status.value if trial.status else "unfinished"
    sign = trial.status.glyph if trial.status else "…"
    if text:
        return f'<a href="#t{trial.id}" class="s {name}">{sign} {text}</a>'
    return f'<i class="s {name}" title="{trial.id:04d} {name}">{sign}</i>'


# -------------------------------------------------------------------------------- keeps


def keeps(story: Story) -> str:
    """The claims as a table; leads stand apart."""
    metric = story.task.metric
    rows = [
        [
            link(trial.id),
            e(trial.submission.specialist),
            e(metric.render(story.level(trial.id))),
            e(gain(story, story.gain(trial.id))),
            e(tested(story, trial.decision)),
            e(trial.submission.hypothesis),
        ]
        for trial in kept(story)
    ]
    if not rows:
        return ""
    earlier = len(rows) - KEEPS
    caption = (
        f"the last {KEEPS}; {earlier} earlier ones stand below" if earlier > 0 else "oldest first"
    )
    header = [
        ("trial", ""),
        ("by", ""),
        (metric.name, "n"),
        ("over baseline", "n"),
        ("measured after the decision", "n"),
        ("last step of the bundle", "w"),
    ]
    caption = f"Kept improvements, {caption}"
    return table(header, rows[-KEEPS:], caption=caption, kind="stack")
