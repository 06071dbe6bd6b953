from __future__ import annotations

import subprocess
from importlib import import_module
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autores.moves import Move
from autores.plugins.agents.evolve.genome import (
    OFF,
    ON,
    Allele,
    Edit,
    Notes,
    apply,
    decode,
    difference,
    digest,
    edited,
    genome_of,
    move_gene,
    undo,
)
from autores.workspace.repository import CodeRepository

FILES = {"train.py": b"lr = 0.1\ndepth = 3\nx = plain()\n"}
MOVE = Move(
    name="other", surface="s", title="Other", path="train.py", pieces=(("plain()", "other(k=1)"),)
)
MOVES = {"other": MOVE}
LR = Edit(gene="train.py::lr", old="0.1", new="0.2")
MADE = Edit(gene=move_gene("other"), old=OFF, new=ON)

TEXTS = st.sampled_from(["1", "2", "3"])
GENES = st.sampled_from(["a", "b", "c"])
EDITS = st.lists(st.tuples(GENES, TEXTS), max_size=6)


def test_edits_of_knobs_and_moves_are_made_together() -> None:
    after = apply(FILES, [LR, MADE, Edit(gene="train.py::depth", old="3", new="12")], MOVES)
    assert after == {"train.py": b"lr = 0.2\ndepth = 12\nx = other(k=1)\n"}


@pytest.mark.parametrize(
    "edit",
    [Edit(gene="train.py::nothing", old="1", new="2"), Edit(gene="other.py::lr", old="1", new="2"),
     Edit(gene=move_gene("unknown"), old=OFF, new=ON), Edit(gene=MADE.gene, old=ON, new=OFF)],
)  # fmt: skip
def test_what_does_not_apply_makes_no_tree(edit: Edit) -> None:
    assert apply(FILES, [LR, edit], MOVES) is None


def test_a_move_is_undone_byte_for_byte() -> None:
    source = FILES["train.py"].decode()
    after = MOVE.apply(source)
    assert after is not None and undo(MOVE, after) == source
    assert undo(MOVE, source) is None


def test_a_move_that_only_removes_cannot_be_undone() -> None:
    gone = Move(name="g", surface="s", title="G", path="train.py", pieces=(("depth = 3\n", ""),))
    assert undo(gone, "lr = 0.1\n") is None


def test_a_tree_without_notes_is_read_by_comparison() -> None:
    after = apply(FILES, [LR, MADE], MOVES)
    assert after is not None
    assert genome_of(FILES, after, MOVES) == {
        "train.py::lr": Allele(origin="0.1", now="0.2"),
        MADE.gene: Allele(origin=OFF, now=ON),
    }
    assert genome_of(FILES, FILES, MOVES) == {}


def test_notes_come_back_and_other_agents_notes_are_left_alone() -> None:
    notes = Notes(operator="turn", edits=(LR,), genome={LR.gene: Allele(origin="0.1", now="0.2")})
    assert decode(notes.encode()) == notes
    for text in ("", "replays trial 3", "{", '{"evolve":2}', '{"evolve":1}', "[1]"):
        assert decode(text) is None


@given(EDITS, EDITS)
def test_a_difference_leads_from_one_genome_to_the_other(
    first: list[tuple[str, str]], second: list[tuple[str, str]]
) -> None:
    old, new = _grown(first), _grown(second)
    assert edited(old, difference(old, new)) == new
    assert difference(new, new) == ()


def _grown(steps: list[tuple[str, str]]) -> dict[str, Allele]:
    genome: dict[str, Allele] = {}
    for gene, text in steps:
        old = genome[gene].now if gene in genome else "1"
        genome = edited(genome, [Edit(gene=gene, old=old, new=text)])
    return genome


@settings(deadline=None, max_examples=25)
@given(
    st.dictionaries(
        st.sampled_from(["a.py", "b/c.py", "b/d/e.txt", "b-f.py", "b.py"]),
        st.binary(max_size=40),
        min_size=1,
    )
)
def test_the_digest_is_what_git_says(
    tmp_path_factory: pytest.TempPathFactory, files: dict[str, bytes]
) -> None:
    code = CodeRepository.create(tmp_path_factory.mktemp("code") / "code.git")
    assert digest(files) == code.tree(code.commit(files)).id


def test_the_digest_of_the_empty_tree_is_gits(tmp_path: Path) -> None:
    git = ["git", "hash-object", "-t", "tree", "/dev/null"]
    said = subprocess.run(git, capture_output=True, text=True, check=True)
    assert digest({}) == said.stdout.strip()


@pytest.mark.parametrize("task", ["airbench", "nanochat", "parameter_golf"])
def test_every_move_of_every_task_is_read_from_the_text(task: str) -> None:
    plugin = import_module(f"autores.tasks.{task}.plugin")
    found = plugin.autores_task("micro")
    root = Path(found.recipe.path)
    files = {str(p.relative_to(root)): p.read_bytes() for p in sorted(root.rglob("*.py"))}
    moves = {move.name: move for move in plugin.autores_moves(found)}
    for name in moves:
        made = apply(files, [Edit(gene=move_gene(name), old=OFF, new=ON)], moves)
        assert made is not None
        assert move_gene(name) in genome_of(files, made, moves)
        others = {gene for gene in genome_of(files, made, moves) if gene.startswith("move:")}
        assert others == {move_gene(name)}
