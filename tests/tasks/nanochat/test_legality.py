from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from autores.evaluator.trees import FileTree
from autores.records import Severity
from autores.tasks.nanochat import estimate, legality
from autores.tasks.nanochat.moves import MOVES
from autores.tasks.nanochat.profiles import PROFILES, profile_named

SEED = {p.name: p.read_bytes() for p in sorted(estimate.SEED.glob("*.py"))}


def _rules(profile: str = "paper", **edits: tuple[str, str]) -> list[tuple[str, Severity]]:
    files = dict(SEED)
    for stem, (old, new) in edits.items():
        source = files[f"{stem}.py"].decode()
        assert source.count(old) == 1, old
        files[f"{stem}.py"] = source.replace(old, new).encode()
    found = legality.check_tree(FileTree(files), profile_named(profile))
    return [(violation.rule, violation.severity) for violation in found]


@pytest.mark.parametrize("profile", PROFILES)
def test_nothing_is_wrong_with_the_seed_recipe(profile: str) -> None:
    assert _rules(profile) == []


@pytest.mark.parametrize("move", MOVES, ids=lambda move: move.name)
def test_moves_are_legal(move: object) -> None:
    path, source = move.path, SEED[move.path].decode()  # type: ignore[attr-defined]
    edited = move.apply(source)  # type: ignore[attr-defined]
    assert edited is not None
    tree = FileTree({**SEED, path: edited.encode()})
    found = legality.check_tree(tree, profile_named("cpu"))
    assert [v for v in found if v.severity is Severity.REFUSE] == []


@pytest.mark.parametrize(
    ("rule", "stem", "old", "new"),
    [
        ("dependency", "model", "import math\n", "import math\nimport einops\n"),
        ("dependency", "data", "import bisect\n", "import bisect\nfrom transformers.x import y\n"),
        ("fixed-shape", "train", "sizes = fitted(job.sizes, horizon, job.ranks)", None),
        ("fixed-shape", "model", "    depth: int\n", "    depth: float\n"),
        ("fixed-tokenizer", "data", "    start = tokenizer", None),
        ("divisibility", "schedule", "ratio = 12.0", "ratio = 1e-4"),
        ("divisibility", "schedule", "batch_exponent = 0.383", "batch_exponent = -9.0"),
    ],
)
def test_what_would_fail_later_is_refused(rule: str, stem: str, old: str, new: str | None) -> None:
    inserted = {
        "train": old + '\n    sizes = {**sizes, "depth": 24}',
        "data": "    tokenizer.train_from_iterator(texts(folder, 0, 1))\n" + old,
    }
    edits = {stem: (old, new or inserted[stem])}
    if "exponent" in old:
        edits["model"] = ("mlp_ratio = 4", "mlp_ratio = 12")
    assert (rule, Severity.REFUSE) in _rules(**edits)


@pytest.mark.parametrize(
    "line",
    [
        'sizes["depth"] = 3',
        "shape = replace(shape, vocabulary=9)",
        "shape.depth = 3",
        "depth = 3",
        "depth += 1",
    ],
)
def test_every_way_to_set_the_depth_is_seen(line: str) -> None:
    files = {**SEED, "serve.py": SEED["serve.py"] + f"\n{line}\n".encode()}
    rules = [v.rule for v in legality.check_tree(FileTree(files), profile_named("cpu"))]
    assert "fixed-shape" in rules


def test_reading_the_depth_is_free() -> None:
    line = b"\ndepth = model.shape.depth\n"
    files = {**SEED, "serve.py": SEED["serve.py"] + line}
    assert not list(legality.check_tree(FileTree(files), profile_named("cpu")))


def test_a_large_change_of_parameters_is_flagged() -> None:
    assert ("parameters", Severity.WARN) in _rules(model=("mlp_ratio = 4", "mlp_ratio = 6"))


def test_a_net_that_cannot_fit_is_refused() -> None:
    tight = replace(profile_named("gpu"), device_bytes=8 << 30)
    (found,) = legality.check_tree(FileTree(SEED), tight)
    assert found.rule == "memory"


def test_who_never_speaks_is_warned() -> None:
    rules = _rules(train=("    harness.done(", "    print("))
    assert rules == [("protocol", Severity.WARN)]


# ------------------------------------------------------------------------------- estimates


@pytest.mark.parametrize(("ratio", "steps"), [(12, 2_520), (100, 21_000), (130, 27_300)])
def test_the_horizon_is_told_without_running(ratio: int, steps: int) -> None:
    source = SEED["schedule.py"].replace(b"ratio = 12.0", f"ratio = {ratio}".encode())
    tree = FileTree({**SEED, "schedule.py": source})
    found = estimate.horizon(tree, profile_named("paper").sizes)
    assert found is not None
    assert (found.steps, found.batch) == (steps, 524_288)


def test_changed_formulas_are_not_guessed_at() -> None:
    source = SEED["schedule.py"].replace(b"share**batch_exponent", b"share")
    tree = FileTree({**SEED, "schedule.py": source})
    assert estimate.horizon(tree, profile_named("paper").sizes) is None
    assert estimate.count(tree, profile_named("paper").sizes) == 286_261_730


def test_settings_are_the_numbers_at_the_top() -> None:
    found = estimate.settings(b"a = 1\nb, c = 0.5, 'x'\nd = True\ne = -2\ndef f():\n    g = 3\n")
    assert found == {"a": 1, "b": 0.5, "e": -2}


def test_the_static_count_is_the_one_of_the_recipe(recipe: object) -> None:
    import torch

    for name in ("micro", "cpu"):
        sizes = profile_named(name).sizes
        with torch.device("meta"):
            net = recipe.model.Model(recipe.model.Shape.of(sizes))  # type: ignore[attr-defined]
        assert estimate.count(FileTree(SEED), sizes) == sum(p.numel() for p in net.parameters())
        assert net.scaling_parameters() == sizes["reference_scaling"]
    assert Path(estimate.SEED).is_dir()
