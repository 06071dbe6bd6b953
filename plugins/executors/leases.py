"""Who may use which part of one machine, and who is next. Pure: nothing is started here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from autores.errors import UserError
from autores.executor import Priority
from autores.records import Lease

PATIENCE = 8
"""So many younger jobs of a better priority may pass one; then it is first itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Want:
    """What a job asks of the machine."""

    name: str
    lease: Lease = Lease.SHARED
    gpus: int = 0
    priority: Priority = Priority.TRIAL


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What it was given."""

    cpus: tuple[int, ...]
    """No other job has any of them."""
    gpus: tuple[int, ...] = ()
    """Of a shared lease: other shared jobs may use them too."""


@dataclass(slots=True)
class _Waiting:
    want: Want
    number: int
    passed: int = 0

    @property
    def rank(self) -> tuple[int, int]:
        return (-1 if self.passed >= PATIENCE else self.want.priority, self.number)


@dataclass(frozen=True, slots=True)
class _Held:
    want: Want
    slots: tuple[int, ...]
    gpus: tuple[int, ...]


@dataclass(slots=True)
class Leases:
    """The leases on one machine: those that are held, and the queue of those that wait.

    The processors are dealt out in as many slots as jobs may run at the same time. A shared
    lease is one slot. A lease on devices is those devices alone, and as large a part of the
    slots as of the devices. A lease on the host is everything, alone. Only the first in the
    queue may start: while it waits for its part, nothing overtakes it.
    """

    cpus: Sequence[int]
    gpus: Sequence[int] = ()
    jobs: int = 1
    _queue: dict[str, _Waiting] = field(default_factory=dict)
    _held: dict[str, _Held] = field(default_factory=dict)
    _asked: int = 0

    def ask(self, want: Want) -> None:
        """Join the queue.

        Raises:
            UserError: The machine can never give this.
        """
        if want.gpus > len(self.gpus):
            raise UserError(
                f"the task needs {want.gpus} GPUs and executor `local` has {len(self.gpus)}; "
                "choose another profile or executor, or check `autores doctor`"
            )
        self._asked += 1
        self._queue[want.name] = _Waiting(want, self._asked)

    def first(self) -> Want | None:
        """Whose turn it is, whether or not there is room for it."""
        waiting = min(self._queue.values(), key=lambda one: one.rank, default=None)
        return None if waiting is None else waiting.want

    def fits(self, want: Want) -> bool:
        """Whether there is room for it now."""
        if not self._held:
            return True
        if want.lease is Lease.HOST or any(h.want.lease is Lease.HOST for h in self._held.values()):
            return False
        enough = len(self._free_slots()) >= self._share(want)
        return enough and len(self._free_gpus(want.lease)) >= want.gpus

    def candidates(self, want: Want) -> tuple[int, ...]:
        """The devices that it may have; those with fewest users first."""
        return self._free_gpus(want.lease) if want.gpus else ()

    def grant(self, want: Want, gpus: tuple[int, ...] | None = None) -> Grant:
        """Let one that waits and fits begin, with these of its candidates or the first."""
        waiting = self._queue.pop(want.name)
        for other in self._queue.values():
            other.passed += other.number < waiting.number
        slots = self._free_slots()[: self._share(want)]
        gpus = self.candidates(want)[: want.gpus] if gpus is None else gpus
        self._held[want.name] = _Held(want, slots, gpus)
        return Grant(cpus=tuple(cpu for slot in slots for cpu in self._slot(slot)), gpus=gpus)

    def leave(self, name: str) -> None:
        """Give a lease back, or step out of the queue."""
        self._queue.pop(name, None)
        self._held.pop(name, None)

    @property
    def held(self) -> int:
        """How many leases are held."""
        return len(self._held)

    def _share(self, want: Want) -> int:
        """How many slots it takes."""
        if want.lease is Lease.HOST:
            return self.jobs
        if want.lease is Lease.DEVICE and want.gpus:
            return -(-self.jobs * want.gpus // len(self.gpus))
        return 1

    def _slot(self, slot: int) -> Iterator[int]:
        first, last = (len(self.cpus) * edge // self.jobs for edge in (slot, slot + 1))
        yield from self.cpus[first:last]

    def _free_slots(self) -> tuple[int, ...]:
        taken = {slot for held in self._held.values() for slot in held.slots}
        return tuple(slot for slot in range(self.jobs) if slot not in taken)

    def _free_gpus(self, lease: Lease) -> tuple[int, ...]:
        users = dict.fromkeys(self.gpus, 0)
        for held in self._held.values():
            for gpu in held.gpus:
                users[gpu] += 1 if held.want.lease is Lease.SHARED else self.jobs
        most = self.jobs if lease is Lease.SHARED else 1
        free = (gpu for gpu in self.gpus if users[gpu] < most)
        return tuple(sorted(free, key=lambda gpu: users[gpu]))
