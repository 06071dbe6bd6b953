"""HTML from text that nobody trusts: everything passes through `e`."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape as _escape

from autores.records import Trial
from autores.rows import glyph, standing
from autores.text import escape, escape_line

Rows = Iterable[Iterable[str]]


def e(text: object, limit: int = 400) -> str:
    """Text as one line of HTML; what a screen would obey is written out."""
    return _escape(escape_line(str(text), limit))


def block(text: str) -> str:
    """Text of several lines as HTML, for within `<pre>`."""
    return _escape(escape(text))


def table(header: Iterable[tuple[str, str]], rows: Rows, *, caption: str, kind: str = "") -> str:
    """A table that scrolls sideways where it must.

    Args:
        header: Title and class of each column; class `n` is for numbers.
        rows: Cells as HTML.
        caption: What it shows, for all who see and all who do not.
        kind: A class of the table.
    """
    columns = list(header)
    titles = "".join(f'<th scope="col" class="{k}">{e(title)}</th>' for title, k in columns)
    head = f"<thead><tr>{titles}</tr></thead>" if any(title for title, _ in columns) else ""
    body = "".join(
        "<tr>"
        + "".join(f'<td class="{k}">{c}</td>' for (_, k), c in zip(columns, row, strict=True))
        + "</tr>"
        for row in rows
    )
    return scroller(
        f'<table class="{kind}"><caption>{e(caption)}</caption>{head}<tbody>{body}</tbody></table>',
        caption,
    )


def scroller(inner: str, label: str) -> str:
    """A region that scrolls sideways by itself, also with the keyboard."""
    return f'<div class="scroll" tabindex="0" role="region" aria-label="{e(label)}">{inner}</div>'


def section(name: str, title: str, *parts: str) -> str:
    """A section with a heading that can be linked to."""
    body = "".join(parts)
    return f'<section aria-labelledby="{name}"><h2 id="{name}">{e(title)}</h2>{body}</section>'


def paragraph(text: str) -> str:
    """A paragraph of plain text; nothing where there is none."""
    return f"<p>{e(text, 2000)}</p>" if text else ""


def status(trial: Trial) -> str:
    """Its glyph and status."""
    name = standing(trial)
    return f'<span class="s {name}"><b aria-hidden="true">{glyph(trial)}</b> {name}</span>'


def link(trial: int | None, text: str = "") -> str:
    """A link to its row."""
    return "–" if trial is None else f'<a href="#t{trial}">{e(text) or f"{trial:04d}"}</a>'
