from __future__ import annotations

import io
from dataclasses import replace

import pytest
from rich.console import Console

from autores.plugins.reporters.live.screen import screen, sparkline
from autores.readmodel import Moment
from autores.scene import Scene


def drawn(scene: Scene, *, width: int = 120, height: int = 40, colour: bool = False) -> str:
    console = Console(
        file=io.StringIO(),
        width=width,
        height=height,
        force_terminal=colour,
        color_system="standard" if colour else None,
    )
    now = Moment(view=scene.view()).now(recent=height)
    with console.capture() as capture:
        console.print(screen(now, scene, 3600.0, width=width, height=height))
    return capture.get()


def test_it_says_where_the_run_stands(scene: Scene) -> None:
    text = drawn(scene)
    for expected in (
        "toy default",
        "1 h 00 min",
        "sandbox full",
        "loss 1.0000 bits",
        "★ 0001  0.9000 bits",
        "▲ 0002  0.8000 bits  +0.2000 over the baseline",
        "trials 3 of 10",
        "milestone in 16",
        "tokens 0 of 1,000",
        "the whole host",
        "! 1 crash",
        "0003 crash",
        "waits for its turn",
    ):
        assert expected in " ".join(text.split(" ")), expected


@pytest.mark.parametrize("width", [50, 80, 160, 300])
@pytest.mark.parametrize("height", [10, 24, 60])
def test_it_fits(scene: Scene, width: int, height: int) -> None:
    lines = drawn(scene, width=width, height=height).rstrip("\n").split("\n")
    assert len(lines) <= height
    assert all(len(line) <= width for line in lines)


def test_what_agents_write_is_shown_and_not_obeyed(scene: Scene) -> None:
    text = drawn(scene, width=300)
    assert "\x1b" not in text
    assert "\x1b]" not in drawn(scene, width=300, colour=True)
    assert "\u202e" not in text
    assert r"\x1b[31mred" in text
    assert "[bold]markup[/bold]" in text


def test_the_end_is_announced(scene: Scene) -> None:
    assert "ending: used up" in drawn(replace(scene, stopping=lambda: "used up: 3 trials"))


def test_a_sparkline_rises_as_its_values_do() -> None:
    assert sparkline((0.0, 1.0, 2.0), 10) == "▁▅█"
    assert sparkline((3.0,), 10) == "▁"
    assert sparkline(tuple(range(100)), 8) == "▁▂▃▄▅▆▇█"
