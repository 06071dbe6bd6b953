from __future__ import annotations

import ast
import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from autores.evaluator.harness import harness
from autores.evaluator.harness.harness import Kind
from autores.evaluator.wire import MOST_INLINE, MOST_VALUES, Channel, Message, wait_for

PAGE = Path(__file__).parents[3] / "docs" / "protocol.md"
SOURCE = Path(harness.__file__)


class Evaluator:
    """The other end: plays a script of messages, in a thread."""

    def __init__(self, folder: Path) -> None:
        self.heard: list[Message] = []
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(str(folder / "arena.sock"))
        self._listener.listen()
        self._thread: threading.Thread | None = None

    def play(self, script: Callable[[Evaluator], None]) -> None:
        def run() -> None:
            self.channel = Channel(self._listener.accept()[0])
            script(self)

        self._thread = threading.Thread(target=run)
        self._thread.start()

    def hear(self, kind: Kind) -> Message:
        while (message := self.channel.receive()) is None:
            wait_for([self.channel], 60)
        self.heard.append(message)
        assert message.kind is kind
        return message

    def tell(self, kind: Kind, body: Any = None, *arrays: np.ndarray) -> None:
        text = b"" if body is None else json.dumps(body).encode()
        self.channel.send(kind, text, arrays, until=time.monotonic() + 60)

    def meet(self, phase: str = "train") -> None:
        self.hear(Kind.HELLO)
        self.tell(Kind.JOB, {"phase": phase, "sizes": {"width": 3}, "ranks": 1})

    def begin(self) -> None:
        self.hear(Kind.READY)
        self.tell(Kind.GO, {"seed": 2**63 + 5, "deadline": 12.5})

    def close(self) -> None:
        if self._thread is not None:
            self._thread.join()
            self.channel.close()
        self._listener.close()


@pytest.fixture
def evaluator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Evaluator]:
    made = Evaluator(tmp_path)
    monkeypatch.setenv("AUTORES_SOCKET", str(tmp_path / "arena.sock"))
    monkeypatch.setenv("AUTORES_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("AUTORES_OUT", str(tmp_path))
    monkeypatch.delenv("RANK", raising=False)
    (tmp_path / "data").mkdir()
    harness._link.cache_clear()
    yield made
    if harness._link.cache_info().currsize:
        harness._link()._socket.close()
    harness._link.cache_clear()
    made.close()


def test_it_needs_nothing_but_the_standard_library_and_numpy() -> None:
    roots = set()
    for node in ast.walk(ast.parse(SOURCE.read_text())):
        if isinstance(node, ast.Import):
            roots |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            roots.add((node.module or "").split(".")[0])
    assert roots - {"numpy"} <= sys.stdlib_module_names


def test_training_is_a_conversation(evaluator: Evaluator, tmp_path: Path) -> None:
    def script(e: Evaluator) -> None:
        e.meet()
        e.begin()
        e.hear(Kind.LOG)
        e.hear(Kind.DONE)

    evaluator.play(script)
    job = harness.job()
    assert (job.phase, job.sizes, job.rank, job.ranks) == ("train", {"width": 3}, 0, 1)
    assert job.data == str(tmp_path / "data")
    go = harness.ready()
    assert (go.seed, go.deadline, go.data) == (2**63 + 5, 12.5, job.data)
    assert harness.deadline() == 12.5
    harness.log(3, loss=np.float32(0.5))
    harness.done(b"weights")
    assert (tmp_path / "artifact").read_bytes() == b"weights"


def test_an_artifact_is_whole_or_not_there(evaluator: Evaluator, tmp_path: Path) -> None:
    harness.save(b"one")
    harness.save(memoryview(b"two"))
    assert (tmp_path / "artifact").read_bytes() == b"two"
    assert [p.name for p in tmp_path.iterdir() if "draft" in p.name] == []


def test_questions_truths_and_the_end(evaluator: Evaluator, tmp_path: Path) -> None:
    (tmp_path / "data" / "artifact").write_bytes(b"weights")
    questions = [np.arange(n, dtype=np.int64) for n in (1, 4, 50_000)]

    def script(e: Evaluator) -> None:
        e.meet("infer")
        e.begin()
        for question in questions:
            e.tell(Kind.ASK, None, question, question[:1])
            e.hear(Kind.ANSWER)
            e.tell(Kind.TRUTH, None, question + 1)
        e.tell(Kind.END)

    evaluator.play(script)
    job = harness.job()
    assert job.artifact == b"weights"
    assert Path(job.artifact_path).read_bytes() == b"weights"
    harness.ready()
    seen = []
    for part in harness.stream():
        seen.append(part.array)
        part.answer(part.array.astype(np.float32))
        if len(part.array) > 1:  # the first truth is left alone
            np.testing.assert_array_equal(part.truth(), part.array + 1)
    for question, got in zip(questions, seen, strict=True):
        np.testing.assert_array_equal(question, got)


def test_who_asks_for_truth_that_is_not_told_learns_it(evaluator: Evaluator) -> None:
    def script(e: Evaluator) -> None:
        e.meet("infer")
        e.begin()
        e.tell(Kind.ASK, None, np.zeros(1))
        e.hear(Kind.ANSWER)
        e.tell(Kind.END)

    evaluator.play(script)
    harness.job()
    harness.ready()
    part = next(harness.stream())
    part.answer([1.0])
    with pytest.raises(RuntimeError, match="does not tell"):
        part.truth()


def test_serve_gives_a_function_all_arrays(evaluator: Evaluator) -> None:
    def script(e: Evaluator) -> None:
        e.meet("infer")
        e.begin()
        e.tell(Kind.ASK, None, np.full(3, 2.0), np.full(3, 5.0))
        message = e.hear(Kind.ANSWER)
        e.answer = e.channel.copy(message.arrays[0], message)  # type: ignore[attr-defined]
        e.tell(Kind.END)

    evaluator.play(script)
    harness.job()
    harness.ready()
    harness.serve(lambda a, b: a * b)
    evaluator.close()
    assert evaluator.answer.tolist() == [10, 10, 10]  # type: ignore[attr-defined]


@pytest.mark.parametrize("what", [np.array(["a"]), np.zeros((1,) * 6), np.array([None])])
def test_what_cannot_be_sent_is_refused_here(evaluator: Evaluator, what: Any) -> None:
    evaluator.play(lambda e: e.meet())
    harness.job()
    with pytest.raises(ValueError, match="cannot be sent"):
        harness._link().answer(what)


def test_other_ranks_do_not_log(evaluator: Evaluator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", "2")

    def script(e: Evaluator) -> None:
        e.meet()
        e.begin()
        e.hear(Kind.DONE)

    evaluator.play(script)
    assert harness.job().rank == 2
    harness.ready()
    harness.log(1, loss=1.0)
    harness.done()


def test_when_the_evaluator_has_gone_the_recipe_ends(evaluator: Evaluator) -> None:
    def script(e: Evaluator) -> None:
        e.meet()
        e.channel.close()

    evaluator.play(script)
    harness.job()
    with pytest.raises((SystemExit, BrokenPipeError, ConnectionResetError)):
        harness.ready()


def test_the_page_describes_what_is_spoken() -> None:
    page = PAGE.read_text()
    rows = re.findall(r"^\| (\d+) \| ([A-Z]+) \|", page, re.MULTILINE)
    assert {name: int(number) for number, name in rows} == {k.name: k.value for k in Kind}
    types = dict(re.findall(r"(\d+) `([uif]\d+)`", page))
    kinds = {f"{t.kind}{8 * t.itemsize}": str(number) for number, t in harness.TYPES.items()}
    assert {name: number for number, name in types.items()} == kinds
    assert (harness.HEADER.size, harness.ARRAY.size) == (8, 56)
    assert "header of 8 bytes" in page
    assert "note of 56 bytes" in page
    assert f"at most {MOST_INLINE >> 20} MiB" in page
    assert f"at most {MOST_VALUES})" in page


def test_by_hand_it_says_what_is_missing(tmp_path: Path) -> None:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("AUTORES")}
    ended = subprocess.run(
        [sys.executable, "-c", "import harness; harness.job()"],
        env={**environment, "PYTHONPATH": str(SOURCE.parent)},
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )
    assert ended.returncode == 1
    assert (
        ended.stderr.strip() == "AUTORES_SOCKET is not set: a recipe is run by autores, not by hand"
    )
