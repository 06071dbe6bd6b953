from __future__ import annotations

import json
from pathlib import Path

import pytest

from autores import doctor
from autores.config import Environment
from autores.doctor import Fact, Health, Report, diagnose, render, to_json
from autores.evaluator.sandbox.level import Enforcement, Finding, Guarantee, Level
from autores.evaluator.sandbox.selection import Examined
from autores.hardware import Gpu, Hardware

SECRET = "sk-never-shown-4711"
MACHINE = Hardware(cpus=(0, 1), memory_bytes=8 << 30, processor="Test CPU")
WITH_GPU = Hardware(
    cpus=(0,),
    memory_bytes=8 << 30,
    processor="Test CPU",
    gpus=(Gpu(index=0, name="Test GPU", memory_bytes=80 << 30),),
)


def found(enforcement: Enforcement = Enforcement.ENFORCED) -> tuple[Finding, ...]:
    return tuple(
        Finding(guarantee=each, enforcement=enforcement, evidence=f"tried {each.name}")
        for each in Guarantee
    )


def examined(*findings: Finding) -> tuple[Examined, ...]:
    return (
        Examined(kind="bubblewrap", level=Level.FULL, reason="not installed"),
        Examined(kind="staged", level=Level.PARTIAL, findings=findings or found()),
    )


def environment(tmp_path: Path, **facts: object) -> Environment:
    given = {"data_dir": tmp_path / "data", "path": str(tmp_path)} | facts
    return Environment(**given)  # type: ignore[arg-type]


def report(
    tmp_path: Path, *findings: Finding, hardware: Hardware = MACHINE, **facts: object
) -> Report:
    return diagnose(
        environment(tmp_path, **facts),
        runs=tmp_path / "runs",
        hardware=lambda: hardware,
        examine=lambda wanted: examined(*findings),
    )


def facts_of(made: Report) -> dict[str, Fact]:
    return {fact.name: fact for fact in made.facts}


def test_a_line_for_each_guarantee_with_who_holds_it_and_the_probe(tmp_path: Path) -> None:
    mixed = [
        Finding(guarantee=each, enforcement=held, evidence=f"tried {each.name}")
        for each, held in zip(Guarantee, [*Enforcement] * 5, strict=False)
    ]
    lines = render(report(tmp_path, *mixed)).splitlines()
    for finding in mixed:
        [line] = [line for line in lines if f"(tried {finding.guarantee.name})" in line]
        assert f" {finding.enforcement.value} " in line
        assert finding.guarantee.description in line
        assert line.startswith("!!" if not finding.holds else "ok")


def test_the_level_comes_first_and_why_it_is_not_better(tmp_path: Path) -> None:
    first, second, *_ = render(report(tmp_path)).splitlines()
    assert first.startswith("sandbox: partial (staged), ")
    assert second.strip() == "not full (bubblewrap): not installed"


def test_keys_are_named_and_never_shown(tmp_path: Path) -> None:
    made = report(tmp_path, keys={"ANTHROPIC_API_KEY": SECRET})
    assert facts_of(made)["keys"].text == "present: ANTHROPIC_API_KEY"
    assert SECRET not in render(made) + to_json(made) + repr(made)
    without = facts_of(report(tmp_path))["keys"]
    assert without.health is Health.PLAIN and "none" in without.text


def test_a_program_that_is_missing_is_poor_and_says_what_mends_it(tmp_path: Path) -> None:
    git = facts_of(report(tmp_path))["git"]
    assert (git.health, git.fix) == (Health.POOR, "install git")
    program = tmp_path / "git"
    program.write_text("#!/bin/sh\necho git version 9.8.7\n")
    program.chmod(0o755)
    assert facts_of(report(tmp_path))["git"].text == "9.8.7"


def test_data_and_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "autores prepare" in facts_of(report(tmp_path))["data"].text
    (tmp_path / "data" / "airbench").mkdir(parents=True)
    assert facts_of(report(tmp_path))["data"].text.endswith("holds airbench")
    assert "GiB free" in facts_of(report(tmp_path))["disk for runs"].text
    monkeypatch.setattr(doctor, "ROOM_BYTES", 1 << 60)
    disk = facts_of(report(tmp_path))["disk for data"]
    assert disk.health is Health.POOR and "make room" in disk.fix


def test_devices(tmp_path: Path) -> None:
    assert facts_of(report(tmp_path))["GPU"].text.startswith("none")
    gpu = facts_of(report(tmp_path, hardware=WITH_GPU))["GPU"]
    assert (gpu.health, gpu.text) == (Health.GOOD, "0: Test GPU, 80 GiB")
    assert facts_of(report(tmp_path))["processors"].text == "2 × Test CPU, 8 GiB"


def test_versions_are_of_what_is_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "DISTRIBUTIONS", ("pytest", "no-such-thing"))
    text = facts_of(report(tmp_path))["versions"].text
    assert text == f"pytest {pytest.__version__}"


def test_it_is_well_where_all_is_held_and_nothing_poor(tmp_path: Path) -> None:
    good = Fact(name="git", health=Health.GOOD, text="2")
    poor = Fact(name="git", health=Health.POOR, text="none")

    def made(*facts: Fact, held: Enforcement = Enforcement.WATCHDOG) -> Report:
        return Report(level=Level.FULL, kind="x", findings=found(held), others=(), facts=facts)

    assert made(good).well
    assert not made(good, poor).well
    assert not made(good, held=Enforcement.NOT_ENFORCED).well


def test_the_same_for_programs(tmp_path: Path) -> None:
    told = json.loads(to_json(report(tmp_path)))
    assert (told["level"], told["kind"]) == ("partial", "staged")
    assert told["findings"][0] == {
        "guarantee": "held_out",
        "enforcement": "ENFORCED",
        "evidence": "tried HELD_OUT",
    }
    assert {fact["health"] for fact in told["facts"]} <= {"ok", "!!", "--"}
    assert told["others"][0]["reason"] == "not installed"


def test_what_a_screen_would_obey_is_shown_instead(tmp_path: Path) -> None:
    (tmp_path / "data" / "\x1b[31mred").mkdir(parents=True)
    assert "\x1b" not in render(report(tmp_path))
    assert "\\x1b[31mred" in render(report(tmp_path))


def test_this_machine_is_probed_for_real(tmp_path: Path) -> None:
    made = diagnose(environment(tmp_path), hardware=lambda: MACHINE, wanted=Level.NONE)
    assert made.level is Level.NONE
    assert [finding.guarantee for finding in made.findings] == list(Guarantee)
    assert any(not finding.holds for finding in made.findings)
    assert not made.well
