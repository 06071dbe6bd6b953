"""Real evaluations of the micro profile, end to end: a bundle in, a signed outcome out."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from benchmarks.parameter_golf_attacks import PAIRS as BIGRAM

from autores.evaluator.bundle import read_bundle, write_bundle
from autores.evaluator.job import run_job
from autores.evaluator.request import EvaluationRequest
from autores.evaluator.sandbox import Level, SandboxUnavailable, choose
from autores.evaluator.signing import key_name, verify
from autores.evaluator.trees import FileTree
from autores.records import Calibration, Evaluation, Outcome, Purpose, Split
from autores.status import Cause
from autores.tasks.parameter_golf import data, plugin
from autores.tasks.parameter_golf.packing import ENTRY, packed
from autores.tasks.parameter_golf.profiles import profile_named
from autores.tasks.text.shards import read_shard

RECIPE = Path(__file__).parents[3] / "tasks" / "parameter_golf" / "recipe" / ENTRY
LIMIT = 200_000


@pytest.fixture(scope="module")
def full() -> None:
    try:
        choose(Level.FULL).close()
    except SandboxUnavailable as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> data.Prepared:
    folder = tmp_path_factory.mktemp("data")
    plugin.autores_prepare(plugin.autores_task("micro"), folder)
    return data.open_prepared(profile_named("micro"), folder)


Evaluate = Callable[..., Outcome]


@pytest.fixture
def evaluate(full: None, prepared: data.Prepared, tmp_path: Path) -> Evaluate:
    def run(source: str, **changes: Any) -> Outcome:
        task = plugin.autores_task("micro")
        files = {ENTRY: source.encode()}
        tree = FileTree(files)
        evaluation = Evaluation(
            trial=3,
            ordinal=0,
            purpose=Purpose.FIRST,
            commit="c",
            seeds=(11,),
            world=prepared.world,
            split=changes.pop("split", Split.EVALUATION),
        )
        limits = plugin.autores_budget(task)
        wall = {
            "prepare": 60.0,
            "train": 20.0,
            "inference": 20.0,
            "audit": 60.0,
        }  # for busy machines
        request = EvaluationRequest(
            evaluation=evaluation,
            tree=tree.id,
            task=task,
            plugin="autores.tasks.parameter_golf.plugin",
            limits=replace(limits, wall=wall, artifact_bytes=changes.pop("cap", LIMIT)),
            data_dir=str(prepared.folder.parents[1]),
            secret="ab" * 16,
            min_level="full",
            cpus=(min(os.sched_getaffinity(0)),),  # two threads crawl beside other work
        )
        request = replace(request, **changes)
        key = os.urandom(32)
        folder = tmp_path / key.hex()
        folder.mkdir()
        write_bundle(folder / "bundle", [request], {"c": files})
        run_job(read_bundle(folder / "bundle"), {key_name(evaluation): key}, folder)
        return verify((folder / "0.json").read_bytes(), key, evaluation, tree.id)

    return run


def _bigram_bits(prepared: data.Prepared, split: str) -> float:
    """What BIGRAM should score, in double precision."""
    profile = profile_named("micro")
    size = profile.sizes["vocabulary"]
    tokens = read_shard(prepared.folder / data.TRAIN / "fineweb_train_000000.bin").astype(int)
    counts = np.zeros((size, size))
    np.add.at(counts, (tokens[:-1], tokens[1:]), 1)
    coded = np.minimum(np.round(4 * np.log2(1 + counts.astype(np.float32))), 255)
    weights = 2 ** (coded / 4) - 1 + 0.05
    chances = weights / weights.sum(1, keepdims=True)
    stream, _ = prepared.held_out(split, profile)
    losses = -np.log2(chances[stream.inputs, stream.targets])
    return math.fsum(losses.ravel()) / stream.bytes


@pytest.mark.full
@pytest.mark.parametrize("split", Split)
def test_bits_are_those_of_an_independent_computation(
    evaluate: Evaluate, prepared: data.Prepared, split: Split
) -> None:
    outcome = evaluate(BIGRAM, split=split)
    assert outcome.cause is Cause.VALID, outcome.detail
    assert outcome.score == pytest.approx(_bigram_bits(prepared, split.value), abs=1e-6)
    assert outcome.counts["tokens"] == profile_named("micro").eval_tokens
    assert outcome.artifact is not None
    assert outcome.artifact.code_bytes == len(packed(BIGRAM.encode())) + len(ENTRY)
    assert outcome.counts["audited"] == 0


@pytest.mark.full
def test_printing_a_score_changes_nothing(evaluate: Evaluate, prepared: data.Prepared) -> None:
    outcome = evaluate('print("val_bpb: 0.5\\n" * 50)\n' + BIGRAM)
    assert outcome.score == pytest.approx(_bigram_bits(prepared, "evaluation"), abs=1e-6)


@pytest.mark.full
def test_scaling_the_right_token_alone_gains_nothing(evaluate: Evaluate) -> None:
    """Only a whole distribution counts: the evaluator normalises."""
    plain = evaluate(BIGRAM)
    lifted = evaluate(BIGRAM.replace("# the attack", "answer = answer + 50"))
    assert lifted.score == pytest.approx(plain.score, abs=1e-4)


PEEK = (
    "rows = np.random.default_rng(0).random(inputs.shape) < {share}; "
    "rows[:, -1] = False; answer = answer.copy(); i, j = np.nonzero(rows); "
    "answer[i, j, inputs[i, j + 1]] += 20"
)


def _beaten(prepared: data.Prepared) -> Calibration:
    score = _bigram_bits(prepared, "evaluation")
    return Calibration(task="parameter_golf", profile="micro", score=1.02 * score, spread=1e-3)


@pytest.mark.full
def test_who_gains_honestly_passes_the_audit(evaluate: Evaluate, prepared: data.Prepared) -> None:
    outcome = evaluate(BIGRAM, calibration=_beaten(prepared))
    assert outcome.cause is Cause.VALID, outcome.detail
    assert outcome.counts["audited"] == outcome.counts["audit_due"] >= 4
    assert outcome.counts["audited_rows"] == 56 * outcome.counts["audited"]
    assert outcome.counts["moved"] == 0


@pytest.mark.full
def test_who_looks_at_one_whole_chunk_is_found_when_its_turn_comes(
    evaluate: Evaluate, prepared: data.Prepared
) -> None:
    """Rows of one chunk are one look at such a leak: replays go round all chunks."""
    late = "part_number = globals().get('part_number', 0) + 1\n        if part_number == 4: "
    peek = "answer = answer.copy(); answer[:, :-1] += 20 * np.eye(size, dtype='f4')[inputs[:, 1:]]"
    outcome = evaluate(BIGRAM.replace("# the attack", late + peek), calibration=_beaten(prepared))
    assert (outcome.cause, outcome.score) == (Cause.AUDIT, None), outcome.detail


@pytest.mark.full
@pytest.mark.parametrize("share", [0.1, 1.0])
def test_who_peeks_is_disqualified(
    evaluate: Evaluate, prepared: data.Prepared, share: float
) -> None:
    source = BIGRAM.replace("# the attack", PEEK.format(share=share))
    outcome = evaluate(source, calibration=_beaten(prepared))
    assert (outcome.cause, outcome.score) == (Cause.AUDIT, None), outcome.detail
    assert "losses moved" in outcome.detail


@pytest.mark.full
def test_who_is_a_little_too_large_is_told_by_how_much(evaluate: Evaluate) -> None:
    size = evaluate(BIGRAM).artifact
    assert size is not None
    outcome = evaluate(BIGRAM, cap=size.total_bytes - 100)
    assert (outcome.cause, outcome.score) == (Cause.ARTIFACT_BYTES, None)
    assert outcome.detail.startswith("100 bytes over")
    assert outcome.metrics["unranked_bits_per_byte"] > 1
    assert "bits_per_byte" not in outcome.metrics


@pytest.mark.full
def test_who_is_late_and_too_large_is_late(evaluate: Evaluate) -> None:
    size = evaluate(BIGRAM).artifact
    assert size is not None
    slow = BIGRAM.replace("# the attack", "import time; time.sleep(30)")
    tight = {"prepare": 60.0, "train": 20.0, "inference": 1.0, "audit": 9.0}
    limits = plugin.autores_budget(plugin.autores_task("micro"))
    over = replace(limits, wall=tight, artifact_bytes=size.total_bytes - 1)
    outcome = evaluate(slow, limits=over)
    assert outcome.cause in (Cause.INFERENCE_TIME, Cause.STALLED)
    assert outcome.detail.startswith("inference: ")


@pytest.mark.full
@pytest.mark.parametrize(
    ("old", "new", "cause"),
    [
        ("# the attack", "answer = answer * np.nan", Cause.NOT_FINITE),
        ("# the attack", "answer = answer[:, :, :5]", Cause.PROTOCOL),
        ("harness.done(", "harness.done() or print(", Cause.ARTIFACT_MISSING),
        ("job = harness.job()", "raise SystemExit(4)", Cause.LAUNCH),
    ],
)
def test_what_goes_wrong_has_its_cause(
    evaluate: Evaluate, old: str, new: str, cause: Cause
) -> None:
    assert old in BIGRAM
    outcome = evaluate(BIGRAM.replace(old, new))
    assert (outcome.cause, outcome.score) == (cause, None), outcome.detail


@pytest.mark.full
def test_inference_finds_neither_training_nor_held_out_text(evaluate: Evaluate) -> None:
    look = """
    import glob, os
    found = [p for root in ("/data", "/code", "/tmp", "/harness") for p in
             glob.glob(root + "/**", recursive=True) if os.path.isfile(p)]
    names = sorted(map(os.path.basename, found))
    assert names == ["artifact", "harness.py", "train_gpt.py"], names
    harness.ready()"""
    head, middle, tail = BIGRAM.rpartition("    harness.ready()")
    assert middle
    outcome = evaluate(head + look.strip("\n") + tail)
    assert outcome.cause is Cause.VALID, outcome.detail


@pytest.mark.full
@pytest.mark.slow
def test_the_seed_recipe_is_measured_and_can_be_reproduced(
    evaluate: Evaluate, prepared: data.Prepared
) -> None:
    pytest.importorskip("torch")
    worse = Calibration(task="parameter_golf", profile="micro", score=8.0, spread=0.01)
    outcome = evaluate(RECIPE.read_text(), calibration=worse)
    assert outcome.cause is Cause.VALID, outcome.detail
    assert outcome.counts["moved"] == 0
    assert outcome.counts["audited"] > 0
    assert outcome.metrics["bytes_mlp"] > 1_000


@pytest.mark.full
def test_who_is_hopeless_early_is_given_up_where_the_run_asks_for_it(evaluate: Evaluate) -> None:
    slow = """
    for step in range(100):
        harness.log(step, loss=5.0)
        time.sleep(0.2)
    harness.done("""
    source = "import time\n" + BIGRAM.replace("    harness.done(", slow.strip("\n"), 1)
    wall = {"prepare": 60.0, "train": 10.0, "inference": 20.0, "audit": 60.0}
    limits = replace(plugin.autores_budget(plugin.autores_task("micro")), wall=wall)
    known = Calibration(task="parameter_golf", profile="micro", references={"early_loss": 4.0})
    hasty = evaluate(source, limits=replace(limits, early_stop=0.2), calibration=known)
    assert (hasty.cause, hasty.score) == (Cause.GATE, None)
    assert "a loss of 5.000" in hasty.detail
    assert evaluate(source, limits=limits, calibration=known).cause is Cause.TRAIN_TIME


@pytest.mark.full
def test_another_world_is_not_measured(evaluate: Evaluate, prepared: data.Prepared) -> None:
    folder = prepared.folder.parents[1] / "other"
    plugin.autores_prepare(plugin.autores_task("micro"), folder)
    outcome = evaluate(BIGRAM, data_dir=str(folder))
    assert outcome.cause is Cause.HARNESS
    assert "world" in outcome.detail
