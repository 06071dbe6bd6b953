"""Make text from outside harmless: what a screen would obey is shown instead."""

from __future__ import annotations

import re

_CONTROL = r"\x00-\x08\x0b-\x1f\x7f-\x9f"
"""All but tab and line feed: colours, cursor movements, titles, carriage returns."""
_INVISIBLE = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e"
    "\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb"
    "\ud800-\udfff\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
"""Directions, joiners, fillers, selectors, tags, halves of characters."""
_HIDDEN = re.compile(f"[{_CONTROL}{_INVISIBLE}]")


def escape(text: str) -> str:
    r"""The text with every control and invisible character written out, as in `\x1b`.

    Tabs and line feeds stay; the result escaped again is the same.
    """
    return _HIDDEN.sub(_written_out, text)


def escape_line(text: str, limit: int = 200) -> str:
    """The text as one line of at most `limit` characters."""
    line = escape(text).replace("\t", " ").replace("\n", " ⏎ ").strip()
    return line if len(line) <= limit else f"{line[: limit - 1]}…"


def excerpt(head: bytes, tail: bytes, omitted: int) -> str:
    """Both ends of something long, escaped, with a note on what lies between."""
    first, last = (escape(part.decode(errors="replace")) for part in (head, tail))
    return f"{first}\n… {omitted:,} bytes left out …\n{last}" if omitted else first + last


def _written_out(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape", "surrogatepass").decode("ascii")
