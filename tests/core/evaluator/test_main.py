"""The evaluator as executors start it: a bundle in, signed outcomes out."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from autores.evaluator.bundle import FILE, read_bundle, write_bundle
from autores.evaluator.job import BadKeys, run_job, take_keys
from autores.evaluator.request import EvaluationRequest
from autores.evaluator.signing import BadSignature, key_name, verify
from autores.evaluator.staging import STAGING, staging_folder, work_folder
from autores.evaluator.trees import FileTree
from autores.records import Evaluation, Outcome, Purpose
from autores.status import Cause
from autores.testing import toy

FIT = b"degree = 4\nridge = 0.02\nrate = 0.05\nsteps = 60\n"


class Laboratory:
    """A bundle of toy evaluations with its keys and a place for results."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.task = toy.autores_task("")
        toy.autores_prepare(self.task, root / "data")
        self.requests: list[EvaluationRequest] = []
        (root / "results").mkdir()

    def bundle(self, *sources: bytes, **changes: Any) -> None:
        trees = {f"commit{n}": {"fit.py": source} for n, source in enumerate(sources)}
        self.requests = [
            replace(self._request(n, FileTree(tree), commit), **changes)
            for n, (commit, tree) in enumerate(trees.items())
        ]
        self.keys = {key_name(r.evaluation): os.urandom(32) for r in self.requests}
        write_bundle(self.root / "bundle", self.requests, trees)
        self.write_keys({name: key.hex() for name, key in self.keys.items()})

    def write_keys(self, keys: Mapping[str, str]) -> None:
        (self.root / "keys").write_text(json.dumps(keys))
        (self.root / "keys").chmod(0o600)

    def _request(self, n: int, tree: FileTree, commit: str) -> EvaluationRequest:
        return EvaluationRequest(
            evaluation=Evaluation(
                trial=n, ordinal=0, purpose=Purpose.FIRST, commit=commit, seeds=(7,)
            ),
            tree=tree.id,
            task=self.task,
            plugin="autores.testing.toy",
            limits=toy.autores_budget(self.task),
            data_dir=str(self.root / "data"),
            secret="00" * 16,
        )

    def start(self) -> subprocess.CompletedProcess[str]:
        places = [f"{self.root}/bundle", f"--keys={self.root}/keys"]
        return subprocess.run(
            [sys.executable, "-I", "-m", "autores.evaluator", *places, "--results=results"],
            cwd=self.root,
            capture_output=True,
            text=True,
            check=False,
        )

    def outcome(self, position: int = 0) -> Outcome:
        request = self.requests[position]
        text = (self.root / "results" / f"{position}.json").read_bytes()
        key = self.keys[key_name(request.evaluation)]
        return verify(text, key, request.evaluation, request.tree)

    def run(self, program: str) -> None:
        """Run the job with a program of the test in the place of the evaluator."""
        script = self.root / "program.py"
        script.write_text(textwrap.dedent(program))
        bundle = read_bundle(self.root / "bundle")
        run_job(bundle, self.keys, self.root / "results", program=(sys.executable, str(script)))


@pytest.fixture
def laboratory(tmp_path: Path) -> Laboratory:
    return Laboratory(tmp_path)


def test_each_evaluation_leaves_one_signed_outcome(laboratory: Laboratory) -> None:
    laboratory.bundle(FIT, FIT.replace(b"degree = 4", b"degree = 5"), b"nothing = 0\n")
    ended = laboratory.start()
    assert (ended.returncode, ended.stderr) == (0, "")
    causes = [laboratory.outcome(n).cause for n in range(3)]
    assert causes == [Cause.VALID, Cause.VALID, Cause.EXITED]
    assert laboratory.outcome(0).score != laboratory.outcome(1).score
    assert sorted(os.listdir(laboratory.root / "results")) == ["0.json", "1.json", "2.json"]
    assert not (laboratory.root / "keys").exists()
    assert os.listdir(laboratory.root / "data" / STAGING) == []


def test_an_outcome_is_signed_for_one_evaluation_alone(laboratory: Laboratory) -> None:
    laboratory.bundle(FIT, FIT + b"\n")
    laboratory.start()
    text = (laboratory.root / "results" / "0.json").read_bytes()
    first, second = laboratory.requests
    key = laboratory.keys[key_name(first.evaluation)]
    for wrong in (
        (os.urandom(32), first.evaluation, first.tree),
        (key, second.evaluation, second.tree),
        (key, replace(first.evaluation, attempt=2), first.tree),
        (key, first.evaluation, second.tree),
    ):
        with pytest.raises(BadSignature):
            verify(text, *wrong)


def _another_file(root: Path) -> None:
    (root / "bundle/trees/commit0/fit.py").write_bytes(FIT.replace(b"60", b"90"))


def _a_link(root: Path) -> None:
    path = root / "bundle/trees/commit0/fit.py"
    path.rename(root / "elsewhere")
    path.symlink_to(root / "elsewhere")


def _a_second_name(root: Path) -> None:
    os.link(root / "bundle/trees/commit0/fit.py", root / "other")


def _one_more_file(root: Path) -> None:
    (root / "bundle/trees/commit0/json.py").write_text("raise SystemExit")


def _other_code(root: Path) -> None:
    path = root / "bundle" / FILE
    description = json.loads(path.read_text())
    description["code"]["autores"] = "0" * 64
    path.write_text(json.dumps(description))


@pytest.mark.parametrize(
    ("tamper", "detail"),
    [
        (_another_file, "which was submitted"),
        (_a_link, "tree"),
        (_a_second_name, "one name"),
        (_one_more_file, "which was submitted"),
        (_other_code, "the code of autores differs"),
    ],
)
def test_what_is_not_what_was_submitted_is_not_run(
    laboratory: Laboratory, tamper: Callable[[Path], None], detail: str
) -> None:
    laboratory.bundle(FIT)
    tamper(laboratory.root)
    assert laboratory.start().returncode == 0
    outcome = laboratory.outcome()
    assert (outcome.cause, outcome.score) == (Cause.HARNESS, None)
    assert detail in outcome.detail


@pytest.mark.parametrize("text", ["", "{", '{"version": 2}', '{"version": 1, "requests": [{}]}'])
def test_a_damaged_bundle_is_told_in_one_line(laboratory: Laboratory, text: str) -> None:
    laboratory.bundle(FIT)
    (laboratory.root / "bundle" / FILE).write_text(text)
    ended = laboratory.start()
    assert ended.returncode == 1
    assert ended.stderr.count("\n") == 1
    assert "bundle" in ended.stderr
    assert os.listdir(laboratory.root / "results") == []


# ---------------------------------------------------------------------------------- keys


def test_keys_are_read_and_gone(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    path.write_text('{"1.0#1": "00ff"}')
    path.chmod(0o600)
    assert take_keys(path) == {"1.0#1": b"\x00\xff"}
    assert not path.exists()


@pytest.mark.parametrize("text", ["", "[]", '{"1": 2}', '{"1": "xyz"}', '{"a": "00", "a": "11"}'])
def test_keys_that_are_damaged_are_gone_too(tmp_path: Path, text: str) -> None:
    path = tmp_path / "keys"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(BadKeys):
        take_keys(path)
    assert not path.exists()


def test_keys_that_others_could_read_are_not_used(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    path.write_text("{}")
    path.chmod(0o644)
    with pytest.raises(BadKeys, match="open to others"):
        take_keys(path)


def test_without_its_key_nothing_runs(laboratory: Laboratory) -> None:
    laboratory.bundle(FIT)
    laboratory.write_keys({})
    ended = laboratory.start()
    assert ended.returncode == 1
    assert "no key for evaluation 0.0" in ended.stderr
    assert os.listdir(laboratory.root / "results") == []


# ------------------------------------------------------------------- an evaluator that fails


@pytest.mark.parametrize(
    ("program", "detail"),
    [
        ("import os; os._exit(3)", "gave no outcome and ended with exit code 3"),
        ("import os; os.kill(os.getpid(), 11)", "was ended by signal SIGSEGV, not by us"),
        ("import os; os.kill(os.getpid(), 9)", "was ended by signal SIGKILL, not by us"),
        ("raise MemoryError", "gave no outcome and ended with exit code 1"),
        (
            "import os, sys; os.write(int(sys.argv[-1]), b'{}')",
            "gave 2 bytes that are no outcome and ended with exit code 0",
        ),
        (
            "import os, sys, time; os.close(int(sys.argv[-1])); time.sleep(60)",
            "gave no outcome and did not end by itself",
        ),
        ("import os, sys; os.write(int(sys.argv[-1]), b'[' * 60000)", "60,000 bytes"),
        (
            'import os, sys\nos.write(int(sys.argv[-1]), b\'{"cause": "valid", "score": NaN}\')',
            "no outcome and ended with exit code 0",
        ),
    ],
)
def test_an_evaluator_that_breaks_is_our_failure_and_signed(
    laboratory: Laboratory, program: str, detail: str
) -> None:
    laboratory.bundle(FIT)
    laboratory.run(program)
    outcome = laboratory.outcome()
    assert (outcome.cause, outcome.score) == (Cause.HARNESS, None)
    assert detail in outcome.detail


def test_an_evaluator_that_hangs_is_ended(laboratory: Laboratory) -> None:
    hasty = replace(toy.autores_budget(laboratory.task), wall={"train": -54.0})
    laboratory.bundle(FIT, limits=hasty)
    begin = time.monotonic()
    laboratory.run("import time; time.sleep(60)")
    assert time.monotonic() - begin < 30
    assert "longer than 1 s" in laboratory.outcome().detail


def test_all_that_it_started_is_dead_before_the_outcome_is_there(laboratory: Laboratory) -> None:
    laboratory.bundle(FIT)
    pids = laboratory.root / "pids"
    pids.touch()
    laboratory.run(f"""
        import os, signal, time
        for n in range(6):
            if os.fork() == 0:
                os.setsid()
                if os.fork() == 0:
                    signal.signal(signal.SIGTERM, signal.SIG_IGN)
                    os.write(os.open({str(pids)!r}, os.O_WRONLY | os.O_CREAT | os.O_APPEND),
                             b"%d\\n" % os.getpid())
                    time.sleep(60)
                os._exit(0)
        while open({str(pids)!r}).read().count("\\n") < 6:
            time.sleep(0.01)
        os.kill(os.getpid(), 9)
    """)
    assert laboratory.outcome().cause is Cause.HARNESS
    for pid in map(int, pids.read_text().split()):
        assert not Path(f"/proc/{pid}").exists()


def test_it_inherits_nothing(laboratory: Laboratory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "secret")
    laboratory.bundle(FIT)
    found = laboratory.root / "found"
    laboratory.run(f"""
        import json, os
        about = [dict(os.environ), os.getcwd(), len(os.listdir("/proc/self/fd"))]
        open({str(found)!r}, "w").write(json.dumps(about))
    """)
    environment, folder, descriptors = json.loads(found.read_text())
    assert not {"ANTHROPIC_API_KEY", "PYTHONPATH", "HOME"} & set(environment)
    assert folder == "/"
    assert descriptors == 5  # the three, the pipe, and the listing itself


# ------------------------------------------------------------------------------- staging


def test_staging_lies_beside_the_data_and_is_cleared(tmp_path: Path) -> None:
    with staging_folder(tmp_path, tmp_path / "other") as folder:
        assert folder.parent == tmp_path / STAGING
        (folder / "x").write_text("x")
        with staging_folder(tmp_path, tmp_path / "other") as second:
            assert folder.exists()
            assert second != folder
    assert os.listdir(tmp_path / STAGING) == []


def test_what_a_killed_evaluator_left_is_swept(tmp_path: Path) -> None:
    (tmp_path / STAGING / "left").mkdir(parents=True)
    (tmp_path / STAGING / "left" / "big").write_text("x")
    with staging_folder(tmp_path, tmp_path):
        assert not (tmp_path / STAGING / "left").exists()


def test_work_folders_are_swept_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    left = tmp_path / f"autores-{os.geteuid()}" / "left"
    left.mkdir(parents=True)
    with work_folder() as folder:
        assert not left.exists()
        assert folder.stat().st_mode & 0o777 == 0o711
    assert not folder.exists()


def test_a_home_of_somebody_else_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / f"autores-{os.geteuid()}").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(PermissionError), work_folder():
        pass


def test_a_job_that_is_told_to_end_leaves_nothing(laboratory: Laboratory) -> None:
    slow = replace(laboratory.task, sizes={**laboratory.task.sizes, "pause": 60.0})
    laboratory.bundle(FIT, task=slow)
    scratch = laboratory.root / "scratch"
    scratch.mkdir()
    places = [laboratory.root / "bundle", "--keys", laboratory.root / "keys"]
    command = [sys.executable, "-I", "-m", "autores.evaluator", *places]
    with subprocess.Popen(
        [*command, "--results", laboratory.root / "results"],
        env={**os.environ, "TMPDIR": str(scratch)},
    ) as job:
        until = time.monotonic() + 60
        while not list(scratch.glob("autores-*/*")) and time.monotonic() < until:
            time.sleep(0.01)
        assert list(scratch.glob("autores-*/*"))
        job.terminate()
        assert job.wait(60) == 143
    assert not list(scratch.glob("autores-*/*"))
    assert os.listdir(laboratory.root / "results") == []


def test_where_nothing_can_be_written_the_other_folder_is_used(tmp_path: Path) -> None:
    with staging_folder(tmp_path / "missing", tmp_path / "other") as folder:
        assert folder == tmp_path / "other"
