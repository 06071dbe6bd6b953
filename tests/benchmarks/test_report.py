from __future__ import annotations

import json
from dataclasses import replace

from benchmarks.report import Machine, Report, Row, median_seconds


def test_a_row_is_compared_with_its_baseline_and_its_limit() -> None:
    row = Row(name="start", value=6.0, unit="ms", baseline=2.0, limit=10.0)
    assert row.ratio == 3.0
    assert row.passed is True
    assert Row(name="start", value=11.0, unit="ms", limit=10.0).passed is False
    assert Row(name="start", value=11.0, unit="ms").passed is None


def test_a_report_passes_only_when_no_limit_is_exceeded() -> None:
    good = Row(name="a", value=1, unit="s", limit=2)
    bad = Row(name="b", value=3, unit="s", limit=2)
    assert Report(title="t", rows=[good]).passed
    assert not Report(title="t", rows=[good, bad]).passed


def test_a_figure_may_have_something_to_reach() -> None:
    row = Row(name="power", value=0.4, unit="of 1", at_least=0.5)
    assert row.passed is False
    assert "≥ 0.5 of 1 MISSED" in Report(title="t", rows=[row]).render()
    assert replace(row, value=0.5).passed
    assert not replace(row, value=0.5, limit=0.45).passed


def test_the_table_shows_figures_limits_and_the_machine() -> None:
    report = Report(title="Sandbox", rows=[Row(name="start", value=11, unit="ms", limit=10)])
    text = report.render()
    assert text.startswith("Sandbox\n")
    assert str(Machine.here()) in text
    assert "11 ms" in text
    assert "EXCEEDED" in text


def test_json_has_rows_and_verdict() -> None:
    facts = json.loads(Report(title="t", rows=[Row(name="a", value=1, unit="s")]).to_json())
    assert facts["passed"] is True
    assert facts["rows"][0]["name"] == "a"
    assert facts["machine"]["cores"] >= 1


def test_median_calls_as_often_as_it_says() -> None:
    calls: list[int] = []
    assert median_seconds(lambda: calls.append(1), 5) >= 0
    assert len(calls) == 5


def test_a_report_that_was_kept_is_the_same_again() -> None:
    report = Report(title="T", rows=(Row(name="a", value=1.5, unit="s", limit=2.0),), notes=("n",))
    kept = Report.from_json(json.loads(report.to_json()))
    assert kept.render() == report.render()
    assert "| a | 1.5 s |" in "\n".join(kept.markdown())
