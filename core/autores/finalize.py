"""What was kept, as commits on a branch of the user's own repository.

Nothing else of that repository changes: neither its files nor any other branch. Each edit is
merged into what the recipe has become there, so that the run's copy never overwrites newer
work; where both changed the same lines, nothing is written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import groupby
from pathlib import Path

import pygit2
from pygit2.enums import FileMode

from autores.errors import UserError
from autores.readmodel import Story
from autores.records import Trial
from autores.report.facts import finding, step_effect
from autores.status import Status
from autores.text import escape_line

SUBJECT = 72


class Squash(Enum):
    """What becomes one commit."""

    NONE = "none"
    """Each step."""
    KEEP = "keep"
    """All steps that one keep confirmed together."""
    SURFACE = "surface"
    """All steps on the same surfaces; in a row, where they do not come apart otherwise."""
    ALL = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finalized:
    """A branch that was written."""

    branch: str
    tip: str
    subjects: tuple[str, ...]
    """Of its commits, oldest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """A commit to be: steps, and the recipe's tree after them."""

    steps: tuple[Trial, ...]
    tree: pygit2.Tree


def finalize(
    story: Story,
    files: Callable[[Trial], Mapping[str, bytes]],
    repository: Path,
    *,
    run: str,
    branch: str,
    folder: str = "",
    squash: Squash = Squash.NONE,
) -> Finalized:
    """Write the branch.

    Args:
        story: The run.
        files: The recipe's files as of a trial.
        repository: A folder within the user's git repository.
        run: The run's name, for the commits' messages.
        branch: Name of the branch; begins at the repository's HEAD.
        folder: Where the recipe lies in the repository.
        squash: What becomes one commit.

    Raises:
        UserError: Nothing was kept, or the repository is not fit for it; nothing was written.
    """
    best = story.head.best
    if not best:
        raise UserError("nothing was kept: there is no improvement to put on a branch")
    target = _Target(_opened(repository), folder, branch)
    path = story.path(best)
    trees = [target.keep(files(trial)) for trial in path]
    parts = _parts(path[1:], trees, squash, target.git)
    roots = [target.root_with(trees[0], part.tree) for part in parts]
    subjects = [_subject(part.steps) for part in parts]
    tip = target.head
    for part, root, subject in zip(parts, roots, subjects, strict=True):
        tip = target.commit(root, tip, _message(subject, part.steps, story, run))
    target.git.branches.create(branch, target.git[tip].peel(pygit2.Commit))
    return Finalized(branch=branch, tip=str(tip), subjects=tuple(subjects))


# -------------------------------------------------------------------------------- parts


def _parts(
    steps: Sequence[Trial], trees: Sequence[pygit2.Tree], squash: Squash, git: pygit2.Repository
) -> list[_Part]:
    if squash is Squash.SURFACE:
        return _by_surface(steps, trees, git) or _runs(steps, trees, _surfaces)
    if squash is Squash.ALL:
        return _runs(steps, trees, lambda trial: "")
    if squash is Squash.KEEP:
        ends = [trial.id for trial in steps if trial.status is Status.KEEP]
        order = {trial.id: place for place, trial in enumerate(steps)}
        return _runs(steps, trees, lambda t: str(next(e for e in ends if order[e] >= order[t.id])))
    return _runs(steps, trees, lambda trial: str(trial.id))


def _runs(
    steps: Sequence[Trial], trees: Sequence[pygit2.Tree], key: Callable[[Trial], str]
) -> list[_Part]:
    """Neighbours of the same key together."""
    done, parts = 0, []
    for _, found in groupby(steps, key):
        group = tuple(found)
        done += len(group)
        parts.append(_Part(steps=group, tree=trees[done]))
    return parts


def _by_surface(
    steps: Sequence[Trial], trees: Sequence[pygit2.Tree], git: pygit2.Repository
) -> list[_Part]:
    """Steps moved to others of their surface; empty where that changes the outcome."""
    groups: dict[str, list[int]] = {}
    for place, step in enumerate(steps):
        groups.setdefault(_surfaces(step), []).append(place)
    here, parts = trees[0], []
    for places in groups.values():
        for place in places:
            merged = git.merge_trees(trees[place], here, trees[place + 1])
            if merged.conflicts:
                return []
            here = git[merged.write_tree(git)].peel(pygit2.Tree)
        parts.append(_Part(steps=tuple(steps[place] for place in places), tree=here))
    return parts if here.id == trees[-1].id else []


def _surfaces(trial: Trial) -> str:
    edit = trial.submission.edit
    return ", ".join(sorted(edit.surfaces)) if edit else ""


# ----------------------------------------------------------------------------- messages


def _subject(steps: Sequence[Trial]) -> str:
    if len(steps) == 1:
        return escape_line(steps[0].submission.hypothesis, SUBJECT)
    surfaces = sorted(
        {s for t in steps for s in (t.submission.edit.surfaces if t.submission.edit else ())}
    )
    return escape_line(
        f"Improve {', '.join(surfaces) or 'the recipe'} in {len(steps)} steps", SUBJECT
    )


def _message(subject: str, steps: Sequence[Trial], story: Story, run: str) -> str:
    trailers = [f"Autores-Trial: {trial.id:04d} {trial.submission.commit}" for trial in steps]
    told = "\n".join(_told(steps, story))
    return "\n\n".join((subject, told, "\n".join((f"Autores-Run: {run}", *trailers)))) + "\n"


def _told(steps: Sequence[Trial], story: Story) -> Iterator[str]:
    for trial in steps:
        status = trial.status.value if trial.status else "unfinished"
        said = escape_line(trial.submission.hypothesis, 2000)
        yield f"{said} ({status}, {step_effect(story, trial)})"
    if steps[-1].id == story.head.best:
        yield f"\nConfirmed with all before it: {finding(story)}"


# ------------------------------------------------------------------- the user's repository


def _opened(path: Path) -> pygit2.Repository:
    found = pygit2.discover_repository(str(path.resolve())) if path.exists() else None
    if found is None:
        raise UserError(f"{path} is in no git repository; name a folder in yours with --into")
    return pygit2.Repository(found)


class _Target:
    """The repository that gets the branch."""

    def __init__(self, git: pygit2.Repository, folder: str, branch: str) -> None:
        if git.head_is_unborn:
            raise UserError("that repository has no commit yet; commit the recipe there first")
        if not pygit2.reference_is_valid_name(f"refs/heads/{branch}"):
            raise UserError(f"{branch!r} is no name for a branch; choose another with --branch")
        if branch in git.branches.local:
            raise UserError(f"there is a branch {branch!r} already; choose another with --branch")
        self.git = git
        self.head = git.head.peel(pygit2.Commit).id
        self._prefix = f"{folder.strip('/')}/" if folder.strip("/.") else ""
        self._before = pygit2.Index()
        self._before.read_tree(git[self.head].peel(pygit2.Tree))
        self._ours = self._within()
        try:
            self._author = git.default_signature
        except KeyError:
            raise UserError("git does not know who you are; set user.name and user.email") from None

    def keep(self, files: Mapping[str, bytes]) -> pygit2.Tree:
        """Some files as a tree of this repository."""
        index = pygit2.Index()
        for path, data in files.items():
            index.add(pygit2.IndexEntry(path, self.git.create_blob(data), FileMode.BLOB))
        return self._tree(index)

    def root_with(self, seed: pygit2.Tree, recipe: pygit2.Tree) -> pygit2.Oid:
        """The repository's files with what was changed between two trees of the recipe."""
        merged = self.git.merge_trees(seed, self._ours, recipe)
        if merged.conflicts:
            paths = sorted({str(e.path) for entries in merged.conflicts for e in entries if e})
            raise UserError(
                f"in your repository {', '.join(self._prefix + p for p in paths)} differs from what "
                "the run began with, in the same lines or by being elsewhere; say where the recipe "
                "lies with --folder, or check out the commit that the run began with"
            )
        index = pygit2.Index()
        index.read_tree(self.git[self.head].peel(pygit2.Tree))
        for entry in self._before:
            if entry.path.startswith(self._prefix):
                index.remove(entry.path)
        for entry in merged:
            index.add(pygit2.IndexEntry(self._prefix + entry.path, entry.id, entry.mode))
        return index.write_tree(self.git)

    def commit(self, root: pygit2.Oid, parent: pygit2.Oid, message: str) -> pygit2.Oid:
        """One commit, which no branch names yet."""
        return self.git.create_commit(None, self._author, self._author, message, root, [parent])

    def _within(self) -> pygit2.Tree:
        index = pygit2.Index()
        for entry in self._before:
            if entry.path.startswith(self._prefix):
                short = entry.path.removeprefix(self._prefix)
                index.add(pygit2.IndexEntry(short, entry.id, entry.mode))
        return self._tree(index)

    def _tree(self, index: pygit2.Index) -> pygit2.Tree:
        return self.git[index.write_tree(self.git)].peel(pygit2.Tree)
