"""What this task asks of a recipe, besides the gates that every task has.

Tokenizer, data and evaluation are out of a recipe's reach anyway: they lie outside its tree,
and the score is computed elsewhere. What is refused here would fail later, at the price of a
machine, or would leave the comparison that depth and vocabulary define.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Sequence

from autores.records import Severity, Tree, Violation
from autores.status import Cause
from autores.tasks.nanochat import estimate
from autores.tasks.nanochat.profiles import Profile, parameters

PACKAGES = {"numpy", "torch", "tokenizers", "pyarrow", "harness"}
FIXED = {"depth", "vocabulary"}
LEARNING = {"trainers", "train_from_iterator", "BpeTrainer", "train_new_from_iterator"}
FLAGGED_CHANGE = 0.05
_SPEAKS = {
    "ready": "call harness.ready() when everything is built and warm",
    "done": "hand the weights over with harness.done(artifact)",
    "serve": "answer with harness.serve(predict), or loop over harness.stream()",
}
Nodes = Sequence[ast.AST]


def check_tree(tree: Tree, profile: Profile) -> Iterator[Violation]:
    """Everything that is wrong with the files of a submission."""
    parsed = {}
    for path in tree:
        if path.endswith(".py"):
            try:
                parsed[path] = tuple(ast.walk(ast.parse(tree.read(path))))
            except (SyntaxError, ValueError, RecursionError):
                return  # the gate of syntax says so
    own = {path.split("/")[0].removesuffix(".py") for path in tree}
    for path, nodes in parsed.items():
        yield from _dependencies(path, nodes, PACKAGES | own | set(sys.stdlib_module_names))
        yield from _fixed(path, nodes)
        yield from _tokenizer(path, nodes)
    yield from _shape(tree)
    yield from _horizon(tree, profile)
    yield from _parameters(tree, profile)
    yield from _protocol([node for nodes in parsed.values() for node in nodes])


def _dependencies(path: str, nodes: Nodes, known: set[str]) -> Iterator[Violation]:
    for node in nodes:
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [node.module]
        for name in names:
            if name.split(".")[0] not in known:
                yield _refused(
                    "dependency",
                    f"{name} is not there when the recipe runs.",
                    "Use numpy, torch, tokenizers, pyarrow and the standard library.",
                    path,
                    node,
                )


def _fixed(path: str, nodes: Nodes) -> Iterator[Violation]:
    for node in nodes:
        if (name := _overridden(node)) is not None:
            yield _refused(
                "fixed-shape",
                f"{name} is the profile's.",
                f"Leave {name} as it comes in job.sizes.",
                path,
                node,
            )


def _overridden(node: ast.AST) -> str | None:
    """The fixed size that a node sets: by an argument, an item, an attribute or a name."""
    if isinstance(node, ast.Call):
        return next((k.arg for k in node.keywords if k.arg in FIXED), None)
    if isinstance(node, ast.Dict):
        keys = [str(k.value) for k in node.keys if isinstance(k, ast.Constant)]
        return next((key for key in keys if key in FIXED), None)
    targets = node.targets if isinstance(node, ast.Assign) else []
    if isinstance(node, ast.AugAssign):
        targets = [node.target]
    for target in targets:
        name = _set_by(target, to_number=isinstance(getattr(node, "value", None), ast.Constant))
        if name in FIXED:
            return name
    return None


def _set_by(target: ast.expr, *, to_number: bool) -> str:
    if isinstance(target, ast.Subscript) and isinstance(target.slice, ast.Constant):
        return str(target.slice.value)
    if isinstance(target, ast.Attribute):
        return target.attr
    return target.id if isinstance(target, ast.Name) and to_number else ""


def _tokenizer(path: str, nodes: Nodes) -> Iterator[Violation]:
    for node in nodes:
        if isinstance(node, ast.Attribute | ast.Name):
            name = node.attr if isinstance(node, ast.Attribute) else node.id
            if name in LEARNING:
                yield _refused(
                    "fixed-tokenizer",
                    f"{name} would learn another vocabulary.",
                    "Use the tokenizer that lies in the data folder.",
                    path,
                    node,
                )


def _shape(tree: Tree) -> Iterator[Violation]:
    if not estimate.unchanged(tree, estimate.MODEL, "Shape"):
        yield Violation(
            rule="fixed-shape",
            message="the class Shape is not the seed recipe's.",
            fix="Take depth and vocabulary from Shape.of(job.sizes); put what is new elsewhere.",
            path=estimate.MODEL,
        )


def _horizon(tree: Tree, profile: Profile) -> Iterator[Violation]:
    found = estimate.horizon(tree, profile.sizes)
    if found is None:
        return
    row = profile.sizes["sequence"] * profile.ranks
    rows = found.batch // row
    each = row * max(1, min(profile.sizes["device_batch"], rows))
    if found.batch % each or found.steps < 1:
        yield Violation(
            rule="divisibility",
            message=f"{found.steps:,} steps of {found.batch:,} tokens; a batch must be a multiple "
            f"of {each:,}, and there must be a step.",
            fix="Change ratio or batch_exponent.",
            path=estimate.SCHEDULE,
        )


def _parameters(tree: Tree, profile: Profile) -> Iterator[Violation]:
    found, seed = estimate.count(tree, profile.sizes), parameters(profile.sizes)
    if found is None:
        return
    if abs(found - seed) > FLAGGED_CHANGE * seed:
        yield Violation(
            rule="parameters",
            message=f"{found:,} parameters, {found / seed - 1:+.1%} of the seed recipe's.",
            fix="Say so in the hypothesis; mind the limit of the artifact.",
            severity=Severity.WARN,
            path=estimate.MODEL,
        )
    precision = 2 if profile.gpus else 4
    wanted = estimate.memory(profile.sizes, found, precision=precision)
    if wanted > profile.rank_bytes:
        yield Violation(
            rule="memory",
            message=f"about {wanted / 2**30:.1f} GiB of {profile.rank_bytes / 2**30:.0f}.",
            fix="Make the net smaller.",
            path=estimate.MODEL,
            cause=Cause.MEMORY,
        )


def _protocol(nodes: Nodes) -> Iterator[Violation]:
    said = {
        node.attr
        for node in nodes
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "harness"
    }
    if "stream" in said:
        said.add("serve")
    for word, fix in _SPEAKS.items():
        if word not in said:
            yield Violation(
                rule="protocol",
                message=f"the recipe never says {word!r} to the harness.",
                fix=f"{fix[0].upper()}{fix[1:]}.",
                severity=Severity.WARN,
                path=estimate.LOOP,
            )


def _refused(rule: str, message: str, fix: str, path: str, node: ast.AST) -> Violation:
    return Violation(
        rule=rule, message=message, fix=fix, path=path, line=getattr(node, "lineno", 0)
    )
