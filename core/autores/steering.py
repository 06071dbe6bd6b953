"""What people who run a run have said of its course, as it stands in the lineage."""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum

from autores.events import Event, Marked, Steered
from autores.lineage.store import LineageStore
from autores.records import Tree, Violation
from autores.workspace.changes import FileChange, file_changes

TAKEN = "taken"
"""The mark of a session that has worked on a queued idea; its text is the idea's number."""
_BATCH = 2000
_KINDS = ("steered", "marked")


class Action(Enum):
    """What a person can do."""

    HINT = "hint"
    PIN = "pin"
    UNPIN = "unpin"
    BLOCK = "block"
    BLOCK_IDEA = "block-idea"
    QUEUE = "queue"
    DROP = "drop"
    """Takes a hint, a block or a queued idea back, named by its text."""
    STOP = "stop"


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """Something that a person said, and the event that it was."""

    seq: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """What holds now."""

    hints: tuple[Said, ...] = ()
    pinned: int | None = None
    """Where sessions start, whoever leads."""
    knobs: tuple[Said, ...] = ()
    """Names whose code and values are not to be touched."""
    ideas: tuple[Said, ...] = ()
    """Words which no hypothesis may all have."""
    queued: tuple[Said, ...] = ()
    """To be worked on, each by one session."""
    changes: int = 0
    """How often people steered."""

    def after(self, event: Event) -> Course:
        """The course once an event has happened."""
        body = event.body
        if isinstance(body, Marked) and body.name == TAKEN:
            return replace(self, queued=tuple(q for q in self.queued if str(q.seq) != body.text))
        if not isinstance(body, Steered):
            return self
        said, changed = Said(seq=event.seq, text=body.text), replace(self, changes=self.changes + 1)
        match body.action:
            case Action.HINT.value:
                return replace(changed, hints=(*self.hints, said))
            case Action.PIN.value:
                return replace(changed, pinned=body.trial)
            case Action.UNPIN.value:
                return replace(changed, pinned=None)
            case Action.BLOCK.value:
                return replace(changed, knobs=(*self.knobs, said))
            case Action.BLOCK_IDEA.value:
                return replace(changed, ideas=(*self.ideas, said))
            case Action.QUEUE.value:
                return replace(changed, queued=(*self.queued, said))
            case Action.DROP.value:
                return changed._without(body.text)
        return changed

    def _without(self, text: str) -> Course:
        def others(several: tuple[Said, ...]) -> tuple[Said, ...]:
            return tuple(said for said in several if said.text != text)

        return replace(
            self,
            hints=others(self.hints),
            knobs=others(self.knobs),
            ideas=others(self.ideas),
            queued=others(self.queued),
        )

    # ----------------------------------------------------------------------- refusing

    def refuses(self, hypothesis: str, before: Tree, after: Tree) -> tuple[Violation, ...]:
        """What of a proposal people do not want."""
        said = hypothesis.lower()
        found = [
            _refused(idea, "the hypothesis has these words")
            for idea in self.ideas
            if all(re.search(rf"\b{re.escape(w)}", said) for w in idea.text.lower().split())
        ]
        changes = file_changes(before, after) if self.knobs else ()
        return (
            *found,
            *(_refused(k, "it is edited") for k in self.knobs if touches(changes, k.text)),
        )


def touches(changes: Sequence[FileChange], knob: str) -> bool:
    """Whether an edit changes something of that name, or a line in which the name stands."""
    path, _, name = knob.rpartition("::")
    word = re.compile(rf"(?<![\w.]){re.escape(name)}(?!\w)")
    return any(
        name in unit.unit.names or any(own.split(".")[-1] == name for own in unit.unit.names)
        for change in changes
        if path in ("", *change.paths)
        for unit in change.units
    ) or any(
        word.search(line)
        for change in changes
        if path in ("", *change.paths)
        for line in _changed_lines(change)
    )


def _changed_lines(change: FileChange) -> list[str]:
    """The lines that went and that came, without comments."""
    found = []
    for source, numbers in zip((change.before, change.after), change.lines, strict=True):
        lines = source.decode("utf-8", errors="replace").splitlines()
        found += [lines[n - 1].partition("#")[0] for n in numbers if n <= len(lines)]
    return found


def _refused(said: Said, why: str) -> Violation:
    return Violation(
        rule="steering",
        message=f"{said.text!r} was blocked by the people who run this: {why}.",
        fix="Propose something else.",
    )


class Steering:
    """Follows a lineage. May be used from any thread."""

    def __init__(self, store: LineageStore) -> None:
        """Begin at the first event when first asked."""
        self._store = store
        self._seq = 0
        self._course = Course()
        self._lock = threading.Lock()
        self._lent: set[int] = set()
        self._left: Counter[int] = Counter()
        """How many sessions could do nothing with an idea."""

    @property
    def course(self) -> Course:
        """What holds now."""
        with self._lock:
            while links := self._store.links(self._seq, limit=_BATCH):
                for link in links:
                    if link.kind in _KINDS:
                        self._course = self._course.after(link.open())
                self._seq = links[-1].seq
            return self._course

    def lend(self) -> Said | None:
        """The next queued idea that no session works on; those that some left come later."""
        free = (said for said in self.course.queued if said.seq not in self._lent)
        idea = min(free, key=lambda said: self._left[said.seq], default=None)
        if idea is not None:
            self._lent.add(idea.seq)
        return idea

    def give_back(self, idea: Said, *, left: bool = False) -> None:
        """The session came to nothing, or left the idea; another may take it."""
        self._lent.discard(idea.seq)
        self._left[idea.seq] += left
