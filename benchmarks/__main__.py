"""`python -m benchmarks NAME [--json FILE]`; without a name, the list."""

from __future__ import annotations

import argparse
import importlib
import pkgutil
import sys
from pathlib import Path

import benchmarks

NOT_BENCHMARKS = {"__main__", "report"}


def names() -> list[str]:
    """Every benchmark there is: a module here that has a `run`."""
    found = (module.name for module in pkgutil.iter_modules(benchmarks.__path__))
    return sorted(name for name in found if name not in NOT_BENCHMARKS)


def summary(name: str) -> str:
    """The first line of a benchmark's docstring."""
    module = importlib.import_module(f"benchmarks.{name}")
    return (module.__doc__ or "").strip().partition("\n")[0]


def main() -> int:
    """Run one benchmark; exits with 1 where a figure exceeds its limit."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("name", nargs="?", choices=names())
    parser.add_argument("--json", type=Path, metavar="FILE")
    arguments = parser.parse_args()
    if arguments.name is None:
        width = max(map(len, names()))
        print("\n".join(f"{name:{width}}  {summary(name)}" for name in names()))
        return 0
    module = importlib.import_module(f"benchmarks.{arguments.name}")
    if not hasattr(module, "run"):
        parser.error(f"{arguments.name} has its own options: python -m benchmarks.{arguments.name}")
    report = module.run()
    print(report.render())
    if arguments.json:
        arguments.json.write_text(report.to_json() + "\n")
    return 0 if report.passed else 1


if __name__ == "__main__":
    sys.exit(main())
