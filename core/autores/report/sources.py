"""What a report is made from, whatever run it lies in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from autores.manifest import Manifest
from autores.reading import Reading
from autores.readmodel import Story, read
from autores.records import Look, Trial


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """A story, and where to look up the few things that it does not hold."""

    name: str
    story: Story
    manifest: Manifest
    looks: Callable[[int], tuple[Look, ...]]
    """All evaluations of a trial, with logs."""
    diff: Callable[[Trial, Trial], str]
    """What the second trial's code differs from the first's in; empty where there is no code."""

    @classmethod
    def of(cls, reading: Reading) -> Sources:
        """Of an opened run."""

        def diff(old: Trial, new: Trial) -> str:
            try:
                return reading.code.diff(old.submission.commit, new.submission.commit)
            except KeyError:
                return ""

        return cls(
            name=reading.folder.root.resolve().name,
            story=read(reading.store, reading.task),
            manifest=reading.manifest,
            looks=reading.store.looks,
            diff=diff,
        )
