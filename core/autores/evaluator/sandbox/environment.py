"""What a candidate can import: the interpreter and an allow-list of distributions.

The virtual environment of the evaluator is never mounted. A small one is made beside it, a
`View`, whose site-packages holds the allowed distributions and nothing else: neither
`autores`, nor a task, nor a `.pth` file.
"""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

DISTRIBUTIONS = ("numpy", "torch")
METADATA = ("METADATA", "entry_points.txt", "top_level.txt", "WHEEL")
SITE_PATTERNS = tuple(
    f"{lib}/python3*/{packages}"
    for lib in ("lib", "lib64", "local/lib", "local/lib64")
    for packages in ("site-packages", "dist-packages")
)
SYSTEM = Path("/usr")
VERSION = f"python{sys.version_info.major}.{sys.version_info.minor}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """An interpreter and the top-level names that may be imported."""

    interpreter: Path
    """The real file, outside of every virtual environment."""
    trees: tuple[Path, ...]
    """What the interpreter needs to run, besides /usr."""
    hidden: tuple[Path, ...]
    """Folders beneath /usr or the trees that stay out: installed packages, sources."""
    packages: tuple[Path, ...]
    """Folders and modules that may be imported."""
    descriptions: tuple[Path, ...]
    """The `.dist-info` folders of the same distributions."""


def discover(
    distributions: Iterable[str] = DISTRIBUTIONS, hide: Sequence[Path] = ()
) -> Environment:
    """Find this interpreter and what the named distributions need, where they are installed.

    Args:
        distributions: what candidates may import, with what that requires.
        hide: folders that must not be seen even if they lie in what is mounted.
    """
    base = Path(sys.base_prefix).resolve()
    system = base.is_relative_to(SYSTEM)
    interpreter = base / "bin" / VERSION
    if not interpreter.exists():
        interpreter = Path(sys.executable).resolve()
    trees = () if system else (interpreter, base / "lib")
    packages, descriptions = _installed(distributions)
    visible = (SYSTEM, *trees)
    sites = [path for root in {SYSTEM, base} for path in _sites(root)]
    sources = [SYSTEM / "src", SYSTEM / "local" / "src", *hide]
    hidden = {path for path in map(Path.resolve, [*sites, *sources]) if path.is_dir()}
    return Environment(
        interpreter=interpreter,
        trees=trees,
        hidden=tuple(sorted(path for path in hidden if _beneath(path, visible))),
        packages=packages,
        descriptions=descriptions,
    )


def _sites(root: Path) -> Iterator[Path]:
    for pattern in SITE_PATTERNS:
        yield from root.glob(pattern)


def _beneath(path: Path, roots: Iterable[Path]) -> bool:
    return any(path.is_relative_to(root) for root in roots)


def _installed(names: Iterable[str]) -> tuple[tuple[Path, ...], tuple[Path, ...]]:
    packages: dict[str, Path] = {}
    descriptions: dict[str, Path] = {}
    for distribution in _closure(names).values():
        for path in _top_level(distribution):
            found = descriptions if path.suffix == ".dist-info" else packages
            found.setdefault(path.name, path)
    return tuple(packages.values()), tuple(descriptions.values())


def _closure(names: Iterable[str]) -> dict[str, metadata.Distribution]:
    """The distributions and all that they require; what is not installed is left out."""
    found: dict[str, metadata.Distribution] = {}
    wanted = list(names)
    while wanted:
        name = re.sub(r"[-_.]+", "-", wanted.pop()).lower()
        if name in found:
            continue
        try:
            found[name] = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue
        wanted += _required(found[name])
    return found


def _required(distribution: metadata.Distribution) -> Iterator[str]:
    for requirement in distribution.requires or ():
        named = re.match(r"[A-Za-z0-9._-]+", requirement)
        if named and "extra ==" not in requirement:
            yield named[0]


def _top_level(distribution: metadata.Distribution) -> Iterator[Path]:
    """What a distribution put directly into site-packages, but no path files or scripts."""
    record = distribution.read_text("RECORD") or ""
    names = {line.partition("/")[0].partition(",")[0] for line in record.splitlines()}
    site = Path(str(distribution.locate_file("")))
    for name in sorted(names - {"", "..", "__pycache__"}):
        if not name.endswith(".pth") and (site / name).exists():
            yield (site / name).resolve()


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A virtual environment of the allowed distributions, in a folder of its own."""

    root: Path
    holes: tuple[tuple[Path, Path], ...]
    """(package folder, empty folder in the view) to be mounted; none where links are used."""

    @property
    def python(self) -> Path:
        """Where the interpreter is found."""
        return self.root / "bin" / "python"


def build(environment: Environment, root: Path, *, links: bool) -> View:
    """Make the view.

    Args:
        environment: what goes in.
        root: a folder that does not exist yet.
        links: link to packages, for levels that cannot mount, or leave holes for mounts.
    """
    site = root / "lib" / VERSION / "site-packages"
    site.mkdir(parents=True)
    (root / "bin").mkdir()
    (root / "bin" / "python").symlink_to(environment.interpreter)
    (root / "bin" / "python3").symlink_to("python")
    home = environment.interpreter.parent
    (root / "pyvenv.cfg").write_text(f"home = {home}\ninclude-system-site-packages = false\n")
    for description in environment.descriptions:
        _describe(description, site / description.name)
    holes = []
    for package in environment.packages:
        place = site / package.name
        if not package.is_dir():
            shutil.copyfile(package, place)
        elif links:
            place.symlink_to(package)
        else:
            place.mkdir()
            holes.append((package, place))
    _open_to_all(root)
    return View(root=root, holes=tuple(holes))


def _describe(source: Path, target: Path) -> None:
    target.mkdir()
    for name in METADATA:
        if (source / name).is_file():
            shutil.copyfile(source / name, target / name)


def _open_to_all(root: Path) -> None:
    """Readable by the candidate's uid, whatever the umask."""
    for path in (root, *root.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() else 0o644)
