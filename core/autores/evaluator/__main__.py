"""`python -I -m autores.evaluator BUNDLE --keys FILE --results DIR`: run one job."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import NoReturn

from autores.evaluator.bundle import BadBundle, read_bundle
from autores.evaluator.hardening import harden
from autores.evaluator.job import BadKeys, run_job, take_keys


def main() -> int:
    """Run all evaluations of a bundle and leave signed results."""
    parser = argparse.ArgumentParser(prog="python -I -m autores.evaluator", description=__doc__)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--keys", type=Path, required=True, help="removed once it is read")
    parser.add_argument("--results", type=Path, required=True, help="an existing folder")
    options = parser.parse_args()
    harden()
    signal.signal(signal.SIGTERM, _leave)
    bundle, results = options.bundle.resolve(), options.results.resolve()
    try:
        keys = take_keys(options.keys)
        os.chdir("/")
        run_job(read_bundle(bundle), keys, results)
    except (BadBundle, BadKeys) as error:
        print(f"autores.evaluator: {error}", file=sys.stderr)
        return 1
    return 0


def _leave(number: int, frame: FrameType | None) -> NoReturn:
    """End all processes and remove all folders on the way out."""
    signal.signal(number, signal.SIG_IGN)
    sys.exit(128 + number)


if __name__ == "__main__":
    sys.exit(main())
