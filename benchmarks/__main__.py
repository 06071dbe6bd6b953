"""`python -m benchmarks NAME [--json FILE]`; without a name, the list.

`all` runs every one that returns a report and keeps its figures under benchmarks/results;
`readme` writes benchmarks/README.md from what lies there.
"""

from __future__ import annotations

import argparse
import importlib
import json
import pkgutil
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import benchmarks
from benchmarks.report import RESULTS, Report

NOT_BENCHMARKS = {
    "__main__",
    "airbench_shapes",
    "evolve_fits",
    "evolve_readings",
    "evolve_ruled",
    "evolve_world",
    "report",
}
HERE = Path(__file__).parent


def names() -> list[str]:
    """Every benchmark there is: a module here that has a `run`."""
    found = (module.name for module in pkgutil.iter_modules(benchmarks.__path__))
    return sorted(name for name in found if name not in NOT_BENCHMARKS)


def module_of(name: str) -> ModuleType:
    """A benchmark's module."""
    return importlib.import_module(f"benchmarks.{name}")


def question(name: str) -> str:
    """The first line of a benchmark's docstring."""
    return (module_of(name).__doc__ or "").strip().partition("\n")[0]


def measure(name: str, file: Path | None) -> bool:
    """Run one benchmark and print it; whether no figure exceeds its limit."""
    report: Report = module_of(name).run()
    print(report.render(), end="\n\n")
    if file is not None:
        file.write_text(report.to_json() + "\n")
    return report.passed


def readme() -> str:
    """All figures that were kept, as one page."""
    return "\n".join(_readme()) + "\n"


def _readme() -> Iterator[str]:
    yield "# What was measured"
    yield ""
    yield "Written by `python -m benchmarks readme` from `results/`. One module per question; "
    yield "`python -m benchmarks NAME` measures again. A limit is what was asked for; where a"
    yield "figure exceeds it, that is said."
    for name in names():
        file = RESULTS / f"{name}.json"
        if not file.exists() and not hasattr(module_of(name), "run"):
            continue  # it gathers what others compare
        yield from ("", f"## {name}", "", question(name))
        if not file.exists():
            yield from ("", "Not measured yet.")
            continue
        kept = json.loads(file.read_text())
        if "title" in kept:
            yield from ("", *Report.from_json(kept).markdown())
        else:
            yield from ("", f"Figures in `results/{file.name}`; told in the docs.")


def main() -> int:
    """Run what was asked for; exits with 1 where a figure exceeds its limit."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("name", nargs="?", choices=[*names(), "all", "readme"])
    parser.add_argument("--json", type=Path, metavar="FILE")
    arguments = parser.parse_args()
    if arguments.name is None:
        width = max(map(len, names()))
        print("\n".join(f"{name:{width}}  {question(name)}" for name in names()))
        return 0
    if arguments.name == "readme":
        (HERE / "README.md").write_text(readme())
        return 0
    if arguments.name == "all":
        with_report = [name for name in names() if hasattr(module_of(name), "run")]
        passed = [measure(name, RESULTS / f"{name}.json") for name in with_report]
        return 0 if all(passed) else 1
    if not hasattr(module_of(arguments.name), "run"):
        parser.error(f"it has its own options: python -m benchmarks.{arguments.name}")
    return 0 if measure(arguments.name, arguments.json) else 1


if __name__ == "__main__":
    sys.exit(main())
