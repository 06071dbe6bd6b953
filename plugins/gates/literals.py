"""Literals that look like data: weights, answers or compressed code inside a recipe."""

from __future__ import annotations

import ast
import math
import re
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from autores.plugins.gates.edit import Edit
from autores.records import Violation
from autores.workspace import syntax
from autores.workspace.changes import FileChange
from autores.workspace.names import shown

FIX = "Compute the values, or learn them from the training data."
LONG_WORD = 80
"""Characters of a word that looks like data, above which it is refused alone."""
_WORD = re.compile(r"\S{20,}")
_ADDRESS = re.compile(r"[(<\"'`]*https?://\S{1,200}")
_TEXT = re.compile(
    r"""\#[^\n]*|(?P<long>\'{3}|"{3})(?:[^\\]|\\.)*?(?P=long)|(?P<short>['"])(?:[^\\]|\\.)*?(?P=short)""",
    re.DOTALL,
)
"""A comment or a string in what is known to be Python."""
SIGNS: Mapping[type[object], str] = {
    ast.List: "[",
    ast.Tuple: "",
    ast.Set: "{",
    ast.Dict: ":",
    ast.USub: "-",
    ast.UAdd: "+",
    ast.Invert: "~",
    ast.Not: "!",
    ast.Add: "p",
    ast.Sub: "m",
    ast.Mult: "*",
    ast.Div: "/",
    ast.Pow: "^",
}
"""How displays and signs of literals are told apart where their information is counted."""
_BITS = 3.6
"""Entropy per character from which a long word can be data; hexadecimal digits have 4."""
_OVERHEAD = len(zlib.compress(b"", 9))


@dataclass(frozen=True, slots=True, kw_only=True)
class Literal:
    """A constant, or a display of constants."""

    text: str
    line: int

    @property
    def information(self) -> int:
        """Bytes that are left of it after compression."""
        raw = self.text.encode("utf-8", "surrogatepass")
        return min(len(raw), len(zlib.compress(raw, 9)) - _OVERHEAD)


def check(edit: Edit) -> Iterator[Violation]:
    """Each new literal alone, all of a file together, and words in comments."""
    known = {literal.text for module in edit.modules_before for literal in literals(module)}
    for change in edit.sources:
        module = change.modules[1]
        if module is not None and not edit.is_seed:
            found = tuple(literals(module))
            yield from _one_by_one(edit, change, found, known)
            yield from _together(edit, change, found)
            yield from _words(edit, change)


def _one_by_one(
    edit: Edit, change: FileChange, found: Iterable[Literal], known: set[str]
) -> Iterator[Violation]:
    for literal in found:
        if len(literal.text) <= edit.settings.literal_bytes or literal.text in known:
            continue
        if literal.information > edit.settings.literal_bytes:
            said = f"a literal of {literal.information:,} bytes after compression"
            yield _over("literal-entropy", said, edit.settings.literal_bytes, change, literal.line)


def _together(edit: Edit, change: FileChange, found: Iterable[Literal]) -> Iterator[Violation]:
    total = _information(found)
    before = _information(literals(change.modules[0])) if change.modules[0] else 0
    if total > max(before, edit.settings.literals_bytes):
        said = f"literals of {total:,} bytes after compression together"
        yield _over("literals-entropy", said, edit.settings.literals_bytes, change, 0)


def _information(found: Iterable[Literal]) -> int:
    return Literal(text="\n".join(one.text for one in found), line=0).information


def literals(module: ast.Module) -> Iterator[Literal]:
    """The largest literal expressions; docstrings count as comments."""
    plain = syntax.literals_among(syntax.nodes(module))
    level: Sequence[ast.AST] = [module]
    while level:
        for node in level:
            if node in plain:
                yield Literal(text=_text(node), line=getattr(node, "lineno", 0))
        level = syntax.below(n for n in level if n not in plain and not syntax.is_remark(n))


def _text(node: ast.AST) -> str:
    """All that a literal says, in a hurry."""
    if isinstance(node, ast.Constant):
        return repr(node.value)
    sign = SIGNS.get(type(getattr(node, "op", node)), "?")
    return f"{sign}({','.join(map(_text, syntax.children(node)))})"


# -------------------------------------------------------------------------------- words


def _words(edit: Edit, change: FileChange) -> Iterator[Violation]:
    """Data in comments, docstrings and strings, which code could read from its own file."""
    found, old = list(data_words(change.after)), [word for word, _ in data_words(change.before)]
    known = frozenset(old)
    fresh = [(word, line) for word, line in found if word not in known]
    for word, line in fresh:
        if len(word) > LONG_WORD:
            said = f"a word of {len(word):,} characters that looks like data"
            yield _over("word-entropy", said, LONG_WORD, change, line)
    total, before = sum(len(word) for word, _ in found), sum(map(len, old))
    if fresh and total > max(before, edit.settings.noise_bytes):
        said = f"words that look like data, {total:,} characters together"
        yield _over("words-entropy", said, edit.settings.noise_bytes, change, fresh[0][1])


def data_words(source: bytes) -> Iterator[tuple[str, int]]:
    """Words of comments and strings that look like data, with their lines."""
    text = source.decode("utf-8", "replace")
    line, counted = 1, 0
    for said in _TEXT.finditer(text):
        for word in _WORD.finditer(text, *said.span()):
            if _odd(word[0]):
                line += text.count("\n", counted, word.start())
                counted = word.start()
                yield word[0], line


def _odd(word: str) -> bool:
    """Whether a word is more mixed than language and code are."""
    if _ADDRESS.fullmatch(word) or len(set(word)) < 8:
        return False
    digits = sum(map(str.isdigit, word))
    mixed = digits * 8 >= len(word) or (any(map(str.isupper, word)) and digits > 1)
    return (mixed or not word.isascii()) and entropy(word) >= _BITS


def entropy(word: str) -> float:
    """Bits per character, from the word alone."""
    counts = Counter(word).values()
    return -sum(c / len(word) * math.log2(c / len(word)) for c in counts)


def _over(rule: str, found: str, limit: int, change: FileChange, line: int) -> Violation:
    message = f"{found}; at most {limit:,} are allowed."
    return Violation(rule=rule, message=message, fix=FIX, path=shown(change.path), line=line)
