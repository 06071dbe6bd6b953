"""The folder in which a session edits one recipe, checked out at one trial's commit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from autores.errors import AutoresError
from autores.globs import is_editable, matches_any
from autores.records import Recipe
from autores.workspace import names
from autores.workspace.folder import Contents, Folder
from autores.workspace.repository import CodeRepository, CodeTree


class EditRefused(AutoresError):
    """An edit that cannot be made; the text says why and what can be done instead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebase:
    """What came of moving edits onto another commit."""

    commit: str
    changed: tuple[str, ...]
    """Files that now differ from that commit."""
    conflicts: Mapping[str, str]
    """Path to what is the matter; such a file has conflict markers, or one side's content."""

    def __str__(self) -> str:
        edits = f"{len(self.changed)} edited files" if self.changed else "no edits"
        if not self.conflicts:
            return f"now at {self.commit[:12]} with {edits}, no conflict"
        told = "\n".join(self.conflicts.values())
        return f"now at {self.commit[:12]} with {edits}; resolve these conflicts:\n{told}"


class Workspace:
    """A checked-out recipe; paths never lead out of its folder.

    The folder may be shared with a program that edits it on its own: everything is read from
    disk when it is asked for, and no link is ever followed. Until somebody edits, or asks for
    the folder, there is none: many agents only ever read.
    """

    def __init__(self, repository: CodeRepository, folder: Path, recipe: Recipe) -> None:
        self.recipe = recipe
        self.laid_out = False
        """Whether the files lie in the folder."""
        self._repository = repository
        self._files = Folder(folder)
        self._base: CodeTree | None = None

    @property
    def folder(self) -> Path:
        """Where the files lie, for a program or a person."""
        return self._on_disk().root

    @property
    def commit(self) -> str:
        """The commit that was checked out: what a submission from here was made from."""
        return self._tree.commit

    def checkout(self, commit: str) -> None:
        """Make the folder what the commit says; edits and strays are lost."""
        tree = self._repository.tree(commit)
        if self.laid_out:
            self._fill(tree.files())
        self._base = tree

    def reset(self) -> None:
        """Undo all edits."""
        self.checkout(self.commit)

    # ------------------------------------------------------------------------- reading

    def list(self) -> tuple[str, ...]:
        """All files, sorted."""
        return tuple(sorted(self._contents().files))

    def __iter__(self) -> Iterator[str]:
        return iter(self.list())

    def read_bytes(self, path: str) -> bytes:
        """A file's content."""
        self._require_plain(path)
        try:
            return self._plain(path)
        except KeyError:
            known = ", ".join(self.list()[:20])
            raise EditRefused(f"there is no plain file {path!r}; there are: {known}") from None

    def read(self, path: str) -> str:
        """A text file's content."""
        try:
            return self.read_bytes(path).decode()
        except UnicodeDecodeError:
            raise EditRefused(f"{path} is no UTF-8 text") from None

    def changed(self) -> tuple[str, ...]:
        """Files that were added, removed or edited since the checkout."""
        return _differing(self._tree.files(), self.snapshot())

    def diff(self) -> str:
        """All edits since the checkout, as a unified diff."""
        return self._repository.diff_files(self.commit, self.snapshot())

    def snapshot(self) -> dict[str, bytes]:
        """All files as a submission would freeze them.

        Raises:
            RefusedNames: Something in the folder cannot stand in a recipe.
        """
        contents = self._contents()
        if contents.violations:
            raise names.RefusedNames(contents.violations)
        return contents.files

    # ------------------------------------------------------------------------- editing

    def write(self, path: str, content: str | bytes) -> None:
        """Give a file new content; makes it where the recipe allows new files."""
        self._require_editable(path)
        data = content.encode() if isinstance(content, str) else content
        if len(data) > names.LARGEST_FILE:
            raise EditRefused(f"{path} would have {len(data):,} bytes; at most 4 MiB are allowed")
        if not self.recipe.may_add_files and not self._exists(path):
            raise EditRefused(f"{path} would be a new file, and this recipe's files are fixed")
        try:
            self._on_disk().write(path, data)
        except KeyError:
            raise EditRefused(
                f"{path} cannot be written: a folder or a link is in the way"
            ) from None

    def replace(self, path: str, old: str, new: str) -> None:
        """Replace a text that stands exactly once in a file."""
        self._require_editable(path)
        text = self.read(path)
        found = text.count(old) if old else 0
        if found != 1:
            say = "empty" if not old else "not there" if not found else f"there {found} times"
            raise EditRefused(
                f"{path}: the text to replace is {say}; give a text that stands exactly once, "
                "spaces and all, as read from the file"
            )
        self.write(path, text.replace(old, new))

    def delete(self, path: str) -> None:
        """Remove a file."""
        self._require_editable(path)
        self.read_bytes(path)
        self._on_disk().delete(path)

    def rebase(self, commit: str) -> Rebase:
        """Move the edits onto another commit by a three-way merge."""
        merged, conflicts = self._repository.merge(self.commit, self.snapshot(), commit)
        tree = self._repository.tree(commit)
        self._fill(merged)
        self._base = tree
        return Rebase(
            commit=tree.commit, changed=_differing(tree.files(), merged), conflicts=conflicts
        )

    # ------------------------------------------------------------------------- private

    @property
    def _tree(self) -> CodeTree:
        if self._base is None:
            raise EditRefused("nothing is checked out yet")
        return self._base

    def _on_disk(self) -> Folder:
        if not self.laid_out:
            self._fill(self._tree.files())
        return self._files

    def _fill(self, files: Mapping[str, bytes]) -> None:
        names.require_plain(files)
        self._files.create()
        for path, data in files.items():
            self._files.write(path, data)
        self.laid_out = True

    def _contents(self) -> Contents:
        return self._files.scan() if self.laid_out else Contents(files=self._tree.files())

    def _plain(self, path: str) -> bytes:
        return self._files.read(path) if self.laid_out else self._tree.read(path)

    def _exists(self, path: str) -> bool:
        try:
            self._plain(path)
        except KeyError:
            return path in self._tree
        return True

    def _require_plain(self, path: str) -> None:
        if violation := names.check_path(path):
            raise EditRefused(str(violation))

    def _require_editable(self, path: str) -> None:
        self._require_plain(path)
        if not is_editable(self.recipe, path):
            protected = matches_any(path, self.recipe.protected)
            why = "protected" if protected else "not among the editable files"
            raise EditRefused(f"{path} is {why}; editable: {', '.join(self.recipe.editable)}")


def _differing(old: Mapping[str, bytes], new: Mapping[str, bytes]) -> tuple[str, ...]:
    return tuple(path for path in sorted({*old, *new}) if old.get(path) != new.get(path))
