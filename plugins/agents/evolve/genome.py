"""What a tree is made of: knobs away from the seed recipe's values, and moves that were made.

A genome says everything that search needs of a trial, so it travels in the trial's notes, and
no tree has to be read again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from autores.moves import Move
from autores.plugins.agents.evolve.knobs import find_knobs
from autores.plugins.agents.evolve.literals import parse

ON, OFF = "on", "off"
_MOVE = "move:"
_TEXT = "text:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Allele:
    """One gene's text in the seed recipe and now."""

    origin: str
    now: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """One gene changed: a knob's text, or a move made or undone."""

    gene: str
    old: str
    new: str

    @property
    def move(self) -> str:
        """The move's name; empty for a knob."""
        return self.gene.removeprefix(_MOVE) if self.gene.startswith(_MOVE) else ""

    @property
    def name(self) -> str:
        """The gene for people: `lr`, `SGD.step(alpha)`, the move's name or the text's commit."""
        return self.move or self.gene.partition("::")[2] or self.gene.removeprefix(_TEXT)

    def __str__(self) -> str:
        if self.move or is_text(self.gene):
            return f"{'' if self.new == ON else 'no '}{self.name}"
        return f"{self.name} {self.old} → {self.new}"


Genome = Mapping[str, Allele]
Files = Mapping[str, bytes]


def move_gene(name: str) -> str:
    """The gene of a move."""
    return _MOVE + name


def is_move(gene: str) -> bool:
    """Whether a gene is a move's."""
    return gene.startswith(_MOVE)


def text_edit(commit: str) -> Edit:
    """What a commit changed beyond knobs and moves: one gene, that only a merge can bring."""
    return Edit(gene=_TEXT + commit[:12], old=OFF, new=ON)


def is_text(gene: str) -> bool:
    """Whether a gene stands for texts of a commit."""
    return gene.startswith(_TEXT)


def texts_of(genome: Genome) -> dict[str, Allele]:
    """A genome without its knobs and moves."""
    return {gene: allele for gene, allele in genome.items() if is_text(gene)}


def edited(genome: Genome, edits: Iterable[Edit]) -> dict[str, Allele]:
    """The genome after some edits; a gene that is back at its origin is left out."""
    after = dict(genome)
    for edit in edits:
        origin = after[edit.gene].origin if edit.gene in after else edit.old
        if edit.new == origin:
            after.pop(edit.gene, None)
        else:
            after[edit.gene] = Allele(origin=origin, now=edit.new)
    return after


def difference(old: Genome, new: Genome) -> tuple[Edit, ...]:
    """The edits that lead from one genome to another."""
    return tuple(
        Edit(gene=gene, old=_text(old, new, gene), new=_text(new, old, gene))
        for gene in sorted({*old, *new})
        if _text(old, new, gene) != _text(new, old, gene)
    )


def _text(of: Genome, other: Genome, gene: str) -> str:
    return of[gene].now if gene in of else other[gene].origin


# -------------------------------------------------------------------------- making edits


def apply(files: Files, edits: Iterable[Edit], moves: Mapping[str, Move]) -> Files | None:
    """The files after some edits, moves first; None where one of them does not apply."""
    turns: dict[str, dict[str, str]] = {}
    for edit in edits:
        if not edit.move:
            turns.setdefault(edit.gene.partition("::")[0], {})[edit.gene] = edit.new
            continue
        moved = _move(files, edit, moves)
        if moved is None:
            return None
        files = moved
    for path, texts in turns.items():
        source = _turn(path, files.get(path, b""), texts)
        if source is None:
            return None
        files = {**files, path: source}
    return files


def _turn(path: str, source: bytes, texts: Mapping[str, str]) -> bytes | None:
    program = parse(path, source)
    found = [x for x in program.literals if x.identity in texts] if program else []
    if len(found) != len(texts):
        return None
    for literal in sorted(found, key=lambda literal: -literal.start):
        source = literal.splice(source, texts[literal.identity])
    return source


def _move(files: Files, edit: Edit, moves: Mapping[str, Move]) -> Files | None:
    move = moves.get(edit.move)
    if move is None or move.path not in files:
        return None
    try:
        source = files[move.path].decode()
    except UnicodeDecodeError:
        return None
    result = move.apply(source) if edit.new == ON else undo(move, source)
    if result is None or result == source:
        return None
    return {**files, move.path: result.encode()}


def undo(move: Move, source: str) -> str | None:
    """The source without the move; None where its traces are not there exactly once."""
    for old, new in reversed(move.pieces):
        if not new or source.count(new) != 1:
            return None
        source = source.replace(new, old)
    return source


def digest(files: Files) -> str:
    """The id of the git tree of these files, by which the lineage knows them."""
    leaves: list[tuple[str, str, bytes]] = []
    folders: dict[str, dict[str, bytes]] = {}
    for path, data in files.items():
        top, slash, rest = path.partition("/")
        if slash:
            folders.setdefault(top, {})[rest] = data
        else:
            leaves.append((top, "100644", _git_hash("blob", data)))
    leaves += [
        (f"{name}/", "40000", bytes.fromhex(digest(inner))) for name, inner in folders.items()
    ]
    rows = sorted((name.encode(), mode, oid) for name, mode, oid in leaves)
    body = b"".join(mode.encode() + b" " + n.rstrip(b"/") + b"\0" + oid for n, mode, oid in rows)
    return _git_hash("tree", body).hex()


def _git_hash(kind: str, data: bytes) -> bytes:
    header = f"{kind} {len(data)}\0".encode()
    return hashlib.sha1(header + data, usedforsecurity=False).digest()


# --------------------------------------------------------------------------------- notes


@dataclass(frozen=True, slots=True, kw_only=True)
class Notes:
    """What evolve writes beside its hypotheses, for itself."""

    operator: str
    edits: tuple[Edit, ...]
    """Of the parent's tree."""
    genome: Genome

    def encode(self) -> str:
        """As one line of JSON."""
        return json.dumps(
            {
                "evolve": 1,
                "operator": self.operator,
                "edits": [[e.gene, e.old, e.new] for e in self.edits],
                "genome": {gene: [a.origin, a.now] for gene, a in self.genome.items()},
            },
            separators=(",", ":"),
            sort_keys=True,
        )


def decode(text: str) -> Notes | None:
    """Notes of this agent; None where another one wrote them."""
    if not text.startswith("{"):
        return None
    try:
        data = json.loads(text)
        if data["evolve"] != 1:
            return None
        return Notes(
            operator=str(data["operator"]),
            edits=tuple(Edit(gene=g, old=o, new=n) for g, o, n in data["edits"]),
            genome={g: Allele(origin=o, now=n) for g, (o, n) in data["genome"].items()},
        )
    except (KeyError, TypeError, ValueError):
        return None


# ----------------------------------------------------------------------- reading of trees


def genome_of(seed: Files, files: Files, moves: Mapping[str, Move]) -> dict[str, Allele]:
    """The genome of a tree that has no notes, by comparison with the seed recipe."""
    found: dict[str, Allele] = {}
    for path in sorted(files):
        if path.endswith(".py") and path in seed and files[path] != seed[path]:
            origins = {k.gene: k.literal.text for k in find_knobs(path, seed[path])}
            for knob in find_knobs(path, files[path]):
                origin, now = origins.get(knob.gene), knob.literal.text
                if origin is not None and origin != now:
                    found[knob.gene] = Allele(origin=origin, now=now)
    for move in moves.values():
        if _made(seed, files, move):
            found[move_gene(move.name)] = Allele(origin=OFF, now=ON)
    return found


def _made(seed: Files, files: Files, move: Move) -> bool:
    """Whether all of a move's new texts, and none of those that it takes out, came to stand."""
    before, after = (t.get(move.path, b"").decode(errors="replace") for t in (seed, files))
    if move.apply(before) is None:
        return False
    return all(
        new in after and new not in before if new else old not in after for old, new in move.pieces
    )
