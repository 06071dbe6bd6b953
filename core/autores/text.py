"""Make text from outside harmless: what a screen would obey is shown instead."""

from __future__ import annotations

import re
import unicodedata

_CONTROL = r"\x00-\x08\x0b-\x1f\x7f-\x9f"
"""All but tab and line feed: colours, cursor movements, titles, carriage returns."""
_INVISIBLE = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e"
    "\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb"
    "\ud800-\udfff\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
"""Directions, joiners, fillers, selectors, tags, halves of characters."""
_HIDDEN = re.compile(f"[{_CONTROL}{_INVISIBLE}]")

_SEQUENCE = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"  # colours and movements
    r"|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?"  # titles, links
    r"|\x1b[ -/]*[0-~]"
)
"""What terminals obey, whole, so that nothing of it is left behind as text."""
_MARKUP = re.compile(
    r" ?</?(?:[a-z]+:)?(?:function_calls?|tool_calls?|tool_use|tool_results?|invoke|parameter)"
    r"(?:\s[^<>]*)?/?> ?",
    re.IGNORECASE,
)
"""What is left of a call of a tool in a text that should have been an argument of it."""


def clean(text: str, *, one_line: bool = False) -> str:
    """Free text as it is written down: composed, without controls and stray markup, trimmed.

    What is written once reads the same everywhere; cleaned again it stays as it is.

    Args:
        text: Such as a hypothesis or a note.
        one_line: Whether line feeds become spaces too.
    """
    text = _SEQUENCE.sub("", text).replace("\r\n", "\n").replace("\t", " ")
    text = unmarked(unicodedata.normalize("NFC", _HIDDEN.sub("", text)))
    if one_line:
        return " ".join(text.split())
    return "\n".join(line.rstrip() for line in text.split("\n")).strip()


def unmarked(text: str) -> str:
    """The text without what is left of calls of tools."""
    while (bare := _MARKUP.sub(" ", text)) != text:  # what is taken out may have hidden more
        text = bare
    return text


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
