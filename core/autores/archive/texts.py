"""Free text of agents to what it means: numbers, trials, and what had leaked into it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from autores.archive.layout import NUMBER
from autores.text import clean

_DASHES = str.maketrans("−–—‒", "----")
_PARAMETER = re.compile(
    r'<parameter name="+(\w+)"+>(.*?)(?=</?(?:parameter|invoke)\b|\Z)', re.DOTALL
)
_LEAK = re.compile(
    r"</(?:hypothesis|notes|expected_delta|parent_exp)>|<parameter name=|</?invoke\b"
)
_ID = re.compile(r"(?:exp[_ ]?)?(\d+)", re.IGNORECASE)
_IDS = re.compile(
    r"(?:(?:exp[_ ]?)?\d{3,})(?:(?:\s*[,;+&/]\s*|\s+and\s+)(?:exp[_ ]?)?\d{3,})+", re.IGNORECASE
)
_LONG_ID = re.compile(r"(?:exp[_ ]?)?(\d{3,})", re.IGNORECASE)
_CITED = re.compile(r"\bexp[_ ]?(\d{3,})\b", re.IGNORECASE)
_NONE = ("", "none", "n/a", "na", "-", "nan", "null", "?")
_SEED = ("baseline", "seed", "root")
_RANGE = re.compile(rf"({NUMBER})\s*(?:to|\.\.\.?|…|~|/)\s*({NUMBER})")
_DASHED_RANGE = re.compile(r"([-+]?)((?:\d+\.?\d*|\.\d+))\s*-\s*((?:\d+\.?\d*|\.\d+))")
_FIRST = re.compile(NUMBER)


@dataclass(frozen=True, slots=True)
class Leaked:
    """A text, and the arguments of a tool that had got into it."""

    text: str
    arguments: dict[str, str] = field(default_factory=dict)


def unleaked(text: str) -> Leaked:
    """Part a text from leaked markup of the call in which it was an argument."""
    first = _LEAK.search(text) if "<" in text else None
    if first is None:
        return Leaked(text)
    found = {name: tidy(value) for name, value in _PARAMETER.findall(text)}
    return Leaked(text[: first.start()].rstrip(), found)


def parents_of(text: str) -> tuple[tuple[int, ...], bool] | None:
    """The trials that a text names as parents, and whether it named them plainly.

    None where it can be read in more than one way, or in none.
    """
    bare = text.strip().strip('"').lower()
    if bare in _NONE:
        return (), True
    if bare in _SEED:
        return (0,), False
    if bare.isdecimal():
        return (int(bare),), bare == text
    if found := _ID.fullmatch(bare):
        return (int(found[1]),), False
    named = tuple(dict.fromkeys(int(number) for number in _LONG_ID.findall(bare)))
    if len(named) == 1 or _IDS.fullmatch(bare):
        return named, False
    return None


def tidy(text: str) -> str:
    """A text as one clean line, fast where it is one already."""
    if text.isascii() and text.isprintable() and "<" not in text:
        return " ".join(text.split())
    return clean(text, one_line=True)


def cited_in(*texts: str) -> tuple[int, ...]:
    """The trials that texts mention as `exp_012`."""
    mentioning = (text for text in texts if "exp" in text or "Exp" in text or "EXP" in text)
    found = (int(number) for text in mentioning for number in _CITED.findall(text))
    return tuple(dict.fromkeys(found))


def delta_of(text: str, level: float | None) -> tuple[float | None, bool] | None:
    """The change that a text expects, and whether it is a plain number; None if it cannot be read.

    Args:
        text: As an agent wrote it.
        level: What a percentage is of.
    """
    bare = text.strip().strip('"').strip().translate(_DASHES).lower().lstrip("~≈≤≥<> ")
    if bare in _NONE:
        return None, True
    try:
        return float(bare), bare == text
    except ValueError:
        number = _number_in(bare)
    if number is None:
        return None
    if "%" not in bare:
        return number, False
    return None if level is None else (number / 100 * abs(level), False)


def _number_in(text: str) -> float | None:
    """A number, or the middle of a range; more than one range or number is no answer."""
    if found := _RANGE.search(text):
        return (float(found[1]) + float(found[2])) / 2
    if found := _DASHED_RANGE.search(text):
        sign = -1.0 if found[1] == "-" else 1.0
        return sign * (float(found[2]) + float(found[3])) / 2
    numbers = _FIRST.findall(text)
    return float(numbers[0]) if len(numbers) == 1 else None
