from __future__ import annotations

import pytest

from autores.moves import Move


def move(*pieces: tuple[str, str]) -> Move:
    return Move(name="m", surface="s", title="Do it", path="fit.py", pieces=pieces)


@pytest.mark.parametrize(
    ("pieces", "result"),
    [
        ([("rate = 1", "rate = 2")], "rate = 2\nsteps = 3\n"),
        ([("rate = 1", "pace = 1"), ("pace = 1", "pace = 2")], "pace = 2\nsteps = 3\n"),
        ([("depth", "width")], None),  # is not there
        ([("= ", "= -")], None),  # stands twice
        ([("rate = 1", "rate = 2"), ("rate = 1", "rate = 3")], None),  # gone by its turn
        ([], "rate = 1\nsteps = 3\n"),
    ],
)
def test_each_piece_stands_once_when_its_turn_comes(
    pieces: list[tuple[str, str]], result: str | None
) -> None:
    assert move(*pieces).apply("rate = 1\nsteps = 3\n") == result
