from __future__ import annotations

import sys

import pytest

from autores import progress as module
from autores.progress import progress


def test_a_log_hears_of_what_took_long(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with progress("short"):
        pass
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(module, "LONG", -1.0)
    with progress("decode [all]", total=2) as advance:
        advance(1)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("decode [all]: 0.")


def test_a_screen_shows_a_bar_and_is_left_clean(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    with progress("decode [all]", total=2) as advance:
        advance(1)
        advance(1)
    said = capsys.readouterr().err
    assert "decode [all]" in said
    assert "100%" in said
    assert said.endswith("\x1b[2K")


def test_what_fails_within_is_not_swallowed() -> None:
    with pytest.raises(OSError, match="full"), progress("decode"):
        raise OSError("full")


def test_a_bar_without_an_end_shows_no_share(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    with progress("prepare"):
        pass
    said = capsys.readouterr().err
    assert "prepare" in said and "0:00:00" in said
    assert "%" not in said
