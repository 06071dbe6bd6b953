from __future__ import annotations

import json
import math
import re
import textwrap
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from autores.codec import canonical, to_json
from autores.evaluator.arena import Arena, Failed, Phase, sandbox_for
from autores.evaluator.calm import Pulse
from autores.evaluator.coarse import coarsened
from autores.evaluator.sandbox import Guarantee, Level, Sandbox
from autores.hardware import usable_cpus
from autores.records import Calibration, Gate, Measurement, Point, Sample
from autores.scoring import Text, score_chunks
from autores.status import Cause

Arenas = Callable[..., Arena]
HONEST = """
    import harness, numpy as np
    job = harness.job()
    print("phase", job.phase)
    if job.phase == "infer":
        weight = np.frombuffer(job.artifact)
        harness.ready()
        harness.serve(lambda x: x * weight[0])
    else:
        go = harness.ready()
        x = np.load(job.data + "/x.npy")
        for step in range(3):
            harness.log(step, loss=1 / (step + 1))
        harness.done(np.full(job.sizes["width"], x.sum() * go.seed).tobytes())
"""


def lay_out(folder: Path) -> None:
    np.save(folder / "x.npy", np.ones(2))
    (folder / "x.npy").chmod(0o644)


def train(arena: Arena, phase: Phase = Phase.TRAIN) -> None:
    with arena.spawn(phase, seed=7, data=lay_out) as trainee:
        trainee.until_ready()
        trainee.go()
        trainee.until_done()


def failure(arena: Arena, phase: Phase = Phase.TRAIN) -> Failed:
    with pytest.raises(Failed) as caught:
        train(arena, phase)
    return caught.value


def main_measurement(arena: Arena) -> Measurement:
    return arena.measurements[-1]


def test_an_honest_recipe_is_trained_asked_and_measured(arena_of: Arenas) -> None:
    arena = arena_of(HONEST)
    with arena.spawn(Phase.TRAIN, seed=7, data=lay_out) as trainee:
        trainee.until_ready()
        trainee.go()
        weights = trainee.until_done()
    with arena.spawn(Phase.INFER, seed=7, weights=weights) as answerer:
        answerer.until_ready()
        answerer.go()
        answers = [
            answerer.ask(np.arange(n, dtype=np.float64), shape=(n,)) for n in (1, 5, 100_000)
        ]
    assert weights.path.read_bytes() == np.full(3, 14.0).tobytes()
    for answer in answers:
        np.testing.assert_array_equal(answer, 14 * np.arange(len(answer)))
    arena.record(Sample(seed=7, score=1.5))
    outcome = arena.outcome(trainee.seconds + answerer.seconds)
    assert outcome.cause is Cause.VALID
    assert outcome.containment.keys() == {"level", *(str(g.value) for g in Guarantee)}
    assert outcome.containment["score"] == "ENFORCED"
    assert outcome.score == pytest.approx(trainee.seconds + answerer.seconds)
    assert [m.phase for m in outcome.measurements] == [
        "train_prepare",
        "train",
        "inference_prepare",
        "inference",
    ]
    measured = outcome.measurements[1]
    assert [p.values["loss"] for p in measured.points] == [1, 1 / 2, 1 / 3]
    assert "phase train" in measured.log
    assert 0 < measured.wall == pytest.approx(trainee.seconds)
    assert outcome.artifact is not None
    assert (outcome.artifact.weight_bytes, outcome.artifact.sha256) == (24, weights.sha256)
    assert outcome.artifact.code_bytes == len(textwrap.dedent(HONEST)) + len("train.py")
    canonical(to_json(outcome))


def test_who_is_given_up_for_what_it_logs_ends_at_a_gate(arena_of: Arenas) -> None:
    arena = arena_of("""
        import harness, time
        harness.ready()
        for step in range(5):
            harness.log(step, loss=step)
        time.sleep(60)
    """)
    seen = []

    def watch(point: Point) -> str:
        seen.append(point.step)
        return "hopeless" if point.values["loss"] > 2 else ""

    with arena.spawn(Phase.TRAIN, seed=7) as trainee:
        trainee.until_ready()
        trainee.go()
        with pytest.raises(Failed) as caught:
            trainee.until_done(watch)
    assert (caught.value.cause, caught.value.detail) == (Cause.GATE, "hopeless")
    assert seen == [0, 1, 2, 3]
    assert main_measurement(arena).wall < 50


def test_data_and_seed_appear_at_go_and_not_before(arena_of: Arenas) -> None:
    arena = arena_of("""
        import harness, os
        job = harness.job()
        before = os.listdir(job.data)
        go = harness.ready()
        harness.done(repr((before, os.listdir(job.data), go.seed)).encode())
    """)
    train(arena)
    assert arena.weights[0].path.read_bytes() == b"([], ['x.npy'], 7)"


def test_nothing_of_training_is_there_in_the_phase_that_answers(
    arena_of: Arenas, sandbox: Sandbox
) -> None:
    if sandbox.level is not Level.FULL:
        pytest.skip("what is kept apart below the full level is told by the probes")
    arena = arena_of("""
        import harness, os
        job = harness.job()
        if job.phase == "train":
            harness.ready()
            for folder in (os.environ["AUTORES_OUT"], "/tmp", os.environ["HOME"], "/dev/shm"):
                os.makedirs(folder, exist_ok=True)
                open(folder + "/stash", "w").write("x")
            harness.done(b"weights")
        else:
            harness.ready()
            places = [os.environ["AUTORES_OUT"], "/tmp", os.environ["HOME"], "/dev/shm"]
            found = sum(os.path.exists(place + "/stash") for place in places)
            for part in harness.stream():
                part.answer([found, len(os.listdir(job.data)), job.artifact == b"weights"])
    """)
    train(arena)
    with arena.spawn(Phase.INFER, seed=1, weights=arena.weights[0]) as answerer:
        answerer.until_ready()
        answerer.go()
        found = answerer.ask(np.zeros(1), shape=(3,)).tolist()
    assert found == [0, 1, 1]


def test_truth_is_told_after_the_answer(arena_of: Arenas) -> None:
    arena = arena_of("""
        import harness, numpy as np
        job = harness.job()
        harness.ready()
        seen = 0.0
        for part in harness.stream():
            part.answer(np.array([seen]))
            seen += part.truth()[0]
    """)
    with arena.spawn(Phase.INFER, seed=1) as answerer:
        answerer.until_ready()
        answerer.go()
        found = []
        for n in (1.0, 2.0, 4.0):
            found.append(float(answerer.ask(np.zeros(1), shape=(1,))[0]))
            answerer.reveal(np.array([n]))
    assert found == [0, 1, 3]


BEGIN = "import harness, os, sys, time\njob = harness.job()\ngo = harness.ready()\n"
FAILURES = {
    "exits": (BEGIN + "sys.exit('no luck')", Cause.EXITED, "exit code 1: no luck"),
    "exits silently": (BEGIN + "os._exit(0)", Cause.EXITED, "exit code 0"),
    "raises": (BEGIN + "raise ValueError('x is 3')", Cause.EXITED, "ValueError: x is 3"),
    "is not Python": ("def f(:", Cause.LAUNCH, "SyntaxError"),
    "never connects": ("pass", Cause.LAUNCH, "exit code 0"),
    "is ended by a signal": (BEGIN + "os.kill(os.getpid(), 11)", Cause.SIGNALLED, "signal 11"),
    "hands nothing in": (BEGIN + "harness.done()", Cause.ARTIFACT_MISSING, "without an artifact"),
    "hands in too much": (
        BEGIN + "harness.done(bytes(30_000))",
        Cause.ARTIFACT_BYTES,
        "that the code leaves it",
    ),
    "hands in a link": (
        BEGIN + "os.symlink('/etc/passwd', os.environ['AUTORES_OUT'] + '/artifact')\n"
        "harness.done()",
        Cause.PROTOCOL,
        "not a regular file",
    ),
    "hands in a pipe": (
        BEGIN + "os.mkfifo(os.environ['AUTORES_OUT'] + '/artifact')\nharness.done()",
        Cause.PROTOCOL,
        "not a regular file",
    ),
    "answers nobody": (
        BEGIN + "harness._link().answer([1])\ntime.sleep(9)",
        Cause.PROTOCOL,
        "ANSWER",
    ),
    "speaks of something else": (
        BEGIN + "harness._link()._socket.sendall(b'HTTP/1.1 200 OK\\r\\n')\ntime.sleep(9)",
        Cause.PROTOCOL,
        "not a message",
    ),
    "hangs up": (
        BEGIN + "harness._link()._socket.close()\ntime.sleep(9)",
        Cause.PROTOCOL,
        "closed its connection",
    ),
    "comes twice": (
        BEGIN + "harness._Link(os.environ['AUTORES_SOCKET'], 0)\ntime.sleep(9)",
        Cause.PROTOCOL,
        "more connections",
    ),
}


@pytest.mark.parametrize("name", FAILURES)
def test_a_recipe_that(arena_of: Arenas, name: str) -> None:
    recipe, cause, detail = FAILURES[name]
    arena = arena_of(recipe)
    failed = failure(arena)
    assert failed.cause is cause
    assert detail in failed.detail
    outcome = arena.failed(failed)
    assert (outcome.cause, outcome.score) == (cause, None)
    canonical(to_json(outcome))


@pytest.mark.parametrize("name", ["exits", "hangs up", "is ended by a signal", "hands nothing in"])
def test_a_smoke_run_that_does_not_run_is_preflight(arena_of: Arenas, name: str) -> None:
    assert failure(arena_of(FAILURES[name][0]), Phase.SMOKE).cause is Cause.SMOKE


@pytest.mark.parametrize(
    ("recipe", "phase", "cause"),
    [
        ("import time\ntime.sleep(60)", Phase.TRAIN, Cause.PREPARE_TIME),
        ("import harness, time\nharness.job()\ntime.sleep(60)", Phase.TRAIN, Cause.PREPARE_TIME),
        (BEGIN + "time.sleep(60)", Phase.TRAIN, Cause.TRAIN_TIME),
        (BEGIN + "time.sleep(60)", Phase.SMOKE, Cause.SMOKE_TIME),
        (
            BEGIN + "while True: harness.log(1, loss=1); time.sleep(0.001)",
            Phase.TRAIN,
            Cause.TRAIN_TIME,
        ),
    ],
)
def test_whose_time_is_up_is_ended(
    arena_of: Arenas, recipe: str, phase: Phase, cause: Cause
) -> None:
    limit = cause.value.removesuffix("_time")
    arena = arena_of(recipe, wall={limit: 1.5})
    begin = time.monotonic()
    failed = failure(arena, phase)
    assert failed.cause is cause
    assert phase is Phase.SMOKE or "within 1.5 s" in failed.detail
    assert time.monotonic() - begin < 30
    assert main_measurement(arena).limit == cause.value
    measured = arena.measurements if phase is Phase.SMOKE else arena.measurements[-1:]
    assert sum(m.wall for m in measured) > 1.49


def test_what_was_saved_is_there_when_time_is_up(arena_of: Arenas) -> None:
    recipe = BEGIN + "harness.save(b'half')\nharness.save(b'more')\ntime.sleep(60)"
    failed = failure(arena_of(recipe, wall={"train": 3.0}))
    assert failed.saved is not None
    assert failed.saved.path.read_bytes() == b"more"


def test_a_deadline_is_told(arena_of: Arenas) -> None:
    arena = arena_of(
        BEGIN + "left = harness.deadline() - time.monotonic()\n"
        "harness.done(repr((left, go.deadline == harness.deadline())).encode())"
    )
    train(arena)
    left, same = eval(arena.weights[0].path.read_text())
    assert 0 < left < arena.request.limits.wall["train"]
    assert same


@pytest.mark.parametrize(
    ("limits", "act", "cause"),
    [
        ({"output_bytes": 10_000}, "while True: print('x' * 1000)", Cause.OUTPUT),
        ({"memory_bytes": 200 << 20}, "x = bytearray(400 << 20)\ntime.sleep(60)", Cause.MEMORY),
    ],
)
def test_limits_have_causes_of_their_own(
    arena_of: Arenas, limits: dict[str, int], act: str, cause: Cause
) -> None:
    failed = failure(arena_of(BEGIN + act, **limits))
    assert failed.cause is cause


def test_the_recipe_by_hand_of_the_protocol_page_runs(arena_of: Arenas) -> None:
    page = Path(__file__).parents[3] / "docs" / "protocol.md"
    (recipe,) = re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL)
    arena = arena_of(recipe)
    train(arena)
    assert arena.weights[0].path.read_text() == "train 7"
    assert [p.values for p in main_measurement(arena).points] == [{"loss": 0.5}]


# ----------------------------------------------------------------------------- answering


def answering(loop: str) -> str:
    return f"import harness, time, os, numpy as np\nharness.job()\nharness.ready()\n{loop}"


def asked(arena: Arena, questions: int = 1, pause: float = 0.0) -> Failed:
    with pytest.raises(Failed) as caught, arena.spawn(Phase.INFER, seed=1) as answerer:
        answerer.until_ready()
        answerer.go()
        for _ in range(questions):
            answerer.ask(np.zeros(4), shape=(4,))
            time.sleep(pause)
    return caught.value


@pytest.mark.parametrize(
    "loop",
    [
        "harness.serve(lambda x: x[:3])",
        "harness.serve(lambda x: np.zeros((1 << 20, 4)))",
        "harness.done(b'x')\ntime.sleep(9)",
        "for p in harness.stream(): harness._link()._socket.sendall(b'x' * 99)",
    ],
)
def test_another_answer_is_none_and_little_is_said_of_it(arena_of: Arenas, loop: str) -> None:
    failed = asked(arena_of(answering(loop)))
    assert failed.cause is Cause.PROTOCOL
    assert failed.detail == "answered something else than was asked"


@pytest.mark.parametrize("act", ["os._exit(77)", "raise ValueError(77)", "os.kill(0, 9)"])
def test_how_it_ends_carries_nothing_that_it_was_asked(arena_of: Arenas, act: str) -> None:
    arena = arena_of(answering(f"for part in harness.stream():\n    {act}"))
    failed = asked(arena)
    assert failed.cause in (Cause.EXITED, Cause.SIGNALLED)
    assert "77" not in failed.detail
    assert (main_measurement(arena).exit, main_measurement(arena).signal) == (None, None)


def test_answers_given_in_advance_meet_the_wrong_question(arena_of: Arenas) -> None:
    """A second answer is taken for the next question: whoever sends two gains nothing."""
    arena = arena_of(
        answering("for p in harness.stream():\n p.answer(p.array)\n p.answer(p.array)")
    )
    with arena.spawn(Phase.INFER, seed=1) as answerer:
        answerer.until_ready()
        answerer.go()
        first = answerer.ask(np.array([1.0]), shape=(1,))
        second = answerer.ask(np.array([2.0]), shape=(1,))
    assert (first[0], second[0]) == (1.0, 1.0)


def test_silence_is_a_stall_and_slowness_an_overrun(arena_of: Arenas) -> None:
    silent = arena_of(answering("time.sleep(60)"), wall={"inference": 0.8})
    assert asked(silent).cause is Cause.STALLED
    slow = arena_of(
        answering("for p in harness.stream():\n time.sleep(.1)\n p.answer(p.array)"),
        wall={"inference": 3.0},
    )
    assert asked(slow, 60).cause is Cause.INFERENCE_TIME


def test_who_leaves_after_the_last_answer_is_not_charged_for_it(arena_of: Arenas) -> None:
    arena = arena_of(
        answering(
            "next(s := harness.stream()).answer([1.0])\nharness._link()._socket.close()\ntime.sleep(9)"
        )
    )
    with arena.spawn(Phase.INFER, seed=1) as answerer:
        answerer.until_ready()
        answerer.go()
        answerer.ask(np.zeros(1), shape=(1,))
        seconds = answerer.seconds
        time.sleep(0.5)
    assert answerer.seconds == seconds
    assert main_measurement(arena).wall == pytest.approx(answerer.told_seconds) != seconds


def test_what_was_used_while_asked_is_told_coarsely(arena_of: Arenas) -> None:
    arena = arena_of(answering("x = bytearray(80 << 20)\nharness.serve(lambda x: x)"))
    with arena.spawn(Phase.INFER, seed=1) as answerer:
        answerer.until_ready()
        answerer.go()
        answerer.ask(np.zeros(1), shape=(1,))
    measured = main_measurement(arena)
    assert measured == coarsened(measured)
    assert measured.peak_memory in (64 << 20, 128 << 20, 256 << 20)
    assert measured.wall == pytest.approx(answerer.seconds, rel=0.1)
    assert arena.failed(Failed(Cause.AUDIT, "")).metrics["inference_seconds"] == measured.wall


def test_nothing_is_asked_before_go(arena_of: Arenas) -> None:
    arena = arena_of(answering("harness.serve(lambda x: x)"))
    with arena.spawn(Phase.INFER, seed=1) as answerer:
        answerer.until_ready()
        with pytest.raises(RuntimeError, match="before go"):
            answerer.ask(np.zeros(1), shape=(1,))


def test_our_own_share_of_the_time_is_given_back(arena_of: Arenas) -> None:
    arena = arena_of(answering("harness.serve(lambda x: x)"), wall={"inference": 2.0})
    with arena.spawn(Phase.INFER, seed=1) as answerer:
        answerer.until_ready()
        answerer.go()
        for _ in range(4):
            answerer.ask(np.zeros(4), shape=(4,))
            time.sleep(0.8)
    assert answerer.seconds > 2.4


def test_what_is_printed_after_the_first_question_is_shown_to_nobody(arena_of: Arenas) -> None:
    arena = arena_of(
        "import harness\nharness.job()\nprint('warm')\nharness.ready()\n"
        "for part in harness.stream():\n"
        " print('secret', part.array)\n harness.log(1, secret=part.array[0])\n"
        " part.answer(part.array)\n raise ValueError('secret')\n"
    )
    failed = asked(arena, 2)
    text = canonical(to_json(replace(arena.failed(failed), containment={}))).decode()
    assert failed.cause is Cause.EXITED
    assert "warm" in text
    assert "secret" not in text


def test_scorers_take_a_candidate_as_it_is(arena_of: Arenas) -> None:
    arena = arena_of(
        answering(
            "seen = np.zeros((5, 5), np.float32)\n"
            "for part in harness.stream():\n"
            "    part.answer(seen[part.array])\n"
            "    np.add.at(seen, (part.array, part.truth()), 1)\n"
        )
    )
    text = Text(tokens=np.arange(200) % 5, vocabulary=5, bytes=200)
    with arena.spawn(Phase.INFER, seed=1) as answerer:
        answerer.until_ready()
        answerer.go()
        found = score_chunks(answerer, text, rows=4, length=10)
    assert found[0].mean() == pytest.approx(math.log(5))
    assert found[-1].mean() < 0.01


RANKS = """
    import harness, json
    job = harness.job()
    import torch, torch.distributed as dist
    dist.init_process_group("gloo")
    go = harness.ready()
    total = torch.tensor([job.rank + 1.0])
    dist.all_reduce(total)
    if job.rank == 0:
        harness.save(json.dumps([total.item(), job.ranks, go.seed, go.deadline]).encode())
    dist.barrier()
    harness.done()
"""


@pytest.mark.slow
def test_ranks_meet_each_other_and_the_evaluator(arena_of: Arenas, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    arena = arena_of(RANKS, wall={"prepare": 60.0, "train": 30.0}, memory_bytes=4 << 30)
    task = replace(arena.request.task, distributions=("numpy", "torch"))
    arena.request = replace(arena.request, task=task)
    arena._open_sandbox = lambda: sandbox_for(arena.request, tmp_path)  # with torch in it
    with arena.spawn(Phase.TRAIN, seed=7, ranks=2) as trainee:
        trainee.until_ready()
        trainee.go()
        weights = trainee.until_done()
    total, ranks, seed, deadline = json.loads(weights.path.read_text())
    assert (total, ranks, seed) == (3.0, 2, 7)
    assert deadline == pytest.approx(trainee.deadline)


# ------------------------------------------------------------------------- clocks and counts


def test_preparing_longer_than_the_seed_recipe_is_charged(arena_of: Arenas) -> None:
    arena = arena_of("import time\ntime.sleep(0.5)\n" + BEGIN + "harness.done(b'x')")
    references = {"train_prepare_seconds": 0.2}
    calibration = Calibration(task="toy", profile="default", references=references)
    arena.request = replace(arena.request, calibration=calibration)
    with arena.spawn(Phase.TRAIN, seed=7, data=lay_out) as trainee:
        trainee.until_ready()
        trainee.go()
        trainee.until_done()
    assert trainee.overtime == pytest.approx(trainee.prepare_seconds - 0.25)
    assert trainee.seconds > 0.25
    assert main_measurement(arena).wall == pytest.approx(trainee.seconds - trainee.overtime)


@pytest.mark.parametrize("scored", [True, False])
def test_what_preparing_took_too_long_is_charged_once(arena_of: Arenas, scored: bool) -> None:
    arena = arena_of("import time\ntime.sleep(0.5)\n" + BEGIN + "harness.done(b'x')")
    calibration = Calibration(
        task="toy", profile="default", references={"train_prepare_seconds": 0.2}
    )
    arena.request = replace(arena.request, calibration=calibration)
    with arena.spawn(Phase.TRAIN, seed=7, data=lay_out, wall=60.0, scored=scored) as trainee:
        trainee.until_ready()
        before = time.monotonic()
        trainee.go()
        deadline, after = trainee.deadline, time.monotonic()
        trainee.until_done()
    allowed = 60.0 - (0.0 if scored else trainee.overtime)
    assert before <= deadline - allowed + 1e-6 and deadline - allowed <= after + 1e-6
    assert trainee.overtime > 0.2 and trainee.seconds > trainee.overtime


def gated(arena: Arena, earlier: dict[str, int]) -> Arena:
    gate = Gate(name="accuracy", hits="right", total="asked", at_least="0.9")
    task = replace(arena.request.task, gates=(gate,))
    arena.request = replace(arena.request, task=task, earlier=earlier)
    return arena


@pytest.mark.parametrize(
    ("right", "earlier", "cause"),
    [
        (90, {}, Cause.VALID),
        (89, {}, Cause.GATE),
        (89, {"right": 91, "asked": 100}, Cause.VALID),
        (100, {"right": 79, "asked": 100}, Cause.GATE),
    ],
)
def test_gates_look_at_pooled_counts(
    arena_of: Arenas, right: int, earlier: dict[str, int], cause: Cause
) -> None:
    arena = gated(arena_of(HONEST), earlier)
    arena.record(Sample(seed=7, score=3.0, counts={"right": right, "asked": 100}))
    outcome = arena.outcome(3.0)
    assert outcome.cause is cause
    assert (outcome.score is None) == (cause is Cause.GATE)
    assert outcome.metrics["rmse"] == 3.0
    assert outcome.counts == {"right": right, "asked": 100}


@pytest.mark.parametrize("score", [math.nan, math.inf, -math.inf])
def test_a_score_that_is_no_number_is_none(arena_of: Arenas, score: float) -> None:
    outcome = arena_of(HONEST).outcome(score)
    assert (outcome.cause, outcome.score) == (Cause.NOT_FINITE, None)


def test_logs_are_thinned_and_keep_the_last_line(arena_of: Arenas) -> None:
    arena = arena_of(
        BEGIN + "for i in range(5000): harness.log(i, loss=i, bad=float('nan'))\nharness.done(b'x')"
    )
    train(arena)
    points = main_measurement(arena).points
    assert 60 < len(points) <= 129
    assert (points[0].step, points[-1].step) == (0, 4999)
    assert set(points[0].values) == {"loss"}


def test_both_ends_of_a_long_output_are_kept(arena_of: Arenas) -> None:
    arena = arena_of(
        BEGIN + "print('first')\nprint('x' * 300_000)\nprint('last')\nharness.done(b'x')"
    )
    train(arena)
    log = main_measurement(arena).log
    assert log.startswith("first\nx")
    assert log.endswith("x\nlast\n")
    assert len(log) < 17_000
    assert "bytes left out" in log


def test_folders_are_gone_when_a_phase_is_over(arena_of: Arenas, tmp_path: Path) -> None:
    deep = "for i in range(1200):\n os.mkdir('d'); os.chdir('d')\n"
    arena = arena_of(BEGIN + "os.chdir(os.environ['AUTORES_OUT'])\n" + deep + "harness.done(b'x')")
    train(arena)
    left = {p.name for p in (tmp_path / "arena-0").glob("*/*")}
    assert left == {"train.py", "harness.py", "artifact"}


# ------------------------------------------------------------------------------- calmness


def calm_arena(arena: Arena, monkeypatch: pytest.MonkeyPatch, *chunks: float) -> list[float]:
    """An arena whose pulses find work to take so long; what it measures counts up."""
    pulses = iter(Pulse(at=float(i), chunk=c, stolen=0.0) for i, c in enumerate(chunks))
    monkeypatch.setattr("autores.evaluator.arena.take_pulse", lambda cpus: next(pulses))
    monkeypatch.setattr("autores.evaluator.arena.COOL_DOWN", 0.0)
    scores: list[float] = []

    def measure() -> Sample:
        scores.append(len(scores) + 1.0)
        return Sample(seed=1, score=scores[-1])

    for _ in range(len(chunks) - 1):
        arena.record(arena.calmly(measure))
    return scores


def test_what_is_timed_on_a_calm_machine_is_timed_once(
    arena_of: Arenas, monkeypatch: pytest.MonkeyPatch
) -> None:
    arena = arena_of(HONEST)
    assert calm_arena(arena, monkeypatch, 1.0, 1.01, 0.99) == [1.0, 2.0]
    assert "measured_again" not in arena.outcome(1.0).metrics


def test_what_was_disturbed_is_timed_once_more_and_the_last_counts(
    arena_of: Arenas, monkeypatch: pytest.MonkeyPatch
) -> None:
    arena = arena_of(HONEST)
    assert calm_arena(arena, monkeypatch, 1.0, 1.5, 3.0, 1.0) == [1.0, 2.0, 3.0, 4.0]
    assert [sample.score for sample in arena.samples] == [2.0, 3.0, 4.0]
    assert "factor of 1.50" in arena.unrest
    assert arena.outcome(1.0).metrics["measured_again"] == 1.0


def test_a_candidate_is_bound_to_so_many_processors(arena_of: Arenas) -> None:
    arena = arena_of(HONEST, cpus=1)
    assert arena.cpus == {usable_cpus()[-1]}
    arena.request = replace(arena.request, cpus=(3, 5))
    assert arena.cpus == {5}
    assert arena_of(HONEST).cpus == frozenset()
