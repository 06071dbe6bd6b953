"""What does it cost to keep a submission, and to open a run of 30,000 of them?"""

from __future__ import annotations

import os
import statistics
import subprocess
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import pygit2
from benchmarks.report import Report, Row, median_seconds

from autores.workspace.refs import BATCH, trial_ref
from autores.workspace.repository import CodeRepository

COMMITS, TRIALS, SMALL = 400, 30_000, 100
BESIDE = 8
"""Files of the recipe that an edit leaves alone."""
LINES = "".join(f"value_{n} = {n}\n" for n in range(400))
MS = "ms"


def run() -> Report:
    """Measure in a fresh folder on the disk of the temporary folder."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        code = CodeRepository.create(root / "code.git")
        rows = [*_commits(code, root), *_opening(root)]
    return Report(
        title="Snapshots: commits of a one-file edit, and opening a run",
        rows=rows,
        notes=[
            (
                f"A recipe of {BESIDE + 1} files, {len(LINES) / 1024:.0f} KiB in the edited one; "
                "a commit's blob, tree and commit are synced together in a journal; their files follow."
            ),
            (
                f"Opened and listed: {TRIALS:,} trials that were published one by one, all but the "
                "newest in packed-refs."
            ),
        ],
    )


# ------------------------------------------------------------------------------- commits


def _commits(code: CodeRepository, root: Path) -> list[Row]:
    files = {f"lib/part_{n}.py": LINES.encode() for n in range(BESIDE)}
    parent = code.seed(files | {"train.py": LINES.encode()})
    seconds = []
    for number in range(COMMITS):
        text = LINES.replace("value_7 = 7", f"value_7 = {number}.5").encode()
        began = time.perf_counter()
        parent = code.commit(files | {"train.py": text}, [parent], f"edit {number}")
        seconds.append(time.perf_counter() - began)
    ordered = sorted(seconds)
    three = median_seconds(lambda: _synced_files(root), 60)
    commit = Row(
        name="commit of a one-file edit, median",
        value=statistics.median(seconds) * 1e3,
        unit=MS,
        baseline=three * 1e3,
        compared_with="three files written and synced",
        limit=5.0,
        samples=COMMITS,
    )
    slow = ordered[int(0.95 * COMMITS)] * 1e3
    return [commit, replace(commit, name="the same, 95th percentile", value=slow, limit=None)]


def _synced_files(root: Path) -> None:
    """What a commit takes without a journal: write, sync, rename and sync the folder, thrice."""
    for number in range(3):
        folder = root / f"plain{number}"
        folder.mkdir(exist_ok=True)
        with (folder / "new").open("wb") as file:
            file.write(LINES.encode()[:2_000])
            file.flush()
            os.fsync(file.fileno())
        (folder / "new").replace(folder / "object")
        descriptor = os.open(folder, os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)


# ------------------------------------------------------------------------------- opening


def _opening(root: Path) -> list[Row]:
    large, beside_many = _published(root / "large.git", TRIALS)
    small, _ = _published(root / "small.git", SMALL)
    scattered = _scattered(root / "scattered.git")
    loose = sum(len(files) for _, _, files in os.walk(large / "refs"))
    return [
        Row(
            name=f"open and mend a run of {TRIALS:,} trials, median",
            value=median_seconds(lambda: _open(large, TRIALS), 15) * 1e3,
            unit=MS,
            baseline=median_seconds(lambda: _open(small, SMALL), 15) * 1e3,
            compared_with=f"of {SMALL} trials",
            limit=500.0,
            samples=15,
        ),
        Row(
            name=f"loose refs that there are to list among {TRIALS:,} trials",
            value=loose,
            unit="refs",
            baseline=TRIALS,
            compared_with="one loose ref each",
            limit=BATCH,
        ),
        Row(
            name=f"list the refs of {TRIALS:,} trials with git, median",
            value=_listing(large) * 1e3,
            unit=MS,
            baseline=_listing(scattered) * 1e3,
            compared_with="as loose refs",
            samples=5,
        ),
        Row(
            name=f"the refs of {TRIALS:,} trials on disk",
            value=_disk(large / "packed-refs", large / "refs") / 2**20,
            unit="MiB",
            baseline=_disk(scattered / "refs") / 2**20,
            compared_with="as loose refs",
        ),
        Row(
            name=f"publish a ref, mean over the last {4 * BATCH:,} of {TRIALS:,}",
            value=beside_many * 1e3,
            unit=MS,
            samples=4 * BATCH,
        ),
    ]


def _published(path: Path, trials: int) -> tuple[Path, float]:
    """A repository whose trials were published one by one, and what the last took each."""
    code = CodeRepository.create(path)
    seed = code.seed({"train.py": b"x = 1\n"})
    last = min(4 * BATCH, trials)
    began = 0.0
    for trial in range(trials):
        if trial == trials - last:
            began = time.perf_counter()
        code.publish({trial: seed})
    return path, (time.perf_counter() - began) / last


def _scattered(path: Path) -> Path:
    code = CodeRepository.create(path)
    seed = code.seed({"train.py": b"x = 1\n"})
    for trial in range(TRIALS):
        code.refs.point(trial_ref(trial), seed)
    return path


def _open(path: Path, trials: int) -> None:
    """As a resumed run does: what lies above the last pack becomes what the rows say."""
    code = CodeRepository.open(path)
    seed = pygit2.Repository(str(path)).references[trial_ref(0)].target
    code.mend((trial, str(seed)) for trial in range(code.refs.packed_through + 1, trials))


def _listing(path: Path) -> float:
    command = ["git", "-C", str(path), "for-each-ref", "--format=%(refname)"]
    return median_seconds(lambda: subprocess.run(command, check=True, capture_output=True), 5)


def _disk(*paths: Path) -> int:
    """Bytes that files and folders take."""
    found = [inner for path in paths for inner in (path, *path.rglob("*"))]
    return sum(path.lstat().st_blocks * 512 for path in found)
