"""Stands in for `python -m autores.evaluator` where only the executor is tested.

The same command line, files and signatures; the toy is measured in this process. What it
does besides is said by `sizes` of the task: `orphans` to leave behind, `die` by a signal.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from autores.evaluator.bundle import BadBundle, read_bundle
from autores.evaluator.signing import key_name, sign
from autores.records import Outcome
from autores.status import Cause
from autores.testing import toy

ORPHAN = "import signal, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(300)"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--keys", type=Path)
    parser.add_argument("--results", type=Path)
    options = parser.parse_args()
    keys = json.loads(options.keys.read_text())
    options.keys.unlink()
    bundle = read_bundle(options.bundle)
    for position, request in enumerate(bundle.requests):
        sizes = request.task.sizes
        for _ in range(sizes.get("orphans", 0)):
            subprocess.Popen([sys.executable, "-c", ORPHAN], start_new_session=True)
        if "note" in sizes:
            note = {"cpus": request.cpus, "gpus": request.gpus, "environment": dict(os.environ)}
            Path(sizes["note"]).write_text(json.dumps(note | {"folder": os.getcwd()}))
        if "die" in sizes:
            os.kill(os.getpid(), signal.Signals[sizes["die"]])
        try:
            outcome = toy.autores_evaluate(request=request, tree=bundle.tree(request))
        except BadBundle as error:
            outcome = Outcome(cause=Cause.HARNESS, detail=str(error))
        key = bytes.fromhex(keys[key_name(request.evaluation)])
        partial = options.results / f"{position}.part"
        partial.write_bytes(sign(key, request.evaluation, request.tree, outcome))
        partial.rename(options.results / f"{position}.json")


if __name__ == "__main__":
    main()
