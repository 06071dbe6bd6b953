"""What a lineage store promises, whoever writes it; `autores.testing.stores` checks it.

One URL is one lineage: a chain of events, the projections that `autores.lineage.fold`
makes of them, and a few side tables that are neither hashed nor exported (secrets, leases,
cursors of event subscribers).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import Protocol

from autores.errors import RunFailed, UserError
from autores.events import Body, Created, Event, Head
from autores.lineage.chain import Link
from autores.records import Look, Phase, Trial
from autores.status import Status

Build = Callable[[Head], Sequence[Body]]
"""Makes the bodies to append from the head of that moment; may read the store, not write it."""

NO_SECRETS: Mapping[str, bytes] = MappingProxyType({})

# ------------------------------------------------------------------------------- errors


class StoreError(RunFailed):
    """The store cannot be used as it is; the message says what would mend it."""


class StoreLocked(StoreError):
    """Another process held the store for longer than we wait."""


class StoreReadOnly(StoreError):
    """The store may not be written to."""


class StoreFull(StoreError):
    """No space is left; what was being written was rolled back."""


class StoreDamaged(StoreError):
    """The store's files are not what was written."""


class StoreTooNew(UserError):
    """The store was written by a newer autores."""


class OtherLineage(UserError):
    """The store holds the lineage of another task."""


class NoSuchTrial(UserError):
    """There is no trial of that number, or none that this view shows."""

    def __init__(self, trial: int) -> None:
        super().__init__(f"there is no trial {trial}; `autores ls` lists those there are")
        self.trial = trial


class DuplicateSubmission(StoreError):
    """The session's call has been accepted before, as `trial`: answer the retry with that."""

    def __init__(self, trial: int) -> None:
        super().__init__(f"this call was accepted before as trial {trial}; use that trial")
        self.trial = trial


class Misfit(StoreError):
    """An event that does not fit the lineage, such as a second outcome of one evaluation."""


# ------------------------------------------------------------------------------- queries


class Order(Enum):
    """How the trials of a query are sorted; ties by id."""

    OLDEST = "oldest"
    """By id, ascending."""
    NEWEST = "newest"
    """By id, descending."""
    BEST = "best"
    """By score, best first; trials without a score are left out."""
    LATEST = "latest"
    """By time of finishing, latest first; unfinished trials are left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """Which trials, in which order. All conditions hold together; the defaults ask nothing."""

    statuses: tuple[Status, ...] = ()
    """Any of these; empty: whatever it is, or none yet."""
    phases: tuple[Phase, ...] = ()
    """Any of these; empty: all."""
    specialist: str | None = None
    session: str | None = None
    parent: int | None = None
    """The trial whose tree was edited."""
    tree: str | None = None
    """The id of the submitted git tree."""
    text: str = ""
    """Each word of it begins a word of the hypothesis, upper or lower case."""
    visible: bool = False
    """Only what agents may see as evidence."""
    unsettled: bool = False
    """Only trials that something is still to happen to: unfinished, an evaluation without
    outcome, or a lead or keep whose latest decision asked for measurements."""
    before: int | None = None
    """Only ids below this one."""
    order: Order = Order.OLDEST
    limit: int | None = None


# -------------------------------------------------------------------------------- store


class LineageStore(Protocol):
    """One lineage, durable and append-only.

    **Threads.** Every method may be called from any thread; writes wait for each other,
    reads do not wait for writes. An instance must not be carried across a fork.

    **Writers.** Several processes may open one URL. `append` is a transaction under the
    store's lock, so that each sees the head that all earlier ones left. What a writer may
    append is its own affair: use `lease` to have one supervisor per lineage.

    **Immutability.** An event that was appended never changes and is never removed; a
    trial is the fold of its events, and a `Trial`, `Look` or `Head` that was returned is
    a value that later events leave alone.

    **Durability.** When `append` returns, its events survive `kill -9` and, for stores on
    disk, a power cut. Leases and cursors need only survive the process.

    **Errors.** Each method may raise `StoreLocked`, `StoreReadOnly`, `StoreFull` or
    `StoreDamaged`; after any of them the lineage is as it was before the call.
    """

    def append(
        self, build: Build, *, secrets: Mapping[str, bytes] = NO_SECRETS
    ) -> tuple[Event, ...]:
        """Append what `build` makes of the head, all of it or nothing.

        Args:
            build: Called once, under the lock. What it raises is raised here, and nothing
                is written; an empty sequence writes nothing either.
            secrets: Bytes to keep beside the events, in the same transaction; they are
                neither hashed nor exported.

        Returns:
            The events, as any later reader will see them: text is normalised.

        Raises:
            DuplicateSubmission: A body is `Accepted` with a session and call that were
                accepted before.
            Misfit: A body does not fit the lineage, or a secret's name is taken.
            NoSuchTrial: A body speaks of a trial that there is not.
        """
        ...

    def append_each(self, builds: Sequence[Build]) -> tuple[tuple[Event, ...] | Exception, ...]:
        """Append for several that wait at the same time; on a disk, with one wait for it.

        Each is called in turn, and sees and reads what those before it have left. What one
        of them raises stands in its place, and costs the others nothing; only the errors
        that any method may raise are raised, and then nothing at all was written.
        """
        ...

    def secret(self, name: str) -> bytes | None:
        """The bytes that were kept under a name."""
        ...

    def head(self) -> Head:
        """Where the lineage stands."""
        ...

    def get(self, trial: int) -> Trial:
        """One trial.

        Raises:
            NoSuchTrial: There is none of that number.
        """
        ...

    def looks(self, trial: int) -> tuple[Look, ...]:
        """All evaluations of a trial by ordinal, with the outcomes of those that ended.

        Raises:
            NoSuchTrial: There is none of that number.
        """
        ...

    def query(self, query: Query) -> tuple[Trial, ...]:
        """The trials that a query asks for."""
        ...

    def path(self, trial: int, *, limit: int | None = None) -> tuple[Trial, ...]:
        """From the root along first parents to the trial; of that the last `limit`.

        Raises:
            NoSuchTrial: There is none of that number.
        """
        ...

    def tally(self, *, visible: bool = False) -> Mapping[tuple[str, Status | None], int]:
        """How many trials there are per specialist and status; only counts above 0.

        Args:
            visible: Count only what agents may see.
        """
        ...

    def since(self, seq: int, *, limit: int = 1000) -> tuple[Event, ...]:
        """The events after number `seq`, in order, at most `limit`."""
        ...

    def links(self, seq: int, *, limit: int = 1000) -> tuple[Link, ...]:
        """The same as they are stored and hashed: for audits and exports."""
        ...

    def wait(self, seq: int, timeout: float) -> Head:
        """Block until there is an event after `seq`, by whichever process, or for `timeout`."""
        ...

    def lease(self, name: str, owner: str, seconds: float) -> bool:
        """Take, or renew, the right to something.

        Returns:
            Whether `owner` has it now: it was free, had run out, or was the owner's.
        """
        ...

    def release(self, name: str, owner: str) -> None:
        """Give a lease back; one that is another owner's is left alone."""
        ...

    def cursor(self, name: str) -> int:
        """The number of the last event that a subscriber has seen; 0 at first."""
        ...

    def set_cursor(self, name: str, seq: int) -> None:
        """Remember what a subscriber has seen."""
        ...

    def close(self) -> None:
        """Let go of files and connections; closing twice is allowed, using it again is not."""
        ...


def one_by_one(
    store: LineageStore, builds: Sequence[Build]
) -> tuple[tuple[Event, ...] | Exception, ...]:
    """What `append_each` gives, for a store that gains nothing from doing it at once."""

    def tried(build: Build) -> tuple[Event, ...] | Exception:
        try:
            return store.append(build)
        except Exception as error:  # noqa: BLE001  it is told to whoever asked
            return error

    return tuple(map(tried, builds))


def create(store: LineageStore, created: Created) -> Head:
    """Begin a lineage; where it has begun, make sure that it is this one.

    Raises:
        OtherLineage: The store holds something else.
    """
    store.append(lambda head: () if head.created else (created,))
    head = store.head()
    if head.created != created:
        raise OtherLineage(
            f"the store holds the lineage of {head.created}, not of {created}; "
            "give this run a store of its own with --store"
        )
    return head
