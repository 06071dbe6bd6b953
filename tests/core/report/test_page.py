from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from autores.events import Calibrated
from autores.lineage.store import create
from autores.plugins.stores.memory import MemoryStore
from autores.readmodel import read
from autores.records import Calibration, Cost, Decision
from autores.report import Sources, render_html
from autores.status import Verdict
from autores.testing.stores import CREATED, life

NARROW = """<body><iframe src="report.html" style="width:380px"></iframe><script>
const frame = document.querySelector("iframe");
frame.onload = () => {
  const page = frame.contentDocument.documentElement;
  document.title = `wide ${page.scrollWidth} of ${page.clientWidth}`;
};
</script></body>"""
VOID = {"meta", "input", "br", "path", "use", "rect"}
OPTIONAL = {"td", "tr", "th"}
"""Their end tags may be left out, and are where there are many."""


class Page(HTMLParser):
    """What a browser would find, and whether all that is opened is closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.targets: list[str] = []
        self.scripts = 0
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.ids += [given["id"] or ""] if "id" in given else []
        self.targets += [given["href"] or ""] if "href" in given else []
        self.scripts += tag == "script"
        assert not [name for name in given if name.startswith("on")]
        if tag not in VOID | OPTIONAL:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID | OPTIONAL:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID | OPTIONAL:
            assert self.open.pop() == tag


def test_all_parts_are_there(sources: Sources) -> None:
    page = render_html(sources)
    for expected in (
        "loss 1.0000 bits → 0.8000 bits (20.0%), by trial 0001.",
        "Trial 0003 leads with 0.7000 bits; that has not been confirmed and is no claim.",
        "+0.2100 [+0.1000, +0.3000] over 0000",
        "People steered this run: hint: look at &lt;the&gt; schedule.",
        "By specialist",
        "By surface",
        "What stopped trials",
        "1 failures that a later trial built on and got through",
        "Foresight",
        "verified trial 1",
        "p 0.003",
        "autores run --task toy --specialists arch,optim --max-trials 5",
        "quarantined: a leak",
        "Fit a &lt;curve&gt;",
    ):
        assert expected in page, expected


def test_it_is_whole_and_all_links_lead_somewhere(sources: Sources) -> None:
    page = Page(render_html(sources))
    assert page.open == []
    assert len(page.ids) == len(set(page.ids))
    assert all(target.startswith("#") for target in page.targets)
    assert {target[1:] for target in page.targets} <= set(page.ids)


def test_it_needs_no_network(sources: Sources) -> None:
    page = render_html(sources)
    assert "default-src 'none'" in page
    assert not re.search(r"(src|href)=[\"']?(https?:|//)|url\(|@import", page)


def test_what_candidates_wrote_is_text(sources: Sources) -> None:
    page = render_html(sources)
    assert Page(page).scripts == 1
    assert "\x1b" not in page
    assert "\u202e" not in page
    assert r"\x1b[31mred" in page
    assert "&lt;script&gt;alert(1)" in page
    assert len(page) < 100_000


def test_a_run_without_trials_has_a_report(sources: Sources) -> None:
    empty = replace(sources, story=read(MemoryStore(), sources.story.task))
    page = render_html(empty)
    assert "there is no best trial" in page
    assert Page(page).open == []


def test_a_keep_on_one_look_is_called_that(sources: Sources) -> None:
    story = sources.story
    strict = Decision(verdict=Verdict.KEEP, policy="strict", estimate=0.2, against=0)
    kept = {**story.trials, 1: replace(story.trials[1], decision=strict)}
    page = render_html(replace(sources, story=replace(story, trials=kept)))
    assert "kept on one look, and nothing confirms it" in page
    assert "not tested" in page


@pytest.mark.parametrize(
    ("score", "said"), [(0.99, "within the noise of one look"), (0.9, "was not borne out")]
)
def test_what_came_nearest_where_nothing_leads(sources: Sources, score: float, said: str) -> None:
    made = MemoryStore()
    create(made, CREATED)
    known = Calibration(task="toy", profile="", score=1.0, spread=0.02)
    for bodies in (life(0, 1.0), [Calibrated(calibration=known)], life(1, 1.2), life(2, score)):
        made.append(lambda head, bodies=bodies: bodies)  # type: ignore[misc]
    page = render_html(replace(sources, story=read(made, sources.story.task)))
    assert f"Of 2 trials with a score the best is 0002 with {score:.4f} bits: " in page
    assert said in page


def test_what_nobody_paid_has_no_column(sources: Sources) -> None:
    assert "dollars" not in render_html(sources)
    charged = {"arch": Cost(input_tokens=5, dollars=0.25)}
    paid = render_html(replace(sources, story=replace(sources.story, charges=charged)))
    assert "dollars" in paid and "0.25" in paid


def test_settings_are_folded_and_those_left_empty_are_left_out(sources: Sources) -> None:
    settings = {**sources.manifest.settings, "store": "", "seed": None}
    page = render_html(replace(sources, manifest=replace(sources.manifest, settings=settings)))
    assert "<details><summary>Settings (4)</summary>" in page


def test_a_step_without_code_says_so(sources: Sources) -> None:
    assert "not at hand" in render_html(replace(sources, diff=lambda old, new: ""))


def test_a_long_diff_is_cut_with_a_way_to_the_rest(sources: Sources) -> None:
    page = render_html(replace(sources, diff=lambda old, new: "+x\n" * 5000))
    assert page.count('class="add"') == 2 * 400
    assert "autores diff run-1 1 3" in page


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("chromium"), reason="needs chromium")
def test_a_browser_runs_our_script_alone(sources: Sources, tmp_path: Path) -> None:
    probe = "<script>document.title='evil'</script></body>"
    page = tmp_path / "report.html"
    page.write_text(render_html(sources).replace("</body>", probe))
    command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom"]
    command += [f"--user-data-dir={tmp_path / 'profile'}", page.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=100)
    assert "<title>run-1</title>" in done.stdout


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("chromium"), reason="needs chromium")
def test_nothing_sticks_out_of_a_narrow_page(sources: Sources, tmp_path: Path) -> None:
    (tmp_path / "report.html").write_text(render_html(sources))
    frame = tmp_path / "frame.html"
    frame.write_text(NARROW)
    command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom"]
    command += ["--allow-file-access-from-files", f"--user-data-dir={tmp_path / 'profile'}"]
    done = subprocess.run(
        [*command, frame.as_uri()], capture_output=True, text=True, check=True, timeout=100
    )
    found = re.search(r"wide (\d+) of (\d+)", done.stdout)
    assert found and int(found[1]) == int(found[2]) <= 380, done.stdout
