"""The code as it is weighed: without comments, compressed, and able to run as it is."""

from __future__ import annotations

import ast
import base64
import io
import lzma
import tokenize
from collections.abc import Iterator

ENTRY = "train_gpt.py"
_FILTERS = [{"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME}]
_PROGRAM = (
    "import lzma,base64\n"
    'exec(compile(lzma.decompress(base64.b85decode(b"{code}"),3,None,'
    '[{{"id":33,"preset":9}}]),"{name}","exec"))\n'
)
Position = tuple[int, int]


def packed(source: bytes, name: str = ENTRY) -> bytes:
    """The shorter of a program and its packed form; it does the same and has the same lines.

    Lines stay where they were, so that a trace names the lines of the file that was edited.
    """
    code = base64.b85encode(lzma.compress(minified(source), lzma.FORMAT_RAW, filters=_FILTERS))
    program = _PROGRAM.format(code=code.decode(), name=name).encode()
    return min(source, program, key=len)


def minified(source: bytes) -> bytes:
    """Without comments, docstrings and wide indentation; as it is where that is not safe."""
    try:
        module = ast.parse(source)
        remarks = set(_remarks(module))
        text = _narrowed(source, remarks).encode()
        return text if _meaning(ast.parse(text)) == _meaning(module) else source
    except (SyntaxError, ValueError, RecursionError, tokenize.TokenError):
        return source


def _remarks(module: ast.Module) -> Iterator[Position]:
    """Where strings begin that are statements of their own, but for one that fills its body."""
    for _, statements in _bodies(module):
        strings = [s for s in statements if _is_string(s)]
        kept = strings[:1] if len(strings) == len(statements) else []
        yield from ((s.lineno, s.col_offset) for s in strings if s not in kept)


def _meaning(module: ast.Module) -> str:
    """The program without such strings."""
    for body, statements in _bodies(module):
        rest = [s for s in statements if not _is_string(s)]
        body[:] = rest or statements[:1]
    return ast.dump(module)


def _bodies(module: ast.Module) -> Iterator[tuple[list[ast.stmt], list[ast.stmt]]]:
    """Every body, and what stands in it."""
    for node in ast.walk(module):
        for name in ("body", "orelse", "finalbody"):
            body = getattr(node, name, None)
            if isinstance(body, list) and body:
                yield body, list(body)


def _is_string(node: ast.stmt) -> bool:
    value = node.value if isinstance(node, ast.Expr) else None
    return isinstance(value, ast.Constant) and isinstance(value.value, str)


def _narrowed(source: bytes, remarks: set[Position]) -> str:
    """The same lines, of which some are shorter. Goes backwards, so that columns stay true."""
    lines = source.decode().split("\n")
    for token, depth in reversed(list(_with_depth(source))):
        (row, column), (last, end) = token.start, token.end
        line = lines[row - 1] if row <= len(lines) else ""  # the end has tokens of its own
        if token.type == tokenize.COMMENT:
            lines[row - 1] = line[:column].rstrip()
        elif token.type == tokenize.STRING and token.start in remarks:
            rest = lines[last - 1][end:]
            lines[row - 1 : last] = [line[:column].rstrip(), *[""] * (last - row)]
            lines[last - 1] += rest
        elif depth is not None:
            lines[row - 1] = " " * depth + line[column:]
    return "\n".join(lines)


def _with_depth(source: bytes) -> Iterator[tuple[tokenize.TokenInfo, int | None]]:
    """Tokens, and for the first of a line how deep it has to be indented."""
    depth, row, begins = 0, 0, True
    for token in tokenize.tokenize(io.BytesIO(source).readline):
        if token.type in (tokenize.INDENT, tokenize.DEDENT):
            depth += 1 if token.type == tokenize.INDENT else -1
            continue
        first = token.start[0] > row and token.type not in _SILENT
        yield token, ((depth if begins else 0) if first else None)
        row = token.end[0]
        if token.type not in _SILENT:
            begins = False
        elif token.type == tokenize.NEWLINE:
            begins = True


_SILENT = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.ENCODING, tokenize.ENDMARKER}
