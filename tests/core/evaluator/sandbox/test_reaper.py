from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autores.evaluator.sandbox import reaper
from autores.evaluator.sandbox.reaper import Process, Reaper, below

if TYPE_CHECKING:
    from conftest import Lab

TREE = "sleep 300 & (setsid sleep 300 &) & (trap '' TERM; sleep 300) & wait"


def process(pid: int, parent: int, session: int = 0) -> Process:
    return Process(pid, parent, session or parent, dead=False)


def test_the_tree_is_what_hangs_below_or_shares_the_session() -> None:
    everything = [
        process(1, 0),
        process(10, 1, 10),
        process(11, 10, 10),
        process(12, 11, 12),
        process(13, 1, 10),
        process(20, 1, 20),
    ]
    assert {found.pid for found in below([10], everything)} == {10, 11, 12, 13}
    assert below([99], everything) == []


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(1, 40), st.integers(0, 40)), max_size=60))
def test_no_shape_of_parents_makes_it_walk_for_ever(pairs: list[tuple[int, int]]) -> None:
    everything = [process(pid, parent, pid) for pid, parent in pairs]
    found = below([pid for pid, _ in pairs[:1]], everything)
    assert len({each.pid for each in found}) == len(found) <= len(everything)


def start() -> subprocess.Popen[bytes]:
    reaper.become_subreaper()
    return subprocess.Popen(["/bin/sh", "-c", TREE], start_new_session=True)


def test_a_tree_is_ended_with_all_that_left_it(lab: Lab) -> None:
    root = start()
    assert lab.wait_for(lambda: len(below([root.pid], reaper.processes())) >= 3)
    mine = Reaper(roots={root.pid})
    status = mine.end(root.pid)
    root.returncode = os.waitstatus_to_exitcode(status or 0)
    assert root.returncode == -signal.SIGKILL
    assert below([root.pid], reaper.processes()) == []
    assert mine.used[root.pid].cpu_seconds >= 0


def test_an_end_by_itself_is_seen() -> None:
    root = subprocess.Popen([sys.executable, "-c", "raise SystemExit(3)"], start_new_session=True)
    statuses: list[int | None] = []
    mine = Reaper(roots={root.pid})
    while not any(statuses):
        statuses.append(mine.reap(root.pid, root.pid))
    root.returncode = os.waitstatus_to_exitcode(statuses[-1] or 0)
    assert root.returncode == 3
    assert mine.reap(root.pid, root.pid) is None


def test_what_survives_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    root = subprocess.Popen(["/bin/sleep", "300"], start_new_session=True)
    with monkeypatch.context() as patch:
        patch.setattr(reaper, "PATIENCE_S", 0.05)
        patch.setattr(reaper, "kill", lambda pid: None)
        with pytest.raises(reaper.Unkillable, match="1 processes survive"):
            Reaper(roots={root.pid}).end(root.pid)
    root.kill()
    root.wait()


def test_a_chain_of_forks_does_not_outrun_us(lab: Lab) -> None:
    if sys.platform != "linux":
        pytest.skip("orphans are not adopted here")
    reaper.become_subreaper()
    mark = f"chain{time.monotonic_ns()}"
    source = "import os, time\nwhile True:\n    if os.fork():\n        os._exit(0)\n    os.setsid()"
    root = subprocess.Popen([sys.executable, "-c", source, mark], start_new_session=True)
    time.sleep(0.2)
    status = Reaper(roots={root.pid}).end(root.pid)
    root.returncode = os.waitstatus_to_exitcode(status or 0)
    assert not lab.alive_with(mark)


def test_a_strike_takes_the_dead_along(lab: Lab) -> None:
    """Else those that respawn fill the table of processes, and each look takes longer."""
    if sys.platform != "linux":
        pytest.skip("orphans are not adopted here")
    reaper.become_subreaper()
    leaving = "for i in 1 2 3 4 5 6 7 8 9; do (setsid true &); done; sleep 300"
    root = subprocess.Popen(["/bin/sh", "-c", leaving], start_new_session=True)

    def dead() -> int:
        return sum(p.dead and p.parent == os.getpid() for p in reaper.processes())

    mine = Reaper(roots={root.pid})
    assert lab.wait_for(lambda: dead() >= 9)
    mine._strike(root.pid)
    left = dead()
    root.returncode = os.waitstatus_to_exitcode(mine.end(root.pid) or 0)
    assert left == 0


def test_our_children_are_listed() -> None:
    if not reaper.children():
        with subprocess.Popen(["/bin/sh", "-c", "read x"], stdin=subprocess.PIPE) as child:
            if sys.platform == "linux":
                assert reaper.children() == [child.pid]


def test_a_user_is_ended_at_one_blow(lab: Lab) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can act for another user")
    uid = 29_999
    source = "import os\nwhile True:\n    if os.fork():\n        os._exit(0)\n    os.setsid()"
    interpreter = "/usr/bin/python3"
    if not os.path.exists(interpreter):
        pytest.skip("no interpreter that another user reaches")
    reaper.become_subreaper()
    root = subprocess.Popen([interpreter, "-c", source], user=uid, group=uid, extra_groups=[])
    time.sleep(0.2)
    status = Reaper(roots={root.pid}).end(root.pid, uid=uid)
    assert status is not None
    root.returncode = 0
    owned = [each.pid for each in reaper.processes() if _uid_of(each.pid) == uid]
    assert owned == []


def _uid_of(pid: int) -> int:
    try:
        return os.stat(f"/proc/{pid}").st_uid
    except OSError:
        return -1


def test_processes_are_found_by_ps_too() -> None:
    if not os.path.exists("/bin/ps"):
        pytest.skip("no ps")
    found = {each.pid: each for each in reaper._processes_by_ps()}
    here = found[os.getpid()]
    assert (here.parent, here.session, here.dead) == (os.getppid(), os.getpgid(0), False)
