from __future__ import annotations

from pathlib import Path

from benchmarks.views import grow, sources

from autores.report import render_html
from autores.status import Status


def test_the_sample_is_like_a_run(tmp_path: Path) -> None:
    store = grow(tmp_path / "sample.db", 301)
    told = sources(store)
    page = render_html(told)
    store.close()
    statuses = told.story.statuses
    assert told.story.submitted == 300
    assert told.story.chain.flaws == ()
    assert {Status.LEAD, Status.DISCARD, Status.CRASH, Status.DISQUALIFIED} <= statuses.keys()
    assert statuses[Status.DISCARD] > 150
    assert 'id="t300"' in page
