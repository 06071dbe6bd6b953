"""What this task asks of a recipe, besides the gates that every task has.

That no prediction uses what it cannot know is enforced by how the evaluation asks; this closes
what could be carried in: other files, the network, held-out text, and answers as literals.
"""

from __future__ import annotations

import ast
import zlib
from collections.abc import Iterator

from autores.records import Tree, Violation
from autores.status import Cause
from autores.tasks.parameter_golf.packing import ENTRY

LONGEST_LITERAL = 400
"""Compressed bytes of one string; docstrings are free, since they are not packed."""
ALL_LITERALS = 4_000
_NETWORK = frozenset(
    {"socket", "ssl", "http", "urllib", "ftplib", "smtplib", "requests", "aiohttp", "httpx"}
    | {"huggingface_hub", "datasets", "wandb", "torch.hub"}
)
_PATHS = ("fineweb_val", "held_out", "evaluation.bin", "certification.bin")


def check_tree(tree: Tree) -> Iterator[Violation]:
    """Everything that is wrong with a submission."""
    if ENTRY not in tree:
        yield Violation(
            rule="entry",
            message=f"there is no {ENTRY}.",
            fix=f"Keep the recipe in {ENTRY}.",
            path=ENTRY,
            cause=Cause.LAUNCH,
        )
        return
    for path in tree:
        if path != ENTRY:
            yield Violation(
                rule="single-file",
                message="all code that counts is one file.",
                fix=f"Put it into {ENTRY}.",
                path=path,
            )
    yield from check_source(tree.read(ENTRY))


def check_source(source: bytes) -> Iterator[Violation]:
    """Everything that is wrong with the file."""
    try:
        module = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return  # the gate of syntax has said so
    remarks = {id(node.value) for node in ast.walk(module) if isinstance(node, ast.Expr)}
    held = bytearray()
    for node in ast.walk(module):
        yield from _imports(node)
        if isinstance(node, ast.Constant) and id(node) not in remarks:
            held += _text(node)
            yield from _literal(node)
    if _information(held) > ALL_LITERALS:
        yield _object(
            "literals-size",
            f"literals of {_information(held):,} bytes after compression together; "
            f"at most {ALL_LITERALS:,} are allowed.",
            "Learn what they say from the training text.",
            0,
        )


def _imports(node: ast.AST) -> Iterator[Violation]:
    names: list[str] = []
    if isinstance(node, ast.Import):
        names = [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom):
        names = [f"{node.module}.{alias.name}" for alias in node.names]
    elif isinstance(node, ast.Attribute) and ast.unparse(node) == "torch.hub":
        names = ["torch.hub"]
    for name in names:
        if name in _NETWORK or name.partition(".")[0] in _NETWORK:
            line = getattr(node, "lineno", 0)
            yield _object("network", f"{name} reaches for the network.", "Do without it.", line)


def _literal(node: ast.Constant) -> Iterator[Violation]:
    text = _text(node)
    if found := [path for path in _PATHS if path.encode() in text]:
        said, fix = f"{found[0]!r} names held-out text.", "Read training shards alone."
        yield _object("held-out-path", said, fix, node.lineno)
    if _information(text) > LONGEST_LITERAL:
        yield _object(
            "literal-size",
            f"a literal of {_information(text):,} bytes after compression; "
            f"at most {LONGEST_LITERAL} are allowed.",
            "Learn what it says from the training text.",
            node.lineno,
        )


def _text(node: ast.Constant) -> bytes:
    value = node.value
    if isinstance(value, bytes):
        return value
    return str(value).encode("utf-8", "surrogatepass")


def _information(text: bytes | bytearray) -> int:
    return min(len(text), len(zlib.compress(bytes(text), 9)))


def _object(rule: str, message: str, fix: str, line: int) -> Violation:
    return Violation(rule=rule, message=message, fix=fix, path=ENTRY, line=line)
