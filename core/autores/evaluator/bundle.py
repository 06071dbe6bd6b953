"""A job as a plain folder: its requests, the trees that they run, and hashes of our own code.

BUNDLE/bundle.json
BUNDLE/trees/COMMIT/...

The folder holds secrets of the task's randomness and nothing of the signing keys. Who reads
it believes the files only as far as their hashes go.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import autores
from autores.codec import canonical, from_json, strict_loads, to_json
from autores.evaluator.request import EvaluationRequest
from autores.evaluator.trees import BadTree, FileTree

VERSION = 1
FILE = "bundle.json"
TREES = "trees"
_LINKED = {"plugins", "specialists", "tasks", "__pycache__"}
"""Folders beside the core that are no part of it."""


class BadBundle(Exception):
    """This job cannot be run as it was meant; our failure, not the candidate's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """An ordered list of evaluations, run under one lease."""

    folder: Path
    requests: tuple[EvaluationRequest, ...]
    code: Mapping[str, str]
    """Module to the hash of the code that the supervisor knows by that name."""

    def tree(self, request: EvaluationRequest) -> FileTree:
        """The files of one request's commit.

        Raises:
            BadBundle: They are not the ones that were submitted.
        """
        try:
            tree = FileTree.load(self.folder / TREES / request.evaluation.commit)
            found = tree.id
        except (BadTree, OSError) as error:
            raise BadBundle(f"the tree of {request.evaluation.commit}: {error}") from None
        if found != request.tree:
            raise BadBundle(f"the tree is {found}, not {request.tree}, which was submitted")
        return tree

    def check_code(self, request: EvaluationRequest) -> None:
        """Compare our own code and the task's with what the supervisor has.

        Raises:
            BadBundle: They differ, so that the scores would not be comparable.
        """
        for module in ("autores", request.plugin):
            if self.code.get(module) != code_hash(module):
                raise BadBundle(f"the code of {module} differs from the supervisor's")


def write_bundle(
    folder: Path,
    requests: Sequence[EvaluationRequest],
    trees: Mapping[str, Mapping[str, bytes]],
) -> None:
    """Write a job.

    Args:
        folder: a place where nothing is yet.
        requests: the evaluations, in order.
        trees: the files of each commit that they name.

    Raises:
        BadTree: A path of a tree is not plain.
    """
    folder.mkdir(mode=0o700, parents=True)
    for commit in {request.evaluation.commit for request in requests}:
        FileTree(trees[commit]).write(folder / TREES / commit)
    modules = {"autores", *(request.plugin for request in requests)}
    description = {
        "version": VERSION,
        "code": {module: code_hash(module) for module in modules},
        "requests": [to_json(request) for request in requests],
    }
    (folder / FILE).touch(mode=0o600)
    (folder / FILE).write_bytes(canonical(description))


def read_bundle(folder: Path) -> Bundle:
    """Read a job's description; the trees are read when they are asked for.

    Raises:
        BadBundle: It is damaged, or of another version.
    """
    try:
        description = strict_loads((folder / FILE).read_bytes())
        if description["version"] != VERSION:
            raise BadBundle(f"version {description['version']!r} of the bundle is not known")
        requests = tuple(from_json(EvaluationRequest, item) for item in description["requests"])
        return Bundle(folder=folder, requests=requests, code=description["code"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadBundle(f"{folder / FILE} cannot be read: {error}") from None


def code_hash(module: str) -> str:
    """A hash over the code of the core (`autores`), or of the package around a plugin."""
    digest = hashlib.sha256()
    for name, path in sorted(_sources(module)):
        digest.update(f"{name}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _sources(module: str) -> Iterable[tuple[str, Path]]:
    if module == "autores":
        return _below(Path(next(iter(autores.__path__))), skip=_LINKED)
    found = importlib.util.find_spec(module)
    if found is None or found.origin is None:
        raise BadBundle(f"the task plugin {module} is not installed here")
    origin = Path(found.origin)
    if "." in module:
        return _below(origin.parent, skip={"__pycache__", "recipe"})
    return [(origin.name, origin)]


def _below(root: Path, skip: set[str]) -> Iterable[tuple[str, Path]]:
    for folder, names, files in os.walk(root):
        names[:] = [name for name in names if name not in skip]
        for file in files:
            if file.endswith(".py"):
                path = Path(folder, file)
                yield path.relative_to(root).as_posix(), path
