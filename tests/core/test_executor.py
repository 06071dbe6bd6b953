from __future__ import annotations

from pathlib import Path

from autores.executor import JobFolder, Result, results_in
from autores.testing.executors import ToyJobs


def test_results_are_found_by_position(tmp_path: Path) -> None:
    results = JobFolder(tmp_path).results
    results.mkdir()
    for name in ("10.json", "2.json", "0.json", "1.json.123", "x.json", "01.json", "-1.json"):
        (results / name).write_bytes(name.encode())
    assert list(results_in(tmp_path)) == [
        Result(position=0, payload=b"0.json"),
        Result(position=2, payload=b"2.json"),
        Result(position=10, payload=b"10.json"),
    ]
    assert [r.position for r in results_in(tmp_path, but=frozenset({0, 2}))] == [10]


def test_a_job_that_never_began_has_no_results(tmp_path: Path) -> None:
    assert list(results_in(tmp_path / "nowhere")) == []


def test_outer_limit_exceeds_all_evaluations_together(tmp_path: Path) -> None:
    jobs = ToyJobs(tmp_path)
    requests = tuple(jobs.request(1, ordinal) for ordinal in range(3))
    assert jobs.job("three", *requests).wall > sum(r.outer_wall for r in requests)


def test_keys_are_not_printed(tmp_path: Path) -> None:
    job = ToyJobs(tmp_path).job("secret")
    (key,) = job.keys.values()
    assert key.decode() not in repr(job)
