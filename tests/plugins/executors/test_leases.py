from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from autores.errors import UserError
from autores.executor import Priority
from autores.plugins.executors.leases import PATIENCE, Grant, Leases, Want
from autores.records import Lease


def start(leases: Leases) -> list[tuple[str, Grant]]:
    """Let all begin that may."""
    started = []
    while (want := leases.first()) is not None and leases.fits(want):
        started.append((want.name, leases.grant(want)))
    return started


def names(leases: Leases) -> list[str]:
    return [name for name, _ in start(leases)]


def test_shared_jobs_divide_the_processors() -> None:
    leases = Leases(cpus=(0, 1, 2, 3, 4), jobs=2)
    for name in "abc":
        leases.ask(Want(name=name))
    assert start(leases) == [("a", Grant(cpus=(0, 1))), ("b", Grant(cpus=(2, 3, 4)))]
    leases.leave("a")
    assert start(leases) == [("c", Grant(cpus=(0, 1)))]


def test_host_waits_for_all_and_blocks_younger_jobs() -> None:
    leases = Leases(cpus=(0, 1), gpus=(0, 1), jobs=2)
    leases.ask(Want(name="running"))
    assert names(leases) == ["running"]
    leases.ask(Want(name="host", lease=Lease.HOST, gpus=1))
    leases.ask(Want(name="younger"))
    assert names(leases) == []
    leases.leave("running")
    assert start(leases) == [("host", Grant(cpus=(0, 1), gpus=(0,)))]
    leases.leave("host")
    assert names(leases) == ["younger"]


def test_device_lease_has_its_gpu_and_its_part_of_the_cores_alone() -> None:
    leases = Leases(cpus=range(8), gpus=(0, 1), jobs=4)
    leases.ask(Want(name="device", lease=Lease.DEVICE, gpus=1))
    leases.ask(Want(name="a", gpus=1))
    leases.ask(Want(name="b", gpus=1))
    leases.ask(Want(name="c", gpus=1))
    assert start(leases) == [
        ("device", Grant(cpus=(0, 1, 2, 3), gpus=(0,))),
        ("a", Grant(cpus=(4, 5), gpus=(1,))),
        ("b", Grant(cpus=(6, 7), gpus=(1,))),
    ]


def test_device_lease_waits_for_a_gpu_that_is_shared() -> None:
    leases = Leases(cpus=range(4), gpus=(0,), jobs=2)
    leases.ask(Want(name="shared", gpus=1))
    leases.ask(Want(name="device", lease=Lease.DEVICE, gpus=1))
    assert names(leases) == ["shared"]
    leases.leave("shared")
    assert names(leases) == ["device"]


def test_shared_jobs_spread_over_the_gpus() -> None:
    leases = Leases(cpus=range(4), gpus=(0, 1), jobs=4)
    for name in "abcd":
        leases.ask(Want(name=name, gpus=1))
    assert [grant.gpus for _, grant in start(leases)] == [(0,), (1,), (0,), (1,)]


def test_better_priority_goes_first() -> None:
    leases = Leases(cpus=(0,))
    for priority in reversed(Priority):
        leases.ask(Want(name=priority.name, priority=priority))
    assert leases.first() == Want(name="CLAIM", priority=Priority.CLAIM)


def test_probe_is_not_passed_for_ever() -> None:
    leases = Leases(cpus=(0,))
    leases.ask(Want(name="probe", priority=Priority.PROBE))
    order = []
    for number in range(PATIENCE + 2):
        leases.ask(Want(name=str(number)))
        order += names(leases)
        leases.leave(order[-1])
    assert order.index("probe") == PATIENCE


def test_who_left_the_queue_gets_nothing() -> None:
    leases = Leases(cpus=(0,))
    leases.ask(Want(name="host", lease=Lease.HOST))
    leases.ask(Want(name="next"))
    leases.leave("host")
    assert names(leases) == ["next"]


def test_what_can_never_be_given_is_refused_with_a_fix() -> None:
    with pytest.raises(UserError, match="needs 2 GPUs and executor `local` has 1; choose"):
        Leases(cpus=(0,), gpus=(0,)).ask(Want(name="a", gpus=2))


class Machine(RuleBasedStateMachine):
    """Jobs come, run, go and give up in any order, on any machine."""

    @initialize(
        cpus=st.integers(1, 8), gpus=st.integers(0, 4), share=st.floats(0, 1, exclude_max=True)
    )
    def build(self, cpus: int, gpus: int, share: float) -> None:
        self.leases = Leases(
            cpus=tuple(range(cpus)), gpus=tuple(range(gpus)), jobs=1 + int(share * cpus)
        )
        self.waiting: list[Want] = []
        self.running: dict[str, tuple[Want, Grant]] = {}
        self.passed: dict[str, int] = {}
        self.count = 0

    @rule(data=st.data(), lease=st.sampled_from(Lease), priority=st.sampled_from(Priority))
    def ask(self, data: st.DataObject, lease: Lease, priority: Priority) -> None:
        gpus = data.draw(st.integers(0, len(self.leases.gpus)))
        want = Want(name=str(self.count), lease=lease, gpus=gpus, priority=priority)
        self.count += 1
        self.leases.ask(want)
        self.waiting.append(want)
        self.passed[want.name] = 0

    @precondition(lambda self: self.waiting and self.leases.fits(self.leases.first()))
    @rule()
    def begin(self) -> None:
        want = self.leases.first()
        assert want is not None
        position = self.waiting.index(want)
        older = self.waiting[:position]
        assert not any(one.priority == want.priority for one in older)
        for one in older:
            self.passed[one.name] += 1
        self.waiting.pop(position)
        self.running[want.name] = want, self.leases.grant(want)

    @precondition(lambda self: self.running)
    @rule(data=st.data())
    def end(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.running)))
        del self.running[name]
        self.leases.leave(name)

    @precondition(lambda self: self.waiting)
    @rule(data=st.data())
    def give_up(self, data: st.DataObject) -> None:
        want = data.draw(st.sampled_from(self.waiting))
        self.waiting.remove(want)
        self.leases.leave(want.name)

    @invariant()
    def no_processor_is_given_twice(self) -> None:
        given = [cpu for _, grant in self.running.values() for cpu in grant.cpus]
        assert len(given) == len(set(given))
        assert all(grant.cpus for _, grant in self.running.values())

    @invariant()
    def everybody_has_the_devices_that_were_asked_for(self) -> None:
        for want, grant in self.running.values():
            assert len(set(grant.gpus)) == want.gpus

    @invariant()
    def a_device_lease_shares_its_devices_with_nobody(self) -> None:
        for want, grant in self.running.values():
            for other, others in self.running.values():
                if want.lease is not Lease.SHARED and other is not want:
                    assert not set(grant.gpus) & set(others.gpus)

    @invariant()
    def a_host_lease_is_alone_and_has_everything(self) -> None:
        for want, grant in self.running.values():
            if want.lease is Lease.HOST:
                assert len(self.running) == 1
                assert grant.cpus == self.leases.cpus

    @invariant()
    def nobody_is_passed_too_often(self) -> None:
        assert all(times <= PATIENCE for times in self.passed.values())

    @invariant()
    def an_idle_machine_takes_whoever_is_first(self) -> None:
        first = self.leases.first()
        assert (first is None) == (not self.waiting)
        assert first is None or self.running or self.leases.fits(first)

    @invariant()
    def what_is_held_is_what_runs(self) -> None:
        assert self.leases.held == len(self.running)

    def __init__(self) -> None:
        super().__init__()
        self.running, self.waiting, self.passed = {}, [], {}
        self.leases = Leases(cpus=(0,))


TestMachine = Machine.TestCase
TestMachine.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
