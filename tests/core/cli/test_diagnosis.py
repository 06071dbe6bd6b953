from __future__ import annotations

from collections.abc import Callable
from typing import Any

Command = Callable[..., Any]


def test_what_this_machine_can_guarantee(command: Command) -> None:
    said = command("doctor")
    assert (said.code, said.err) == (0, "")
    assert "sandbox" in said.out.lower()
    told = command("doctor", "--json").json
    assert isinstance(told, dict) and told
