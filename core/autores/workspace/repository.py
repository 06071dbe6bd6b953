"""The snapshot store of a run: a bare git repository with one commit per submission.

Commits are made durable before anyone hears of their ids. Refs are only a cache for people
and their `git log`: the lineage store knows which commit belongs to which trial. They are
kept in `packed-refs` and written there many at a time, because a loose ref per trial takes a
disk block each and seconds to list.

One repository object belongs to one thread; opening another is cheap.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Self

import pygit2
from pygit2.enums import DiffFind, FileMode, MergeFlag

from autores.errors import UserError
from autores.workspace import names
from autores.workspace.folder import Folder
from autores.workspace.objects import GitObject, ObjectStore, blob, commit_of, trees
from autores.workspace.recent import Commit, Entries, Recent
from autores.workspace.refs import TrialRefs

AUTHOR = "autores"
TREES = 256
"""That were read last and are kept at hand."""
_REGULAR = frozenset({FileMode.BLOB, FileMode.BLOB_EXECUTABLE})
_KIND_OF_MODE = {FileMode.LINK: "a symbolic link", FileMode.COMMIT: "a submodule"}
_UNSAFE_IN_AUTHOR = re.compile(r"[^\w.+ -]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEntry:
    """One commit of a history."""

    commit: str
    parents: tuple[str, ...]
    author: str
    message: str


class CodeTree:
    """The files of one commit, read-only; a `records.Tree`."""

    def __init__(self, code: CodeRepository, commit: Commit) -> None:
        self._code = code
        self._commit = commit

    def __iter__(self) -> Iterator[str]:
        return iter(self.entries)

    def __contains__(self, path: object) -> bool:
        return path in self.entries

    def __len__(self) -> int:
        return len(self.entries)

    @property
    def commit(self) -> str:
        """The id of the commit."""
        return self._commit.id

    @property
    def id(self) -> str:
        """The id of the git tree: equal files, equal id."""
        return self._commit.tree

    @property
    def parent(self) -> CodeTree | None:
        """The tree that was edited: that of the first parent."""
        parents = self._commit.parents
        return self._code.tree(parents[0]) if parents else None

    @property
    def merged(self) -> tuple[CodeTree, ...]:
        """The trees that went into it besides: those of the further parents."""
        return tuple(map(self._code.tree, self._commit.parents[1:]))

    @cached_property
    def entries(self) -> Entries:
        """Path to blob id and git mode, sorted by path."""
        known = self._commit.entries
        return self._code.entries(self.id) if known is None else known

    def read(self, path: str) -> bytes:
        """The bytes of a file; KeyError where there is none."""
        entry, mode = self.entries[path]
        if mode not in _REGULAR:
            raise KeyError(path)
        return self._code.blob(entry)

    def kind(self, path: str) -> str:
        """What stands there, as in `a symbolic link`; empty for a plain file."""
        mode = self.entries[path][1]
        return "" if mode in _REGULAR else _KIND_OF_MODE.get(FileMode(mode), "something else")

    def changed(self) -> tuple[str, ...]:
        """The paths that were added, removed or edited since the parent; all without one."""
        mine = self.entries
        theirs = self.parent.entries if self.parent else {}
        return tuple(
            path for path in sorted({*mine, *theirs}) if mine.get(path) != theirs.get(path)
        )

    def files(self) -> dict[str, bytes]:
        """All plain files."""
        return {path: self.read(path) for path in self if not self.kind(path)}


def _walk(tree: pygit2.Tree, prefix: str = "") -> Iterator[tuple[str, tuple[str, int]]]:
    for entry in tree:
        path = prefix + (entry.raw_name or b"").decode("utf-8", "surrogateescape")
        if isinstance(entry, pygit2.Tree):
            yield from _walk(entry, f"{path}/")
        else:
            yield path, (str(entry.id), int(entry.filemode))


def _blobs(files: Mapping[str, bytes]) -> dict[str, GitObject]:
    return {path: blob(data) for path, data in sorted(files.items())}


def _contents(blobs: Mapping[str, GitObject]) -> list[GitObject]:
    """The objects that hold some files; the root tree comes last."""
    return [*blobs.values(), *trees({path: kept.id for path, kept in blobs.items()})]


def _made(tree: str, parents: Sequence[str], message: str, author: str, at: int) -> GitObject:
    name = _UNSAFE_IN_AUTHOR.sub("-", author).strip(" .-") or AUTHOR
    by = f"{name} <{name.replace(' ', '-')}@{AUTHOR}>"
    return commit_of(tree, parents, by, at, message.replace("\0", ""))


class CodeRepository:
    """`code.git` of one run."""

    def __init__(self, path: Path, git: pygit2.Repository, recent: Recent) -> None:
        self.path = path
        self.refs = TrialRefs(path)
        self.recent = recent
        self._objects = ObjectStore(path / "objects")
        self._trees: dict[str, CodeTree] = {}
        self._git = git

    @classmethod
    def create(cls, path: Path) -> Self:
        """Make an empty repository; the folder must not exist."""
        if path.exists():
            raise UserError(f"{path} exists already; choose another folder")
        pygit2.init_repository(str(path), bare=True, initial_head="keeps")
        for number in range(256):
            (path / "objects" / f"{number:02x}").mkdir()
        config = pygit2.Config(str(path / "config"))
        config["core.fsync"] = "committed,reference"
        config["gc.auto"] = "0"  # drafts are unreachable until they are submitted
        return cls.open(path)

    @classmethod
    def open(cls, path: Path, recent: Recent | None = None) -> Self:
        """Open an existing repository; `recent`, where others of the run have it open."""
        try:
            return cls(path, pygit2.Repository(str(path)), recent or Recent())
        except pygit2.GitError:
            raise UserError(f"{path} is no git repository; was the run moved?") from None

    def recover(self) -> None:
        """Mend what a power cut has taken of objects that were kept; for whoever has the run."""
        self._objects.recover()

    def close(self) -> None:
        """Have all that was kept in files that are on the disk."""
        self._objects.settle()

    # ------------------------------------------------------------------------- writing

    def seed(self, recipe: Path | Mapping[str, bytes]) -> str:
        """Commit the recipe that a run begins with; return the commit's id."""
        if isinstance(recipe, Path):
            contents = Folder(recipe).scan()
            if contents.violations:
                raise names.RefusedNames(contents.violations)
            recipe = contents.files
        if not recipe:
            raise UserError("the recipe has no files; name the folder that holds its code")
        return self.commit(recipe, message="The recipe as it came")

    def commit(
        self,
        files: Mapping[str, bytes],
        parents: Sequence[str] = (),
        message: str = "",
        author: str = AUTHOR,
        *,
        at: int | None = None,
    ) -> str:
        """Keep a tree, durably. The same arguments always give the same id.

        Args:
            files: All files, by path; raises `RefusedNames` where one cannot stand here.
            parents: Commits; the first is the one that was edited.
            message: For `git log`.
            author: Who proposed it; becomes the author's name.
            at: UNIX time; by default one second after the latest parent.
        """
        names.require_plain(files)
        made_from = [self._known(parent) for parent in parents]
        blobs = _blobs(files)
        contents = _contents(blobs)
        tree, ids = contents[-1].id, tuple(parent.id for parent in made_from)
        if at is None:
            at = 1 + max((parent.at for parent in made_from), default=0)
        made = _made(tree, ids, message, author, at)
        self._objects.keep([*contents, made])
        for kept in blobs.values():
            self.recent.keep_blob(kept.id, kept.data)
        entries = {path: (kept.id, int(FileMode.BLOB)) for path, kept in blobs.items()}
        self.recent.keep_commit(Commit(id=made.id, tree=tree, parents=ids, at=at, entries=entries))
        return made.id

    def write_tree(self, files: Mapping[str, bytes]) -> pygit2.Tree:
        """Keep files as a git tree."""
        contents = _contents(_blobs(files))
        self._objects.keep(contents)
        return self._git[contents[-1].id].peel(pygit2.Tree)

    # ------------------------------------------------------------------------- reading

    def __contains__(self, commit: object) -> bool:
        try:
            self._commit(str(commit))
        except KeyError:
            return False
        return True

    def tree(self, commit: str) -> CodeTree:
        """The files of a commit; KeyError where there is none."""
        known = self._trees.get(commit)
        if known is None:
            if len(self._trees) >= TREES:
                del self._trees[next(iter(self._trees))]
            known = self._trees[commit] = CodeTree(self, self._known(commit))
        return known

    def entries(self, tree: str) -> Entries:
        """The files of a git tree."""
        return dict(sorted(_walk(self._git[tree].peel(pygit2.Tree))))

    def blob(self, id_: str) -> bytes:
        """The content of a file."""
        data = self.recent.blob(id_)
        if data is None:
            data = self._git[id_].peel(pygit2.Blob).data
            self.recent.keep_blob(id_, data)
        return data

    def diff(self, old: str, new: str, *, context: int = 3) -> str:
        """What differs between two commits, as a unified diff with renames."""
        return self._rendered(self._commit(old).tree, self._commit(new).tree, context)

    def diff_files(self, old: str, files: Mapping[str, bytes], *, context: int = 3) -> str:
        """What differs between a commit and some files that are not committed."""
        before = self._commit(old).tree
        return self._rendered(before, self.write_tree(files), context)

    def merge(
        self, ancestor: str, ours: Mapping[str, bytes], theirs: str
    ) -> tuple[dict[str, bytes], dict[str, str]]:
        """Merge files that were made from `ancestor` with a commit.

        Returns:
            The merged files, and for each path in conflict what is the matter with it. A file
            that both sides changed in one place has conflict markers.
        """
        base, other = self._commit(ancestor).tree, self._commit(theirs).tree
        index = self._git.merge_trees(base, self.write_tree(ours), other, flags=MergeFlag(0))
        found = [self._conflict(*entries) for entries in index.conflicts or ()]
        conflicts = {path: text for path, _, text in found}
        clean = {str(e.path): self._blob(e) for e in index if e.path not in conflicts}
        return clean | {path: data for path, data, _ in found}, conflicts

    def log(self, commit: str, limit: int = 100) -> tuple[LogEntry, ...]:
        """A commit and what it was edited from, newest first."""
        found: list[LogEntry] = []
        here: pygit2.Commit | None = self._commit(commit)
        while here is not None and len(found) < limit:
            found.append(
                LogEntry(
                    commit=str(here.id),
                    parents=tuple(map(str, here.parent_ids)),
                    author=here.author.name,
                    message=here.message,
                )
            )
            here = here.parents[0] if here.parents else None
        return tuple(found)

    def _known(self, commit: str) -> Commit:
        """A commit, with as much of it as is at hand; KeyError where there is none."""
        known = self.recent.commit(commit)
        if known is None:
            found = self._commit(commit)
            known = Commit(
                id=str(found.id),
                tree=str(found.tree_id),
                parents=tuple(map(str, found.parent_ids)),
                at=found.commit_time,
            )
        return known

    def _commit(self, commit: str) -> pygit2.Commit:
        try:
            return self._git[pygit2.Oid(hex=commit)].peel(pygit2.Commit)
        except (ValueError, pygit2.InvalidSpecError):
            raise KeyError(commit) from None

    def _blob(self, entry: pygit2.IndexEntry) -> bytes:
        return self._git[entry.id].peel(pygit2.Blob).data

    def _rendered(self, old: pygit2.Tree, new: pygit2.Tree, context: int) -> str:
        diff = old.diff_to_tree(new, context_lines=context)
        diff.find_similar(flags=DiffFind.FIND_RENAMES)
        return "".join(p.data.decode("utf-8", "replace") for p in diff if p is not None)

    def _conflict(
        self,
        ancestor: pygit2.IndexEntry | None,
        ours: pygit2.IndexEntry | None,
        theirs: pygit2.IndexEntry | None,
    ) -> tuple[str, bytes, str]:
        """Path, what the merged tree gets, and what people are told."""
        kept = ours or theirs
        assert kept is not None  # both sides deleting a file is no conflict
        path = str(kept.path)
        if ours is None or theirs is None:
            how = "changed here, deleted there" if ours else "deleted here, changed there"
            return path, self._blob(kept), f"{path}: {how}; it was kept"
        try:
            merged = self._git.merge_file_from_index(ancestor, ours, theirs)
        except UnicodeDecodeError:
            return path, self._blob(ours), f"{path}: both sides changed it and it is no text"
        text = merged if isinstance(merged, str) else merged.contents
        return path, text.encode(), f"{path}: both sides changed the same lines\n{text}"

    # ---------------------------------------------------------------------------- refs

    def publish(self, commits: Mapping[int, str]) -> None:
        """Let people say `git log trial/0017`."""
        self.refs.publish(commits)

    def published(self) -> dict[int, str]:
        """The commit that each trial's tag names."""
        return self.refs.published()

    def mend(self, rows: Iterable[tuple[int, str]]) -> None:
        """Bring the refs up to the truth.

        Args:
            rows: The trials above `refs.packed_through`, and their commits.
        """
        self.refs.mend(rows)

    def mark_best(self, commit: str) -> None:
        """Move the tag `best`."""
        self.refs.point("refs/tags/best", commit, durable=True)

    def publish_keeps(self, commits: Sequence[str]) -> None:
        """Make `keeps` a branch of just these trees, oldest first, each with its message.

        Made whole each time, so that a demoted keep leaves it: the same commits come out the
        same, and cost nothing.
        """
        tip: list[str] = []
        for source in map(self._commit, commits):
            message = f"{source.message.rstrip()}\n\nTrial-Commit: {source.id}\n"
            author, at = source.author.name, source.commit_time
            made = _made(str(source.tree_id), tip, message, author, at)
            self._objects.keep([made])
            tip = [made.id]
        if tip:
            self.refs.point("refs/heads/keeps", tip[0], durable=True)
        else:
            self.refs.remove("refs/heads/keeps")

    def fsck(self) -> str:
        """What `git fsck --strict` says; empty when the repository is sound.

        For tests and for `autores doctor`: reads every object, and needs git itself.
        """
        command = ["git", "-C", str(self.path), "fsck", "--strict", "--no-dangling"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        lines = (done.stdout + done.stderr).splitlines()
        said = "\n".join(line for line in lines if not line.startswith(("notice:", "Checking")))
        return said or ("" if done.returncode == 0 else f"git fsck failed: {done.returncode}")
