from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from autores.evaluator.sandbox import notes, selection
from autores.evaluator.sandbox.base import HostSandbox
from autores.evaluator.sandbox.environment import Environment, discover
from autores.evaluator.sandbox.level import (
    Enforcement,
    Finding,
    Guarantee,
    Level,
    SandboxUnavailable,
)
from autores.evaluator.sandbox.none import Unconfined
from autores.evaluator.sandbox.selection import KINDS, REQUIRED, choose, missing, survey


def findings(*broken: Guarantee) -> tuple[Finding, ...]:
    return tuple(
        Finding(
            guarantee=each,
            enforcement=Enforcement.NOT_ENFORCED if each in broken else Enforcement.ENFORCED,
            evidence="tried",
        )
        for each in Guarantee
    )


class Best(Unconfined):
    level = Level.FULL
    broken: tuple[Guarantee, ...] = ()


class Middle(Unconfined):
    level = Level.PARTIAL
    broken: tuple[Guarantee, ...] = ()


class Absent(Unconfined):
    level = Level.PARTIAL

    def __init__(self, environment: Environment | None = None, scratch: Path | None = None) -> None:
        raise OSError("not on this machine")


class Last(Unconfined):
    level = Level.NONE
    broken = tuple(Guarantee)


@pytest.fixture
def probed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[list[str]]:
    """The kinds whose probes ran."""
    ran: list[str] = []

    def probe(sandbox: HostSandbox) -> tuple[Finding, ...]:
        ran.append(type(sandbox).__name__)
        return findings(*getattr(sandbox, "broken", ()))

    monkeypatch.setattr(selection, "KINDS", (Best, Absent, Middle, Last))
    monkeypatch.setattr(selection, "probe", probe)
    monkeypatch.setattr(notes, "KEPT", tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(Best, "broken", ())
    monkeypatch.setattr(Middle, "broken", ())
    yield ran


def test_the_best_that_works_is_chosen_with_what_was_found(probed: list[str]) -> None:
    with choose(environment=discover(())) as sandbox:
        assert isinstance(sandbox, Best)
        assert sandbox.findings == findings()


def test_a_level_is_not_what_is_installed_but_what_holds(
    probed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Best, "broken", (Guarantee.STATE,))
    with choose(environment=discover(())) as sandbox:
        assert isinstance(sandbox, Middle)
    monkeypatch.setattr(Middle, "broken", (Guarantee.HOST,))
    with choose(environment=discover(()), fresh=True) as sandbox:
        assert isinstance(sandbox, Last)
    said = "full \\(best\\): probes got through: state; partial \\(absent\\): not on this machine"
    with pytest.raises(SandboxUnavailable, match=said):
        choose(Level.PARTIAL, environment=discover(()))


def test_what_was_wanted_bounds_the_choice(probed: list[str]) -> None:
    with choose(wanted=Level.PARTIAL, environment=discover(())) as sandbox:
        assert isinstance(sandbox, Middle)
    with pytest.raises(SandboxUnavailable):
        choose(Level.FULL, wanted=Level.PARTIAL, environment=discover(()))


def test_probes_run_once_for_a_machine(probed: list[str]) -> None:
    for _ in range(3):
        choose(environment=discover(())).close()
    assert probed == ["Best"]
    choose(environment=discover(()), fresh=True).close()
    assert probed == ["Best", "Best"]


def test_what_is_not_chosen_leaves_nothing(
    probed: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(Best, "broken", (Guarantee.STATE,))
    with choose(environment=discover(())) as sandbox:
        assert [path for path in tmp_path.glob("autores-sandbox-*")] == [sandbox.folder]


def test_the_survey_goes_down_to_the_first_that_works(
    probed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Best, "broken", (Guarantee.NETWORK,))
    kinds = [(each.kind, each.reason, bool(each.findings)) for each in survey()]
    assert kinds == [
        ("best", "probes got through: network", False),
        ("absent", "not on this machine", False),
        ("middle", "", True),
    ]
    assert [each.kind for each in survey(Level.NONE)] == ["last"]


def test_what_each_level_needs() -> None:
    assert missing(Level.FULL, ()) == list(Guarantee)
    assert missing(Level.NONE, ()) == []
    assert REQUIRED[Level.NONE] < REQUIRED[Level.PARTIAL] < REQUIRED[Level.FULL]
    assert {Guarantee.HELD_OUT, Guarantee.SCORE, Guarantee.SURVIVAL} <= REQUIRED[Level.PARTIAL]
    assert [kind.level for kind in KINDS] == sorted((k.level for k in KINDS), reverse=True)


@pytest.mark.full
def test_this_machine_reaches_what_its_probes_show() -> None:
    try:
        sandbox = choose(Level.FULL, environment=discover(()))
    except SandboxUnavailable as error:
        pytest.skip(str(error))
    with sandbox:
        assert missing(Level.FULL, sandbox.findings) == []


def test_the_level_of_this_machine_is_found_in_another_process() -> None:
    with choose() as sandbox:
        assert selection.level_here(os.defpath) == sandbox.level.value
