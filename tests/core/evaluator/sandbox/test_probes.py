from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from autores.evaluator.sandbox import probes
from autores.evaluator.sandbox.base import HostSandbox
from autores.evaluator.sandbox.bubblewrap import Bubblewrap
from autores.evaluator.sandbox.level import Ending, Enforcement, Finding, Guarantee, Level, Stop
from autores.evaluator.sandbox.none import Unconfined
from autores.evaluator.sandbox.partial import Restricted, Staged
from autores.evaluator.sandbox.probes import probe
from autores.evaluator.sandbox.selection import missing

if TYPE_CHECKING:
    from conftest import Lab


def by_guarantee(findings: tuple[Finding, ...]) -> dict[Guarantee, Finding]:
    assert [finding.guarantee for finding in findings] == list(Guarantee)
    assert all(finding.evidence for finding in findings)
    return {finding.guarantee: finding for finding in findings}


def test_every_level_holds_what_it_is_called_for(sandbox: HostSandbox) -> None:
    findings = probe(sandbox)
    by_guarantee(findings)
    assert missing(sandbox.level, findings) == []


@pytest.mark.full
def test_full_leaves_nothing_to_a_loop_but_the_disk(lab: Lab) -> None:
    with lab.open(Bubblewrap) as sandbox:
        found = by_guarantee(probe(sandbox))
    groups = {Guarantee.MEMORY, Guarantee.TASKS}  # the kernel's, where groups can be made
    for guarantee in set(Guarantee) - groups - {Guarantee.DISK}:
        assert found[guarantee].enforcement is Enforcement.ENFORCED, found[guarantee]
    assert found[Guarantee.DISK].enforcement is Enforcement.WATCHDOG


@pytest.mark.parametrize("kind", [Staged, Restricted])
def test_partial_has_no_kernel_to_end_its_daemons(lab: Lab, kind: type[HostSandbox]) -> None:
    with lab.open(kind) as sandbox:
        found = by_guarantee(probe(sandbox))
    assert found[Guarantee.SURVIVAL].enforcement is Enforcement.WATCHDOG
    for guarantee in (Guarantee.HELD_OUT, Guarantee.HOST, Guarantee.PROCESSES, Guarantee.KERNEL):
        assert found[guarantee].enforcement is Enforcement.ENFORCED, found[guarantee]
    reaches_sockets = not found[Guarantee.SOCKETS].holds
    assert reaches_sockets == (kind is Restricted)


def test_none_is_seen_to_hold_nothing(lab: Lab) -> None:
    with lab.open(Unconfined) as sandbox:
        found = by_guarantee(probe(sandbox))
    for guarantee in (Guarantee.HELD_OUT, Guarantee.HOST, Guarantee.NETWORK, Guarantee.STATE):
        assert found[guarantee].enforcement is Enforcement.NOT_ENFORCED
        assert "got through" in found[guarantee].evidence
    assert "read a secret file" in found[Guarantee.HELD_OUT].evidence
    limited = {found[each].enforcement for each in (Guarantee.MEMORY, Guarantee.TASKS)}
    assert limited == {Enforcement.WATCHDOG}


def test_probing_leaves_nothing(lab: Lab) -> None:
    def around() -> set[str]:
        places = (tempfile.gettempdir(), "/dev/shm", "/var/tmp", "/run")
        kept = (Path(place, name) for place in places for name in os.listdir(place))
        return {str(path) for path in kept if path.name.startswith("autores-probes-")}

    before, descriptors = around(), len(os.listdir("/proc/self/fd"))
    with lab.open(Unconfined) as sandbox:
        probe(sandbox)
    assert around() <= before
    assert len(os.listdir("/proc/self/fd")) == descriptors


def test_a_probe_that_does_not_run_is_an_error_and_no_finding(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    broken = tmp_path / "attempts.py"
    broken.write_text("raise SystemExit('broken')")
    monkeypatch.setattr(probes.attempts, "__file__", str(broken))
    with lab.open(Unconfined) as sandbox, pytest.raises(OSError, match="did not run: exit 1"):
        probe(sandbox)


def test_one_success_breaks_a_guarantee() -> None:
    rows = [("read it", False), ("write it", True), ("list it", False)]
    found = probes._finding(Guarantee.HOST, rows)
    assert found.enforcement is Enforcement.NOT_ENFORCED
    assert found.evidence == "1 of 3 attempts got through: write it"
    assert probes._finding(Guarantee.HOST, rows[:1]).holds


def test_how_a_cell_ended_is_said_by_its_cause() -> None:
    ended = Ending(code=None, signal=9, stopped_by=Stop.MEMORY, killed=False)
    assert probes._how(ended) == "stopped for memory"
    assert probes._how(Ending(code=3, signal=None, stopped_by=None, killed=False)) == "exit 3"
    killed = Ending(code=None, signal=9, stopped_by=None, killed=True)
    assert probes._how(killed) == "ended by SIGKILL"
    assert Level.FULL.value == "full"


def test_survivors_are_found_with_and_without_proc() -> None:
    mark = f"mark{os.getpid()}"
    with subprocess.Popen(["/bin/sh", "-c", "read x", mark], stdin=subprocess.PIPE) as living:
        assert probes._running_with(mark, 0) == [living.pid]
        assert probes._running_with(mark, living.pid) == []
        if os.path.exists("/bin/ps"):
            by_ps = [pid for pid, line in probes._command_lines_by_ps() if mark in line]
            assert by_ps == [living.pid]
